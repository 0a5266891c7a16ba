"""Step 1: what an agency's dues are refused for, with every fault, and what the same file again means."""

from dataclasses import replace
from hashlib import sha256

from hub.app.intake import Answer
from simulators.agency import Paper
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill

DUE: Four = (10000, 1000, 500, 300)


def told(answer: Answer) -> list[tuple[int | None, str, str]]:
    """Where and why a file was refused."""
    assert not answer.accepted
    return [(fault.line, fault.field, fault.code.value) for fault in answer.faults]


def bills_in_books(city: City) -> int:
    return int(city.value("select count(*) from bill"))


def test_bills_are_taken_in_and_due_at_the_agency(city: City) -> None:
    answer = city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    assert (answer.bills, answer.total, answer.repeat) == (2, 23600, False)
    assert city.total("t8", "due", period=PERIOD) == (2, 23600)
    memo = "select sum(amount_fen)::bigint from journal_posting where account = 'MEMO_DUES' and side = 'D'"
    assert city.value(memo) == 23600


def test_an_agency_that_is_not_of_this_hub(city: City) -> None:
    stranger = bill("X-1", 1, DUE, agency_code="110199")
    assert told(city.submit(city.dues(stranger, agency_code="110199"))) == [(1, "agency", "unknown-agency")]
    assert bills_in_books(city) == 0


def test_a_bank_that_is_not_of_this_hub(city: City) -> None:
    refused = city.submit(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="ABC")))
    assert told(refused) == [(3, "bank", "unknown-bank")]


def test_a_bill_id_is_unique_for_ever_and_everywhere(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    refused = city.submit(city.dues(bill("A-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    assert told(refused) == [(2, "bill id", "duplicate")]


def test_a_unit_has_one_monthly_bill_a_period(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    assert told(city.submit(city.dues(bill("A-2", 1, DUE)))) == [(2, "unit", "duplicate")]
    city.accept(city.dues(bill("A-3", 1, DUE), period="2026-12"))


def test_every_fault_is_told_and_nothing_is_taken(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    refused = city.submit(
        city.dues(bill("A-3", 3, DUE), bill("A-1", 4, DUE), bill("A-5", 2, DUE), bill("A-6", 6, DUE, bank="BOC"))
    )
    assert told(refused) == [(3, "bill id", "duplicate"), (4, "unit", "duplicate"), (5, "bank", "unknown-bank")]
    assert bills_in_books(city) == 2


def test_after_the_second_upload_a_bill_can_only_be_sporadic(city: City) -> None:
    city.advance("11-20T11:59")
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-20T12:00")
    assert told(city.submit(city.dues(bill("A-2", 2, DUE)))) == [(2, "mode", "session-closed")]
    city.accept(city.dues(bill("A-3", 3, DUE, bank="")))


def test_a_closed_month_takes_no_monthly_bill(city: City) -> None:
    city.advance("11-30T22:59")
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-30T23:00")
    assert told(city.submit(city.dues(bill("A-2", 2, DUE, bank="")))) == [(1, "period", "period-closed")]


def test_the_same_bytes_again_get_the_same_answer(city: City) -> None:
    paper = city.dues(bill("A-1", 1, DUE))
    first = city.accept(paper)
    city.advance("11-30T23:30")
    assert city.accept(paper) == replace(first, repeat=True)
    assert bills_in_books(city) == 1
    assert city.value("select count(*) from journal_entry where what = 'dues'") == 1


def test_an_identity_is_taken_and_the_difference_is_shown(city: City) -> None:
    paper = city.dues(bill("A-1", 1, DUE))
    city.accept(paper)
    body, _ = paper.data.replace(b"|A-1|", b"|A-9|").replace(b"000001|", b"000009|").rsplit(b"T|", 1)
    trailer = f"T|1|118.00|{sha256(body).hexdigest()}\n".encode()
    refused = city.submit(Paper(paper.name, body + trailer))
    assert told(refused) == [(2, "line", "identity-taken")]
    assert ("|A-1|" in refused.faults[0].expected, "|A-9|" in refused.faults[0].found) == (True, True)


def test_a_refused_file_takes_no_identity(city: City) -> None:
    faulty = city.dues(bill("A-1", 1, DUE, bank="ABC"))
    assert told(city.submit(faulty)) == [(2, "bank", "unknown-bank")]
    city._numbers.clear()
    good = city.dues(bill("A-1", 1, DUE))
    assert good.name == faulty.name == f"DUES_{CHAOYANG}_{PERIOD}_M_0001.txt"
    city.accept(good)
