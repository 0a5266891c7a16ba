"""A journey shows every stop of a thing: the very bytes of its lines, topic and offset, journal entries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from hub.ledger.database import engine
from hub.ledger.journey import Bytes, follow, mask
from tests.ledger.little_month import FolderArchive, LittleMonth


class Traced:
    """The little month, asked for journeys."""

    def __init__(self, conn: Connection, archive: FolderArchive) -> None:
        self._conn = conn
        self._files = Bytes(archive=archive, agency_encoding="utf-8", bank_encoding="gb18030")

    def __call__(self, name: str) -> list[dict[str, Any]]:
        return [stop.as_json() for stop in follow(self._conn, name, self._files)]


@pytest.fixture
def trace(database: str, tmp_path: Path) -> Iterator[Traced]:
    archive = FolderArchive(tmp_path)
    owner = engine(database, role=None)
    with owner.connect() as conn:
        LittleMonth(conn, archive).happen()
        yield Traced(conn, archive)
        conn.rollback()
    owner.dispose()


def stops(tree: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Every stop of a kind, in order."""
    own = [tree] if tree["stop"] == kind else []
    return own + [stop for child in tree["then"] for stop in stops(child, kind)]


def test_a_bills_journey_from_its_file_to_the_arrears(trace: Traced) -> None:
    (bill,) = trace("A-2")
    assert (bill["stop"], bill["unit"], bill["due"]["total"]) == ("bill", "110101000002", 23600)
    assert [each["name"] for each in stops(bill, "instruction")] == ["A-2-1", "A-2-2"]
    first, second = stops(bill, "answer")
    assert (first["code"], first["deducted"]["total"], first["name"]) == ("01", 20500, "HD_ICBC_20261203_0001.txt")
    assert second["code"] == "02"
    assert stops(bill, "collected")[0]["amounts"] == {
        "pension": 20000, "unemployment": 500, "injury": 0, "maternity": 0, "total": 20500,
    }  # fmt: skip
    assert [each["mode"] for each in stops(bill, "second-collection")] == ["B"]
    assert stops(bill, "arrears")[0]["opened"]["total"] == 3100
    assert {"dues", "bank-arrival", "agency-arrival", "arrears-opened"} == {e["what"] for e in stops(bill, "entry")}


def test_lines_are_shown_as_they_stand_with_accounts_masked(trace: Traced) -> None:
    (bill,) = trace("A-2")
    (in_dues,) = [each for each in bill["then"] if each["stop"] == "file"]
    assert in_dues["line"] == 3
    assert in_dues["text"].startswith(
        "D|2|A-2|110101000002|单位2|B|ICBC|************0002|第**|200.00|20.00|10.00|6.00|236.00|"
    )
    asked, again = stops(bill, "batch-line")
    assert asked["text"] == "D|2|A-2-1|110101000002|************0002|第**|200.00|20.00|10.00|6.00|236.00|P"
    assert again["request_line"] == 1
    assert stops(bill, "answer")[0]["text"] == "D|2|A-2-1|110101000002|236.00|205.00|200.00|5.00|0.00|0.00|01|REF2"
    assert "0200110101000002" not in str(bill)
    assert "第2厂" not in str(bill)


def test_events_are_shown_with_topic_and_offset(trace: Traced) -> None:
    (instruction,) = trace("A-1-1")
    taken = stops(instruction, "taken")
    assert {each["topic"] for each in taken} == {
        "settle.deduction-requested.v1", "settle.first-result.v1", "settle.arrival-notified.v1",
    }  # fmt: skip
    assert all((each["partition"], each["offset"]) == (0, 0) for each in taken)


def test_entries_are_shown_with_their_postings(trace: Traced) -> None:
    (receipt,) = trace("R-1")
    assert (receipt["bill"], receipt["method"], receipt["amount"]) == ("A-3", "CASH", 35400)
    entry = stops(receipt, "entry")[0]
    pension = [each for each in entry["postings"] if each["fund"] == "pension"]
    assert [(each["side"], each["account"], each["amount_fen"]) for each in pension] == [
        ("D", "INCOME_ACCOUNT", 80000), ("C", "FUND_INCOME", 80000), ("D", "MEMO_CONTRA", 80000), ("C", "MEMO_DUES", 80000),
    ]  # fmt: skip


FOUND = [
    ("A-1", "bill"),
    ("A-2-2", "instruction"),
    ("R-3", "receipt"),
    ("T-5", "reversal"),
    ("CCB-1", "batch"),
    ("DK_ICBC_20261202_0001.txt", "batch"),
    ("HD_CCB_20270105_0001.txt", "file"),
    ("DUES_110101_2026-12_M_0001.txt", "file"),
    ("RCPT_110105_20261210_0001.txt", "file"),
    ("110101000001", "unit"),
]


@pytest.mark.parametrize(("name", "kind"), FOUND)
def test_everything_with_a_name_can_be_followed(trace: Traced, name: str, kind: str) -> None:
    (found,) = trace(name)
    assert found["stop"] == kind
    assert found["then"]


def test_money_beyond_the_outstanding_is_followed_into_suspense(trace: Traced) -> None:
    (instruction,) = trace("A-8-1")
    assert stops(instruction, "in-suspense")[0]["amounts"]["total"] == 94400
    assert stops(instruction, "collected") == []


def test_a_unit_leads_to_all_its_bills(trace: Traced) -> None:
    (unit,) = trace("110101000001")
    assert [bill["name"] for bill in unit["then"]] == ["B-1", "A-1"]


@pytest.mark.parametrize("name", ["", "A-99", "DK_NONE_20261202_0001.txt", "' or true --"])
def test_a_name_the_books_do_not_know_leads_nowhere(trace: Traced, name: str) -> None:
    assert trace(name) == []


def test_a_mask_keeps_what_helps_to_recognise() -> None:
    assert mask("6222020000001234") == "************1234"
    assert mask("北京某某公司") == "北*****"
    assert mask("") == ""
