"""What does not come as expected opens one work item, which settles by itself when it comes (rules.md section 3)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest

from hub.app import schedule
from hub.ledger import clock, work_items
from simulators.agency import Paper
from simulators.amounts import Four
from tests.fakes import Trouble
from tests.processors.city import CHAOYANG, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
REQUEST = "DK_ICBC_20261102_0001.txt"
BATCH = "ICBC-20261102-0001"


def numbered(paper: Paper, number: int) -> Paper:
    """The same answer under another number of the bank's."""
    return Paper(f"{paper.name[:-8]}{number:04d}.txt", paper.data)


def items(city: City, queue: str) -> list[tuple[str, str]]:
    """(state, about) of every item there ever was."""
    return [
        (state, about)
        for state, about in city.rows(
            "select state, about from work_item where queue = :queue order by id", queue=queue
        )
    ]  # fmt: skip


# -- out of sequence ----------------------------------------------------------------------------------------------


@pytest.fixture
def answers(new_city: Callable[..., City]) -> tuple[City, list[Paper]]:
    """3 November: the bank has three files, and three answers ready, numbered 1 to 3."""
    city = new_city(max_lines=1)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 4))))
    city.advance("11-03T10:00")
    return city, [city.result(request) for request in city.requests("ICBC")]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_fault_75_sequence_gap_opens_one_item_and_settles_when_it_is_filled(
    answers: tuple[City, list[Paper]], order: Sequence[int]
) -> None:
    city, papers = answers
    for n, number in enumerate(order, start=1):
        city.put("ICBC", papers[number - 1])
        assert city.poll("ICBC") == ["taken"]
        missing = set(range(1, max(order[:n]))) - set(order[:n])
        assert len(city.work("sequence")) == bool(missing)
        assert all(item["bank"] == "ICBC" and "2026-11-03" in item["summary"] for item in city.work("sequence"))
    assert items(city, "sequence") == ([] if order == (1, 2, 3) else [("resolved", "ICBC/2026-11-03")])
    city.advance("11-05T09:00")
    assert [city.collected(f"A-{n}") for n in (1, 2, 3)] == [DUE] * 3


