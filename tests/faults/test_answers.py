"""What can be wrong with a bank's answer, by fault: nothing is booked, nothing is sent twice, nothing is lost.

Grammar and bytes alone are the matter of ``tests/connectors/formats``; each single check of a line that of
``tests/domain/test_bank_results.py``. Here whole files meet the books.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from hub.app.cli.sheets import as_csv
from hub.app.quarantine import propose_release
from hub.domain.timetable import TZ
from hub.ledger import clock, quarantine
from hub.ledger.database import engine
from hub.ledger.forms import FORMS, Question, fill
from hub.ledger.journey import Bytes, follow
from hub.runtime import failpoints
from simulators.agency import Bill, Paper
from simulators.amounts import Four, fen, yuan
from tests.processors.answers import (
    CHARSET,
    DUE,
    FULL,
    NOTHING,
    PART,
    UNITS,
    adding_up,
    answered,
    books_are_untouched,
    changed,
)
from tests.processors.city import PERIOD, City, bill, waterfall

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60
NewCity = Callable[..., City]


def quarantined(city: City, paper: Paper, bank: str = "ICBC") -> list[dict[str, Any]]:
    """Puts an answer that must not be taken, and returns its faults; nothing was booked and nothing sent again."""
    sent = city.rows("select batch_id, sha256, sent_at from bank_file_receipt order by 1")
    before = city.rows("select outcome, count(*) from file_intake group by 1 order by 1")
    city.put(bank, paper)
    assert city.poll(bank) == ["quarantined"], paper.data.decode(CHARSET)
    assert books_are_untouched(city)
    assert city.rows("select batch_id, sha256, sent_at from bank_file_receipt order by 1") == sent
    after = dict(city.rows("select outcome, count(*) from file_intake group by 1"))
    assert after["quarantined"] == dict(before).get("quarantined", 0) + 1  # it is not lost either
    found = city.value("select faults from file_intake where outcome = 'quarantined' order by id desc limit 1")
    assert found
    return list(found)


def fields_of(faults: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(fault["field"], fault["code"]) for fault in faults}


def honest_answer_is_taken(city: City, bank: str = "ICBC") -> None:
    """The batch stayed open: the answer that fits is taken, posted once, and is all that is booked."""
    city.put(bank, answered(city, bank))
    assert city.poll(bank) == ["taken"]
    city.advance("11-05T09:00")
    assert [sum(city.collected(no)) for no in ("A-1", "A-2", "A-3")] == [11800, 10400, 0]
    assert city.value("select count(*) from collection") == 2


def test_fault_53_a_crash_after_the_download_before_it_is_registered(asked: City, tmp_path: Path) -> None:
    """The bank's copy has not moved and the books know nothing: the next poll takes it as if for the first time."""
    paper = answered(asked)
    asked.put("ICBC", paper)
    inbound = tmp_path / "inbound"
    inbound.mkdir()
    for name, data in asked.servers["ICBC"].inbound.items():
        assert isinstance(data, bytes)
        (inbound / name).write_bytes(data)
    url = asked.hub.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    died = subprocess.run(
        [sys.executable, "-m", "tests.faults.poll_once", url, str(asked.hub.folder.parent), "ICBC", str(inbound)],
        env={**os.environ, failpoints.VARIABLE: failpoints.AFTER_FETCH, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert died.returncode == failpoints.KILLED, died.stderr.decode()
    assert asked.value("select count(*) from file_intake where door = 'bank'") == 0
    assert books_are_untouched(asked)
    assert (asked.poll("ICBC"), asked.poll("ICBC")) == (["taken"], [])
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["repeat"]
    asked.advance("11-05T09:00")
    assert asked.value("select count(*) from collection") == 2


def test_fault_56_the_same_bytes_again_are_a_repeat_under_any_name(asked: City) -> None:
    paper = answered(asked)
    outcomes = []
    for name in (paper.name, paper.name, "HD_ICBC_20261103_0077.txt"):
        asked.put("ICBC", Paper(name, paper.data))
        outcomes += asked.poll("ICBC")
    asked.advance("11-05T09:00")
    asked.put("ICBC", paper)
    outcomes += asked.poll("ICBC")
    assert outcomes == ["taken", "repeat", "repeat", "repeat"]
    assert asked.value("select count(*) from collection") == 2
    assert asked.work("quarantine") == []


def test_fault_57_the_same_name_with_other_bytes(asked: City) -> None:
    """Before the posting and after it, what was taken first stands; nobody may release the other (maker and checker)."""
    first = answered(asked)
    other = adding_up(changed(first, (r"\|118.00\|118.00\|.*\|00\|R1", "|118.00|0.00|0.00|0.00|0.00|0.00|02|R1")))
    assert other.name == first.name
    asked.put("ICBC", first)
    assert asked.poll("ICBC") == ["taken"]
    asked.put("ICBC", other)
    assert asked.poll("ICBC") == ["quarantined"]
    with asked.hub.engine.connect() as conn:
        (held,) = quarantine.held(conn)
    refused = propose_release(asked.hub, held, "Wang", "the bank insists")
    assert {fault.code.value for fault in refused.faults} == {"identity-taken"}
    asked.advance("11-05T09:00")
    asked.put("ICBC", other)
    assert asked.poll("ICBC") == ["quarantined"]
    assert sum(asked.collected("A-1")) == 11800
    assert asked.rows("select sha256 from file_intake where outcome = 'accepted' and door = 'bank'") == [
        (sha256(first.data).hexdigest(),)
    ]
    assert set(asked.servers["ICBC"].done) >= {first.name, f"{first.name}.2", f"{first.name}.3"}


def test_fault_58_two_files_that_share_lines(new_city: NewCity, seed: int) -> None:
    """A file that answers lines of another file's batch among its own: quarantined, whichever of its lines it is."""
    city = new_city(max_lines=2)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 5))))
    city.advance("11-03T10:00")
    first, second = (city.result(request) for request in city.requests("ICBC"))
    foreign = [line for line in first.data.decode(CHARSET).splitlines() if line.startswith("D|")]
    chance = Random(seed)
    city.put("ICBC", first)
    assert city.poll("ICBC") == ["taken"]
    for _ in range(4):
        lines = second.data.decode(CHARSET).splitlines()
        lines[chance.randrange(1, 3)] = chance.choice(foreign)
        city.put("ICBC", adding_up(Paper(second.name, "".join(f"{line}\n" for line in lines).encode(CHARSET))))
        assert city.poll("ICBC") == ["quarantined"], f"seed {seed}"
    city.put("ICBC", second)
    assert city.poll("ICBC") == ["taken"]
    city.advance("11-05T09:00")
    assert [city.collected(f"A-{n}") for n in range(1, 5)] == [DUE] * 4
    assert city.value("select count(*) from collection") == 4


