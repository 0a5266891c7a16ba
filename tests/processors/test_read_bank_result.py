"""Step 6 (contract section 4): a bank's answer fits its request line by line, or the whole file books nothing."""

from collections.abc import Mapping
from hashlib import sha256
from random import Random

import pytest

from simulators.agency import Paper
from tests.fakes import Trouble
from tests.processors.answers import DUE, FULL, NOTHING, answered, books_are_untouched, changed
from tests.processors.city import PERIOD, City, bill

FAULTS: Mapping[str, tuple[list[tuple[str, str]], str]] = {
    "a batch we never made": ([(r"ICBC-20261102-0001\|", "ICBC-20261102-0077|")], "batch no"),
    "a batch of another bank": ([(r"ICBC-20261102-0001\|", "CCB-20261102-0001|")], "batch no"),
    "another request's name": ([(r"DK_ICBC_20261102_0001", "DK_ICBC_20261102_0002")], "request file name"),
    "another instruction": ([(FULL, "D|1|A-9-1|")], "instruction id"),
    "another unit": ([(r"^D\|1\|A-1-1\|110105000002", "D|1|A-1-1|110105000009")], "unit"),
    "another amount requested": (
        [(r"000002\|118\.00\|", "000002|117.00|"), (r"^T\|3\|1\|354", "T|3|1|353")],
        "requested",
    ),
    "more deducted than asked": (
        [
            (
                r"000002\|118.00\|118.00\|100.00\|10.00\|5.00\|3.00\|00",
                "000002|118.00|119.00|101.00|10.00|5.00|3.00|00",
            ),
            (r"^T\|3\|1\|354.00\|222.00\|200.00", "T|3|1|354.00|223.00|201.00"),
        ],
        "deducted",
    ),
    "a split out of order": (
        [
            (r"\|104.00\|100.00\|4.00\|0.00\|0.00\|", "|104.00|99.00|5.00|0.00|0.00|"),
            (r"222.00\|200.00\|14.00", "222.00|199.00|15.00"),
        ],
        "pension",
    ),
    "a split that does not add up": (
        [(r"\|104.00\|100.00\|4.00\|", "|104.00|100.00|3.00|"), (r"222.00\|200.00\|14.00", "222.00|200.00|13.00")],
        "deducted",
    ),
    "part with the code of full": ([(r"\|0.00\|0.00\|01\|R2", "|0.00|0.00|00|R2"), (r"^T\|3\|1", "T|3|2")], "deducted"),
    "full with the code of part": ([(r"\|00\|R1", "|01|R1"), (r"^T\|3\|1", "T|3|0")], "deducted"),
    "money with a code of failure": ([(r"\|01\|R2", "|02|R2")], "deducted"),
    "a code nobody knows": ([(r"\|02\|R3", "|77|R3")], "code"),
    "a line that is missing": ([(r"^D\|3\|.*\n", ""), (r"^T\|3\|1\|354", "T|2|1|236")], "line"),
    "a line twice": ([(r"^(D\|3\|.*\n)", r"\1\1"), (r"^T\|3\|1\|354", "T|4|1|472")], "line"),
    "a line that was not asked": ([(NOTHING, "D|9|A-3-1|")], "line"),
    "a count that is wrong": ([(r"^T\|3\|", "T|4|")], "count"),
    "a total that is wrong": ([(r"^T\|3\|1\|354.00\|222.00", "T|3|1|354.00|221.00")], "deducted"),
    "no trailer": ([(r"^T\|.*\n", "")], ""),
    "another kind of file": ([(r"^H\|RESULT", "H|DEDUCT")], ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_anything_that_does_not_fit_quarantines_the_whole_file(asked: City, fault: str) -> None:
    changes, field = FAULTS[fault]
    paper = changed(answered(asked), *changes)
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["quarantined"]
    assert books_are_untouched(asked)
    (item,) = asked.work("quarantine")
    assert (item["bank"], item["file"]) == ("ICBC", paper.name)
    if field:
        named = {found["field"] for found in item["detail"]["faults"]}
        assert field in named, item["summary"]
    assert set(asked.servers["ICBC"].done) == {paper.name, f"{paper.name}.ok"}


def test_a_corrected_file_under_the_same_name_is_taken(asked: City) -> None:
    good = answered(asked)
    asked.put("ICBC", changed(good, (r"\|02\|R3", "|77|R3")))
    assert asked.poll("ICBC") == ["quarantined"]
    asked.put("ICBC", good)
    assert asked.poll("ICBC") == ["taken"]
    assert f"{good.name}.2" in asked.servers["ICBC"].done
    asked.advance("11-05T09:00")
    assert asked.total("f8", "arrived", period=PERIOD, round=1) == (1, 11800 + 10400)


@pytest.mark.parametrize("posted", [False, True])
def test_other_bytes_for_an_answered_batch_are_quarantined(asked: City, posted: bool) -> None:
    first, other = answered(asked), answered(asked, given={"A-1": "02"})
    asked.put("ICBC", first)
    assert asked.poll("ICBC") == ["taken"]
    if posted:
        asked.advance("11-05T09:00")
    asked.put("ICBC", other)
    assert asked.poll("ICBC") == ["quarantined"]
    asked.advance("11-05T09:30")
    assert asked.total("f8", "arrived", period=PERIOD, round=1) == (1, 11800 + 10400)


def test_lines_may_come_in_any_order(asked: City, seed: int) -> None:
    asked.put("ICBC", asked.result(asked.requests("ICBC")[0], {"A-2": "02"}, order=Random(seed)))
    assert asked.poll("ICBC") == ["taken"]


def test_an_answer_proves_a_delivery_whose_reply_was_lost(city: City) -> None:
    """The bank has the file, the hub never heard of it; the answer comes first."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["ICBC"].trouble = Trouble.LOSES_OK
    city.advance("11-02T09:10")
    (name,) = (name for name in city.servers["ICBC"].outbound if not name.startswith("."))
    data = city.servers["ICBC"].outbound[name]
    assert [item["file"] for item in city.work("unsent")] == [name]
    city.servers["ICBC"].outbound[f"{name}.ok"] = f"{sha256(data).hexdigest()} {len(data)}\n".encode()
    city.advance("11-03T10:00")
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.servers["ICBC"].trouble = None
    city.advance("11-05T09:00")
    assert city.collected("A-1") == DUE


def test_an_ok_that_disagrees_waits_for_one_more_poll(asked: City) -> None:
    paper = answered(asked)
    asked.put("ICBC", paper)
    asked.servers["ICBC"].put(f"{paper.name}.ok", b"0" * 64 + b" 1\n")
    assert asked.poll("ICBC") == []
    assert asked.poll("ICBC") == ["quarantined"]
    assert books_are_untouched(asked)
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["taken"]


def test_a_file_without_its_ok_is_not_there_yet(asked: City) -> None:
    paper = answered(asked)
    asked.servers["ICBC"].put(paper.name, paper.data)
    assert (asked.poll("ICBC"), asked.poll("ICBC")) == ([], [])
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["taken"]


def test_a_file_at_fault_is_held_against_its_request_too(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request)
    spoiled = paper.data.replace(b"A-1-1|", b"A-9-1|").replace(b"T|2|2|", b"T|3|2|")
    city.put("ICBC", Paper(paper.name, spoiled))
    assert city.poll("ICBC") == ["quarantined"]
    ((detail,),) = city.rows("select detail from work_item where queue = 'quarantine'")
    assert {(fault["field"], fault["code"]) for fault in detail["faults"]} == {
        ("count", "count"),
        ("instruction id", "mismatch"),
    }
