"""Step 4 (C9-2): uploads are held against 财表六, and requests become bank files (表二十六, 财表七)."""

from collections.abc import Callable
from dataclasses import replace

from hub.wire.events import Received
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


def four_uploads(city: City) -> None:
    """Two agencies, two banks each."""
    for code, letter in ((CHAOYANG, "A"), (HAIDIAN, "B")):
        city.accept(
            city.dues(
                bill(f"{letter}-1", 1, DUE, agency_code=code),
                bill(f"{letter}-2", 2, DUE, bank="CCB", agency_code=code),
                agency_code=code,
            )
        )


def test_a_declaration_that_does_not_match_holds_back_that_agency_and_bank_only(city: City) -> None:
    four_uploads(city)
    city.pump.meddle = lambda event: (
        replace(event, record={**event.record, "pension": [fen + (bank == "ICBC") for fen, bank in zip(
            event.record["pension"], event.record["banks"], strict=True)]})
        if event.topic.title == "deduction-declared" and event.key == HAIDIAN else event
    )  # fmt: skip
    city.advance("11-02T09:10")
    assert set(city.asked("ICBC")) == {"A-1-1"}
    assert set(city.asked("CCB")) == {"A-2-1", "B-2-1"}
    (item,) = city.work("control-totals")
    assert (item["agency"], item["bank"], item["field"]) == (HAIDIAN, "ICBC", "财表六")
    assert "10001" in item["summary"] and "10000" in item["summary"]


def test_a_bundle_that_never_came_holds_its_upload_back(city: City) -> None:
    four_uploads(city)

    def emptied(event: Received) -> Received:
        if event.topic.title != "deduction-requested" or (event.record["agency"], event.record["bank"]) != (
            CHAOYANG,
            "CCB",
        ):
            return event
        return replace(
            event, record={name: [] if isinstance(value, list) else value for name, value in event.record.items()}
        )

    city.pump.meddle = emptied
    city.advance("11-02T09:10")
    assert set(city.asked("CCB")) == {"B-2-1"}
    assert [(item["agency"], item["bank"]) for item in city.work("control-totals")] == [(CHAOYANG, "CCB")]


def test_what_was_held_back_is_in_doubt_at_month_end_and_never_asked(city: City) -> None:
    four_uploads(city)
    city.pump.meddle = lambda event: (
        replace(event, record={**event.record, "lines": [2] * len(event.record["lines"])})
        if event.topic.title == "deduction-declared" and event.key == HAIDIAN else event
    )  # fmt: skip
    city.first_deduction(ICBC={}, CCB={})
    city.second_deduction()
    city.advance("11-30T23:00")
    found = city.rows("select b.bill_no, a.in_doubt from arrears a join bill b on b.id = a.bill_id order by 1")
    assert found == [("B-1", True), ("B-2", True)]
    assert city.value("select count(*) from instruction where round = 2") == 0


def test_one_file_a_bank_adds_up_what_its_lines_say(city: City) -> None:
    four_uploads(city)
    city.advance("11-02T09:10")
    (request,) = city.requests("ICBC")  # the bank has checked totals, hash total and the .ok itself
    assert (request.name, request.period, request.round, len(request.lines)) == (
        "DK_ICBC_20261102_0001.txt",
        PERIOD,
        1,
        2,
    )
    assert (
        city.total("t26", "requested", period=PERIOD) == city.total("f7", "requested", period=PERIOD) == (4, 4 * WHOLE)
    )


def test_a_file_holds_no_more_than_max_lines(new_city: Callable[..., City]) -> None:
    city = new_city(max_lines=2)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 6))))
    city.advance("11-02T09:10")
    requests = city.requests("ICBC")
    assert [request.name[-8:-4] for request in requests] == ["0001", "0002", "0003"]
    assert [len(request.lines) for request in requests] == [2, 2, 1]
    assert len({request.batch for request in requests}) == 3
    assert {line.instruction for request in requests for line in request.lines} == {f"A-{n}-1" for n in range(1, 6)}
    city.answer("ICBC")
    city.advance("11-05T09:00")
    assert city.total("f8", "arrived", period=PERIOD, round=1) == (5, 5 * WHOLE)


def test_nothing_asked_makes_no_file(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-02T09:10")
    assert city.servers["ICBC"].outbound == city.servers["CCB"].outbound == {}
    assert city.value("select count(*) from batch") == 0