@pytest.fixture
def unequal(city: City) -> City:
    """As ``asked``, but no two bills ask the same amounts."""
    dues: list[Four] = [(10000 * n, 1000 * n, 500 * n, 300 * n) for n in (1, 2, 3)]
    city.accept(
        city.dues(*(bill(f"A-{n}", unit, due) for n, (unit, due) in enumerate(zip(UNITS, dues, strict=True), 1)))
    )
    city.advance("11-03T10:00")
    return city


@pytest.mark.parametrize("column", range(4, 10))
def test_fault_59_one_changed_amount_under_a_corrected_trailer(unequal: City, column: int) -> None:
    """The file adds up, and nothing seals it: the line differs from its request, or from its own sum."""
    lines = unequal.result(unequal.requests("ICBC")[0])
    words = lines.data.decode(CHARSET).splitlines()
    fields = words[2].split("|")
    fields[column] = yuan(fen(fields[column]) - 1)
    words[2] = "|".join(fields)
    faults = quarantined(unequal, adding_up(Paper(lines.name, "".join(f"{word}\n" for word in words).encode(CHARSET))))
    assert {fault["line"] for fault in faults} == {3}


def test_fault_60_two_amounts_swapped_under_the_same_total(unequal: City) -> None:
    """Counts and sums are those of the honest file; only the match line by line finds it."""
    honest = unequal.result(unequal.requests("ICBC")[0])
    words = honest.data.decode(CHARSET).splitlines()
    one, two = words[1].split("|"), words[2].split("|")
    one[4:10], two[4:10] = two[4:10], one[4:10]
    words[1], words[2] = "|".join(one), "|".join(two)
    swapped = Paper(honest.name, "".join(f"{word}\n" for word in words).encode(CHARSET))
    assert adding_up(swapped) == swapped, "the trailer does not tell"
    faults = quarantined(unequal, swapped)
    assert {fault["line"] for fault in faults} == {2, 3}
    assert ("requested", "mismatch") in fields_of(faults)


TRAILER = ("count", "count paid in full", "requested", "deducted", "pension", "unemployment", "injury", "maternity")


@pytest.mark.parametrize("place", range(len(TRAILER)))
def test_fault_61_a_count_or_a_sum_is_wrong(asked: City, place: int) -> None:
    honest = answered(asked)
    words = honest.data.decode(CHARSET).splitlines()
    fields = words[-1].split("|")
    found = fields[place + 1]
    fields[place + 1] = yuan(fen(found) + 1) if "." in found else str(int(found) + 1)
    words[-1] = "|".join(fields)
    faults = quarantined(asked, Paper(honest.name, "".join(f"{word}\n" for word in words).encode(CHARSET)))
    assert fields_of(faults) == {(TRAILER[place], "control-total" if "." in found else "count")}