def test_fault_75_sequence_gap_says_what_is_missing_now(answers: tuple[City, list[Paper]]) -> None:
    city, papers = answers
    for number, said in ((5, "1 to 4"), (2, "1, 3 to 4")):
        city.put("ICBC", numbered(papers[number // 2 - 1], number))
        assert city.poll("ICBC") == ["taken"]
        (item,) = city.work("sequence")
        assert item["summary"].endswith(f"have not come: {said}")


def test_a_gap_that_a_person_has_dealt_with_is_not_told_again(answers: tuple[City, list[Paper]]) -> None:
    city, papers = answers
    city.put("ICBC", numbered(papers[0], 4))
    city.poll("ICBC")
    resolve(city, "sequence")
    city.put("ICBC", numbered(papers[1], 2))
    city.poll("ICBC")
    assert city.work("sequence") == [], "less is missing than before"
    city.put("ICBC", numbered(papers[2], 6))
    city.poll("ICBC")
    (item,) = city.work("sequence")
    assert item["summary"].endswith(": 1, 3, 5")


def test_fault_75_sequence_repeat_is_worth_a_warning_and_no_more(answers: tuple[City, list[Paper]]) -> None:
    city, papers = answers
    for paper in papers[:2]:
        city.put("ICBC", numbered(paper, 1))
        assert city.poll("ICBC") == ["taken"]
    assert items(city, "sequence") == [("open", "ICBC/2026-11-03/1")]
    assert city.value("select count(*) from batch where state = 'ANSWERED'") == 2


def test_the_same_bytes_under_another_number_are_no_fault_of_sequence(answers: tuple[City, list[Paper]]) -> None:
    """They fill the place of their number (contract section 1: no effect), and open no gap below it."""
    city, papers = answers
    city.put("ICBC", papers[0])
    city.put("ICBC", numbered(papers[0], 77))
    assert city.poll("ICBC") == ["taken", "repeat"]
    assert items(city, "sequence") == []
    city.put("ICBC", papers[2])
    city.poll("ICBC")
    assert len(city.work("sequence")) == 1
    city.put("ICBC", numbered(papers[0], 2))
    assert city.poll("ICBC") == ["repeat"]
    assert city.work("sequence") == []


def test_a_corrected_file_under_the_number_of_a_quarantined_one_is_no_repeat(
    answers: tuple[City, list[Paper]],
) -> None:
    city, papers = answers
    city.put("ICBC", Paper(papers[0].name, papers[0].data.replace(b"|00|", b"|77|")))
    assert city.poll("ICBC") == ["quarantined"]
    for paper in papers:
        city.put("ICBC", paper)
    assert city.poll("ICBC") == ["taken"] * 3
    assert items(city, "sequence") == []


def test_each_bank_has_numbers_of_its_own(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-03T10:00")
    (of_icbc,), (of_ccb,) = ([city.result(each) for each in city.requests(bank)] for bank in ("ICBC", "CCB"))
    city.put("ICBC", numbered(of_icbc, 2))
    city.put("CCB", of_ccb)
    assert [city.poll(bank) for bank in ("ICBC", "CCB")] == [["taken"], ["taken"]]
    assert [item["about"] for item in city.work("sequence")] == ["ICBC/2026-11-03"]


# -- missing ------------------------------------------------------------------------------------------------------


def resolve(city: City, queue: str) -> None:
    """A person has dealt with the one open item of a queue."""
    (item,) = city.work(queue)
    with city.hub.engine.begin() as conn:
        assert work_items.resolve(conn, item["id"], "telephoned", clock.now(conn))


def test_a_request_that_is_not_at_its_bank_within_the_hour_is_missing(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.servers["ICBC"].trouble = Trouble.READ_ONLY
    city.advance("11-02T09:59")
    assert items(city, "missing") == []
    city.advance("11-02T10:00")
    (item,) = city.work("missing")
    assert (item["bank"], item["file"], item["about"]) == ("ICBC", REQUEST, BATCH)
    assert "due 2026-11-02 10:00" in item["summary"]
    resolve(city, "missing")
    city.advance("11-02T11:00")
    assert items(city, "missing") == [("resolved", BATCH)], "a person is told once"


def test_a_missing_request_settles_when_it_is_proven_sent(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["ICBC"].trouble = Trouble.READ_ONLY
    city.advance("11-02T12:00")
    assert len(city.work("missing")) == len(city.work("unsent")) == 1
    city.servers["ICBC"].trouble = None
    city.advance("11-02T12:30")
    assert city.value("select state from batch") == "SENT"
    assert items(city, "missing") == [("resolved", BATCH)]


def test_a_bank_that_is_asked_nothing_misses_nothing(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["CCB"].trouble = Trouble.REFUSES
    city.advance("11-03T10:00")
    assert items(city, "missing") == []


def test_a_bank_whose_every_upload_is_held_back_gets_no_file_and_a_person_is_told(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))

    def emptied(event: Any) -> Any:
        if event.topic.title != "deduction-requested" or event.record["bank"] != "CCB":
            return event
        record = {name: [] if isinstance(value, list) else value for name, value in event.record.items()}
        return replace(event, record=record)

    city.pump.meddle = emptied
    city.advance("11-02T09:10")
    assert [(item["agency"], item["bank"]) for item in city.work("control-totals")] == [(CHAOYANG, "CCB")]
    (item,) = city.work("missing")
    assert (item["bank"], item["about"]) == ("CCB", "2026-11/1/CCB")


# -- early --------------------------------------------------------------------------------------------------------


def sent_but_not_proven(city: City) -> Paper:
    """The bank has taken the file, whose delivery the hub could not prove, and has an answer."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["ICBC"].trouble = Trouble.LOSES_OK
    city.advance("11-02T09:10")
    server = city.servers["ICBC"]
    data = server.outbound[REQUEST]
    server.outbound[f"{REQUEST}.ok"] = city.hub.formats["ICBC"].ok_text(sha256(data).hexdigest(), len(data))
    (request,) = city.requests("ICBC")
    return city.result(request)


def test_an_answer_before_the_proof_is_early_and_is_the_proof_itself(city: City) -> None:
    city.put("ICBC", sent_but_not_proven(city))
    assert city.poll("ICBC") == ["taken"]
    assert items(city, "early") == [("resolved", BATCH)]
    assert city.work("unsent") == []


def test_an_early_answer_that_does_not_fit_waits_for_the_proof(city: City) -> None:
    paper = sent_but_not_proven(city)
    for data in (paper.data.replace(b"|00|", b"|77|"), paper.data.replace(b"|00|", b"|78|")):
        city.put("ICBC", Paper(paper.name, data))
        assert city.poll("ICBC") == ["quarantined"]
    (item,) = city.work("early")
    assert (item["bank"], item["file"], item["about"]) == ("ICBC", REQUEST, BATCH)
    city.servers["ICBC"].trouble = None
    city.advance("11-02T09:30")
    assert city.value("select state from batch") == "SENT"
    assert items(city, "early") == [("resolved", BATCH)]


@pytest.fixture
def unwritten(city: City, monkeypatch: pytest.MonkeyPatch) -> City:
    """2 November, 09:10: ICBC's batch is closed, and nobody has written its file."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-02T08:59")
    with monkeypatch.context() as standing_still:
        standing_still.setattr(schedule, "drain", lambda _hub: None)
        city.advance("11-02T09:10")
        assert city.value("select state from batch") == "BATCHED"
        return city


def test_an_answer_to_a_file_that_is_not_even_written_is_quarantined_and_early(unwritten: City) -> None:
    city = unwritten
    lines = [
        f"H|RESULT|1|ICBC|{BATCH}|{REQUEST}|2026-11-02",
        f"D|1|A-1-1|{unit_of(1)}|118.00|118.00|100.00|10.00|5.00|3.00|00|R1",
        "T|1|1|118.00|118.00|100.00|10.00|5.00|3.00",
    ]
    city.put("ICBC", Paper("HD_ICBC_20261102_0001.txt", "".join(f"{line}\n" for line in lines).encode()))
    assert city.poll("ICBC") == ["quarantined"]
    assert items(city, "early") == [("open", BATCH)]
    city.advance("11-02T09:30")
    assert city.value("select state from batch") == "SENT"
    assert items(city, "early") == [("resolved", BATCH)]
    assert len(city.work("quarantine")) == 1, "what became of that file is for a person to say"


def test_a_request_that_nobody_has_written_is_missing_too(unwritten: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as standing_still:
        standing_still.setattr(schedule, "drain", lambda _hub: None)
        unwritten.advance("11-02T10:00")
    assert items(unwritten, "missing") == [("open", BATCH)]
    unwritten.advance("11-02T10:10")
    assert unwritten.value("select state from batch") == "SENT"
    assert items(unwritten, "missing") == [("resolved", BATCH)]


def test_an_answer_in_its_time_is_neither_early_nor_empty(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={})
    assert items(city, "early") == items(city, "empty") == items(city, "missing") == []


# -- empty --------------------------------------------------------------------------------------------------------


def test_an_answer_without_lines_settles_when_the_lines_come(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request)
    head = paper.data.splitlines(keepends=True)[0]
    city.put("ICBC", Paper(paper.name, head + b"T|0|0|0.00|0.00|0.00|0.00|0.00|0.00\n"))
    assert city.poll("ICBC") == ["quarantined"]
    (item,) = city.work("empty")
    assert (item["bank"], item["file"], item["about"]) == ("ICBC", paper.name, BATCH)
    assert len(city.work("quarantine")) == 1, "a person judges the file all the same"
    city.put("ICBC", paper)
    assert city.poll("ICBC") == ["taken"]
    assert items(city, "empty") == [("resolved", BATCH)]


def test_a_file_without_a_byte_settles_when_its_name_comes_with_lines(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request)
    city.put("ICBC", Paper(paper.name, b""))
    assert city.poll("ICBC") == ["quarantined"]
    assert items(city, "empty") == [("open", f"ICBC/{paper.name}")]
    city.put("ICBC", paper)
    assert city.poll("ICBC") == ["taken"]
    assert items(city, "empty") == [("resolved", f"ICBC/{paper.name}")]


def test_a_file_whose_only_line_cannot_be_read_is_not_empty(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request)
    city.put("ICBC", Paper(paper.name, paper.data.replace(b"|00|", b"|77|")))
    assert city.poll("ICBC") == ["quarantined"]
    assert items(city, "empty") == []


def test_an_empty_answer_to_an_answered_batch_is_awaited_by_nobody(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={})
    (paper,) = [Paper(name, data) for name, data in city.servers["ICBC"].done.items() if name.endswith(".txt")]
    head = paper.data.splitlines(keepends=True)[0]
    city.put("ICBC", Paper(numbered(paper, 2).name, head + b"T|0|0|0.00|0.00|0.00|0.00|0.00|0.00\n"))
    assert city.poll("ICBC") == ["quarantined"]
    assert items(city, "empty") == []