def test_fault_62_one_fen_more_than_was_requested(asked: City) -> None:
    """Money beyond the request is never booked, under whatever code it comes."""
    for code in ("00", "01", "99"):
        more = changed(
            answered(asked),
            (r"\|118.00\|118.00\|100.00\|(.*)\|00\|R1", rf"|118.00|118.01|100.01|\1|{code}|R1"),
        )
        assert ("deducted", "code") in fields_of(quarantined(asked, adding_up(more)))
    honest_answer_is_taken(asked)


def test_fault_63_a_part_is_split_in_the_statutory_order_or_not_at_all(asked: City, seed: int) -> None:
    """A fen moved from any fund to a later one is found, though the file adds up; the bank's honest part is taken."""
    part = Random(seed).randrange(10001, sum(DUE))
    honest = asked.result(asked.requests("ICBC")[0], {"A-2": part, "A-3": "02"})
    due = waterfall(part, DUE)
    for giver in range(3):
        for taker in range(giver + 1, 4):
            if due[giver] == 0:
                continue
            moved = list(due)
            moved[giver], moved[taker] = moved[giver] - 1, moved[taker] + 1
            was, found = ("|".join(map(yuan, amounts)) for amounts in (due, moved))
            wrong = adding_up(
                changed(honest, (rf"(\|{yuan(part)}\|){was.replace('|', chr(92) + '|')}", rf"\g<1>{found}"))
            )
            assert {code for _, code in fields_of(quarantined(asked, wrong))} == {"split"}, f"seed {seed}"
    asked.put("ICBC", honest)
    assert asked.poll("ICBC") == ["taken"]
    asked.advance("11-05T09:00")
    assert asked.collected("A-2") == due


def test_fault_63_a_part_from_a_bank_that_deducts_none(asked: City) -> None:
    asked.put("CCB", answered(asked, "CCB", {"A-4": 10400}))
    assert asked.poll("CCB") == ["quarantined"]
    assert books_are_untouched(asked)


FOREIGN: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "a batch we never made": ((r"ICBC-20261102-0001\|", "ICBC-20261102-0077|"), ("batch no", "unknown-batch")),
    "another bank's batch": ((r"ICBC-20261102-0001\|", "CCB-20261102-0001|"), ("batch no", "unknown-batch")),
    "a line we never asked": ((NOTHING, "D|9|A-3-1|"), ("line", "unknown-line")),
    "a line far beyond": ((FULL, "D|999999999|A-1-1|"), ("line", "unknown-line")),
    "another line's instruction": ((PART, "D|2|A-1-1|"), ("instruction id", "mismatch")),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_fault_65_what_was_never_asked_of_this_bank(asked: City, what: str) -> None:
    change, named = FOREIGN[what]
    assert named in fields_of(quarantined(asked, changed(answered(asked), change)))
    honest_answer_is_taken(asked)


def test_fault_66_lines_missing_from_a_result(asked: City) -> None:
    """Nobody guesses what became of them: the batch stays open, waits as late, and counts as unanswered."""
    short = adding_up(changed(answered(asked), (r"^D\|2\|.*\n", ""), (r"^D\|3\|.*\n", "")))
    faults = quarantined(asked, short)
    assert fields_of(faults) == {("line", "missing-line")}
    assert len(faults) == 2
    asked.advance("11-05T09:00")
    late = {(item["bank"], item["queue"]) for item in asked.work("late")}
    assert ("ICBC", "late") in late
    requested = (3, 3 * sum(DUE))
    assert asked.total("f8", "unanswered", period=PERIOD, round=1, bank="ICBC") == requested
    assert asked.total("f8", "unarrived", period=PERIOD, round=1, bank="ICBC") == (0, 0)
    asked.put("ICBC", answered(asked))
    assert asked.poll("ICBC") == ["taken"]  # booked when it comes, as late
    asked.pump.drain()
    assert asked.total("f8", "unanswered", period=PERIOD, round=1, bank="ICBC") == (0, 0)
    assert asked.collected("A-2") == waterfall(10400, DUE)


_in_turn: list[Mapping[str, list[tuple[Any, ...]]]] = []


@pytest.mark.parametrize("order", list(permutations(("wrong", "right", "other"))), ids="-".join)
def test_fault_67_a_correction_or_another_result_first(new_city: NewCity, order: Sequence[str]) -> None:
    """A wrong answer, its correction and another file's answer, in every order: the same books."""
    city = new_city(max_lines=2)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 5))))
    city.advance("11-03T10:00")
    one, two = city.requests("ICBC")
    right, other = city.result(one, {one.lines[0].instruction[:-2]: 10400}), city.result(two)
    wrong = changed(right, (r"\|01\|R1", "|77|R1"))
    papers = {"wrong": wrong, "right": right, "other": other}
    for name in order:
        city.put("ICBC", papers[name])
        assert city.poll("ICBC") == ["quarantined" if name == "wrong" else "taken"]
    city.advance("11-05T09:00")
    for name in order:  # and all once more, after the posting
        city.put("ICBC", papers[name])
        assert city.poll("ICBC") == ["quarantined" if name == "wrong" else "repeat"]
    city.pump.drain()
    books = {name: rows for name, rows in city.books().items() if name != "work"}
    assert sum(row[1] == "BANK" for row in books["collections"]) == 4
    _in_turn.append(books)
    assert books == _in_turn[0]


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "<script>alert(1)</script>")


def test_fault_73_a_formula_in_a_name(city: City) -> None:
    """Exports begin no cell with it; the bank gets the name as it is, and the raw bytes are kept and shown."""
    bills = [
        Bill(f"-{n}-", f"110105{n:06d}", name, "B", "ICBC", f"0200110105{n:06d}", name, DUE)
        for n, name in enumerate(FORMULAS, start=1)
    ]
    paper = city.dues(*bills)
    city.accept(paper)
    city.advance("11-02T09:10")
    (request,) = (data for name, data in city.servers["ICBC"].outbound.items() if name.endswith(".txt"))
    city.advance("11-03T10:00")
    city.answer("ICBC", {"-2-": 10400})
    city.advance("11-05T09:00")
    files = Bytes(archive=city.hub.archive, agency_encoding="utf-8", bank_encoding=CHARSET)
    with city.hub.engine.connect() as conn:
        sheets = [
            fill(
                conn,
                form,
                Question(period=None if name == "unit" else PERIOD, unit=one.unit if name == "unit" else None),
            )
            for name, form in FORMS.items()
            for one in (bills if name == "unit" else bills[:1])
        ]
        (told,) = follow(conn, paper.name, files)
    cells = [cell for sheet in sheets for line in as_csv(sheet).splitlines() for cell in line.split(",")]
    assert sum("'-" in cell for cell in cells) >= len(FORMULAS), "the bills do not show in any export"
    assert not [cell for cell in cells if cell.strip('"').startswith(("=", "+", "-", "@", "\t", "\r"))]
    for name in FORMULAS:
        assert f"|{name}|".encode(CHARSET) in request
    assert city.hub.archive.find(told.facts["sha256"]).path.read_bytes() == paper.data


@pytest.mark.parametrize("name", ["\t=1+1", "\r=1+1", "=1\x001"])
def test_fault_73_a_name_with_a_control_character_is_refused(city: City, name: str) -> None:
    one = bill("A-1", 1, DUE)._replace(unit_name=name)
    answer = city.submit(city.dues(one))
    assert not answer.accepted
    assert {fault.code.value for fault in answer.faults} >= {"control-character"}


@contextmanager
def process_in_utc() -> Iterator[None]:
    """The process, its libraries too, believes to be in UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def test_fault_76_the_business_date_is_the_citys_wherever_the_process_believes_to_be(asked: City) -> None:
    """Half past midnight in the city is still the day before in UTC; a late answer is booked on the city's day."""
    asked.advance("11-05T09:00")
    asked.time_passes("11-06T00:30")
    with process_in_utc():
        assert datetime.now().astimezone().utcoffset() == timedelta(0)
        asked.put("ICBC", answered(asked))
        assert asked.poll("ICBC") == ["taken"]
        asked.pump.drain()
    assert asked.rows("select distinct posting_date::text from batch where state = 'POSTED'") == [("2026-11-06",)]
    assert asked.rows("select distinct business_date::text from collection") == [("2026-11-06",)]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_fault_76_a_clock_that_is_off_at_the_posting_hour(
    asked: City, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """The hour that came has come: a clock that steps back neither books a day earlier nor carries a step out twice."""
    asked.advance("11-05T00:02")
    owner = engine(asked.hub.engine.url.render_as_string(hide_password=False), role=None)
    with owner.begin() as conn:
        conn.execute(text("update business_clock set mode = 'system'"))
    owner.dispose()

    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return asked.moment("11-05T00:02").astimezone(tz or TZ) + timedelta(minutes=minutes)

    monkeypatch.setattr(clock, "datetime", Off)
    asked.put("ICBC", answered(asked))
    assert asked.poll("ICBC") == ["taken"]
    asked.pump.drain()
    assert asked.rows("select distinct posting_date::text from batch where bank = 'ICBC'") == [("2026-11-05",)]
    assert asked.value("select count(*) from collection") == 2
    assert asked.value("select count(*) - count(distinct (period, step, round, bank)) from step_done") == 0
    with asked.hub.engine.connect() as conn:
        assert clock.now(conn) >= asked.moment("11-05T00:02")
