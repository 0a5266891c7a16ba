"""Step 11 (C15, rules sections 5 and 8): other incomes are booked when they are told, and reported at the finance close."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.ledger.database import engine
from hub.ledger.journey import Bytes, Stop, follow
from hub.ledger.verification import Evidence, Outcome, verify
from simulators import agency, incomes
from simulators.amounts import Four
from simulators.incomes import Income, IncomeBook, Owed
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.test_take_in_dues import told

DUE: Four = (1_000_000, 100_000, 50_000, 30_000)
WHOLE = sum(DUE)
NOTHING: Four = (0, 0, 0, 0)
UNIT = unit_of(1)


def day(text_: str) -> date:
    return date.fromisoformat(text_ if text_.count("-") == 2 else f"2026-{text_}")


def other(no: str, item: str, *fen: int, on: str = "11-05") -> Income:
    pension, unemployment, injury, maternity = (*fen, *[0] * (4 - len(fen)))
    return Income(no, item, "", "", (pension, unemployment, injury, maternity), day(on))


def fee(no: str, amounts: Four, on: str, unit: str = UNIT, period: str = PERIOD) -> Income:
    return Income(no, "LATE-FEE", unit, period, amounts, day(on))


def outcomes(city: City) -> dict[str, Outcome]:
    evidence = Evidence(
        archive=city.hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, format_of=city.hub.formats.get,
    )  # fmt: skip
    return {outcome.name: outcome for outcome in verify(city.hub.engine, evidence)}


def proven(city: City) -> None:
    assert [outcome for outcome in outcomes(city).values() if not outcome.ok] == []


@pytest.fixture
def office(city: City) -> City:
    """5 November, at the agency's counter."""
    city.advance("11-05T09:00")
    return city


@pytest.fixture
def in_arrears(city: City) -> City:
    """3 December: A-1 was not paid in November, A-2 by its bank, A-3 by cheque R-3; the month is closed."""
    sporadic = [bill(f"A-{n}", n, DUE, bank="") for n in (1, 3)]
    city.accept(city.dues(*sporadic, bill("A-2", 2, DUE)))
    city.first_deduction(ICBC={})
    city.accept(city.cheques(("R-3", "A-3", WHOLE)))
    city.advance("12-03T10:00")
    return city


def repay(city: City, no: str, due: Four, receipt: str | None, received: str | None = None) -> None:
    """A repayment of A-1's arrears at the counter, and its money."""
    paid = bill(no, 1, due, bank="")._replace(refers_to=PERIOD)
    city.accept(city.dues(paid, kind="A", period="2026-12"))
    if receipt is not None:
        paper = agency.receipts(
            CHAOYANG, city.today(), int(receipt[-1]) + 70,
            [agency.Receipt(receipt, no, "CHEQUE", "007", sum(due), day(received) if received else city.today())],
        )  # fmt: skip
        city.accept(paper)


def fees(city: City, as_of: str, unit: str = UNIT) -> dict[str, object]:
    """The unit's one row of `late-fees`: four funds of each measure, days and status; empty when there is none."""
    rows = city.form("late-fees", unit=unit, as_of=day(as_of).isoformat())["rows"]
    assert len(rows) <= 1
    funds = ("pension", "unemployment", "injury", "maternity")
    return {
        name: tuple(value[fund] for fund in funds) if isinstance(value, dict) else value
        for row in rows
        for name, value in row.items()
    }


# -- booking ----------------------------------------------------------------------------------------------------------


def test_incomes_are_booked_at_their_agency_when_they_are_told(office: City) -> None:
    answer = office.accept(office.incomes(other("I-1", "INTEREST", 500, 40), other("I-2", "SUBSIDY", 0, 0, 7)))
    assert (answer.bills, answer.total) == (2, 547)
    postings = """
        select e.level, e.agency, e.what, e.booking_period, p.account, p.fund, p.side, p.amount_fen
        from journal_entry e join journal_posting p on p.entry_id = e.id order by p.n
    """
    head = ("AGENCY", CHAOYANG, "other-income", "2026-11")
    funds = (("pension", 500), ("unemployment", 40), ("injury", 7))
    assert office.rows(postings) == [
        *((*head, "INCOME_ACCOUNT", fund, "D", fen) for fund, fen in funds),
        *((*head, "OTHER_INCOME", fund, "C", fen) for fund, fen in funds),
    ]
    assert office.total("balances", "collected") == (0, 0), "no contributions"
    proven(office)


def test_the_same_bytes_again_book_nothing_and_other_bytes_are_refused(office: City) -> None:
    paper = office.incomes(other("I-1", "INTEREST", 500))
    first = office.accept(paper)
    assert office.accept(paper) == replace(first, repeat=True)
    changed = incomes.paper(CHAOYANG, office.today(), 1, [other("I-2", "INTEREST", 501)])
    assert changed.name == paper.name
    refused = office.submit(changed)
    assert "identity-taken" in {code for _, _, code in told(refused)}
    assert office.value("select count(*) from other_income") == 1


def test_an_income_is_told_once(office: City) -> None:
    office.accept(office.incomes(other("I-1", "INTEREST", 500)))
    again = office.incomes(other("I-1", "OTHER", 1), other("I-2", "OTHER", 1), agency_code=HAIDIAN)
    assert told(office.submit(again)) == [(2, "income id", "duplicate")]
    assert told(office.submit(incomes.paper("110199", office.today(), 1, []))) == [(1, "agency", "unknown-agency")]


def test_the_finance_close_reports_everything_since_the_one_before(office: City) -> None:
    office.accept(
        office.incomes(other("I-1", "INTEREST", 500), other("I-2", "INTEREST", 1, 2), other("I-3", "OTHER", 9))
    )
    office.accept(office.incomes(other("I-4", "OTHER", 3), agency_code=HAIDIAN))
    assert office.form("f4", period=PERIOD)["rows"] == []
    office.advance("11-23T17:59")
    office.accept(office.incomes(other("I-5", "TRANSFER", 4)))
    office.time_passes("11-23T18:00")
    office.accept(office.incomes(other("I-6", "TRANSFER", 5)))  # the hour has come, the close is carried out later
    office.advance("11-23T18:30")
    closed = office.form("f4", period=PERIOD)
    assert [(row["agency"], row["item"], row["booked"]["count"], row["booked"]["total"]) for row in closed["rows"]] == [
        (CHAOYANG, "INTEREST", 2, 503), (CHAOYANG, "OTHER", 1, 9), (CHAOYANG, "TRANSFER", 1, 4), (HAIDIAN, "OTHER", 1, 3),
    ]  # fmt: skip
    assert closed["title"] == "财表四 其他项目收入(支出)汇总表"
    assert closed["total"]["booked"]["total"] == 519
    office.advance("11-30T23:30")
    office.accept(office.incomes(other("I-7", "TRANSFER", 6)))
    assert office.value("select booking_period from other_income where income_no = 'I-7'") == "2026-12"
    office.advance("12-22T18:30")
    assert office.form("f4", period=PERIOD) == closed
    assert office.total("f4", "booked", period="2026-12") == (2, 11)
    proven(office)


# -- late fees --------------------------------------------------------------------------------------------------------


def test_arrears_cost_by_the_day_from_the_day_after_month_end(in_arrears: City) -> None:
    """10,000 yuan of pension cost 5 yuan a day."""
    assert fees(in_arrears, "12-01")["accrued"] == NOTHING
    assert fees(in_arrears, "12-02")["accrued"] == (500, 50, 25, 15)
    row = fees(in_arrears, "12-11")
    assert (row["outstanding"], row["accrued"], row["days"], row["status"]) == (
        DUE,
        (5000, 500, 250, 150),
        "10",
        "owed",
    )
    assert fees(in_arrears, "2027-01-01")["accrued"] == Owed(UNIT, PERIOD, day("12-01"), DUE, []).accrued(
        day("2027-01-01")
    )
    sheet = in_arrears.form("late-fees")
    assert (sheet["as_of"], sheet["period"]) == ("2026-12-03", None)


def test_who_owes_nothing_is_seen_to_owe_nothing(in_arrears: City) -> None:
    """R13: late fees are settled before deregistration."""
    sheet = in_arrears.form("late-fees", unit=unit_of(2))
    assert (sheet["rows"], sheet["total"]["unpaid"]["total"]) == ([], 0)
    in_arrears.advance("12-11T10:00")
    repay(in_arrears, "P-1", DUE, "R-1")
    assert (fees(in_arrears, "12-31")["outstanding"], fees(in_arrears, "12-31")["status"]) == (NOTHING, "owed")
    in_arrears.accept(in_arrears.incomes(fee("F-1", (5000, 500, 250, 150), "12-11")))
    row = fees(in_arrears, "12-31")
    assert (row["unpaid"], row["paid"], row["status"]) == (NOTHING, (5000, 500, 250, 150), "settled")


def test_a_late_fee_is_taken_up_to_what_has_accrued(in_arrears: City) -> None:
    in_arrears.advance("12-11T10:00")
    one_more = fee("F-1", (5001, 500, 250, 150), "12-11")
    assert told(in_arrears.submit(in_arrears.incomes(one_more))) == [(2, "pension", "not-outstanding")]
    early = fee("F-1", (5000, 500, 250, 150), "12-10")
    assert {code for *_, code in told(in_arrears.submit(in_arrears.incomes(early)))} == {"not-outstanding"}
    in_arrears.accept(in_arrears.incomes(fee("F-1", (2000, 500, 0, 0), "12-11")))
    assert fees(in_arrears, "12-11")["unpaid"] == (3000, 0, 250, 150)
    rest = fee("F-2", (3000, 0, 250, 150), "12-11")
    assert told(in_arrears.submit(in_arrears.incomes(rest, fee("F-3", (1, 0, 0, 0), "12-11")))) == [
        (3, "pension", "not-outstanding")
    ]
    in_arrears.accept(in_arrears.incomes(rest))
    assert in_arrears.value("select count(*) from other_income") == 2
    proven(in_arrears)


def test_a_late_fee_is_of_arrears_that_the_agency_has(in_arrears: City) -> None:
    def said(one: Income, agency_code: str = CHAOYANG) -> list[tuple[int | None, str, str]]:
        return told(in_arrears.submit(in_arrears.incomes(one, agency_code=agency_code)))

    in_arrears.advance("12-11T10:00")
    least = (1, 0, 0, 0)
    assert said(fee("F-1", least, "12-11", period="2026-12")) == [(2, "period", "period-open")]
    assert said(fee("F-1", least, "12-11", period="2026-09")) == [(2, "period", "unknown-arrears")]
    assert said(fee("F-1", least, "12-11", unit=unit_of(2))) == [(2, "period", "unknown-arrears")]  # paid in time
    assert said(fee("F-1", least, "12-11", unit=unit_of(9))) == [(2, "period", "unknown-arrears")]
    assert said(fee("F-1", least, "12-11"), HAIDIAN) == [(2, "period", "unknown-arrears")]


def test_a_repayment_makes_the_rest_cost_less_from_its_day_on(in_arrears: City) -> None:
    in_arrears.advance("12-11T10:00")
    repay(in_arrears, "P-1", (500_000, 100_000, 0, 0), "R-1")
    owed = Owed(UNIT, PERIOD, day("12-01"), DUE, [(day("12-11"), (500_000, 100_000, 0, 0))])
    for by in ("12-11", "12-12", "12-31"):
        assert fees(in_arrears, by)["accrued"] == owed.accrued(day(by)), by
    assert fees(in_arrears, "12-31")["outstanding"] == (500_000, 0, 50_000, 30_000)


def test_a_receipt_told_late_counts_from_its_own_day_but_never_after_it_was_told(in_arrears: City) -> None:
    in_arrears.advance("12-11T10:00")
    repay(in_arrears, "P-1", (500_000, 0, 0, 0), "R-1", received="12-06")
    repay(in_arrears, "P-2", (500_000, 0, 0, 0), "R-2", received="12-25")
    assert fees(in_arrears, "12-31")["accrued"][0] == 5 * 500 + 5 * 250  # type: ignore[index]


def test_what_was_paid_before_an_earlier_repayment_was_told_is_kept(in_arrears: City) -> None:
    """Less had accrued than was paid; nothing is owed, nothing is taken back, and the books stay proven."""
    in_arrears.advance("12-11T10:00")
    in_arrears.accept(in_arrears.incomes(fee("F-1", (5000, 500, 250, 150), "12-11")))
    repay(in_arrears, "P-1", DUE, "R-1", received="12-06")
    row = fees(in_arrears, "12-31")
    assert (row["accrued"], row["unpaid"], row["status"]) == ((2500, 250, 125, 75), NOTHING, "settled")
    proven(in_arrears)


def test_a_repayment_that_comes_back_was_never_there(in_arrears: City) -> None:
    """The arrears stand again with their first date (rules section 6)."""
    in_arrears.advance("12-11T10:00")
    repay(in_arrears, "P-1", DUE, "R-1")
    in_arrears.advance("12-14T10:00")
    in_arrears.accept(in_arrears.incomes(fee("F-1", (5000, 500, 250, 150), "12-14")))
    in_arrears.advance("12-16T10:00")
    in_arrears.accept(in_arrears.returns(("T-1", "R-1", WHOLE)))
    row = fees(in_arrears, "12-21")
    assert (row["accrued"], row["unpaid"], row["days"]) == ((10000, 1000, 500, 300), (5000, 500, 250, 150), "20")
    proven(in_arrears)


def test_arrears_that_a_return_opens_cost_from_the_day_after(in_arrears: City) -> None:
    in_arrears.advance("12-11T10:00")
    assert fees(in_arrears, "12-11", unit_of(3)) == {}
    in_arrears.accept(in_arrears.returns(("T-3", "R-3", WHOLE)))
    assert fees(in_arrears, "12-12", unit_of(3))["accrued"] == NOTHING
    row = fees(in_arrears, "12-14", unit_of(3))
    assert (row["accrued"], row["days"], row["outstanding"]) == ((1000, 100, 50, 30), "2", DUE)


def test_a_late_answer_settles_from_its_posting_on(city: City) -> None:
    """And one that is on its way is waited for: how far the pipeline has come decides nothing."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-02T09:10")
    city.advance("12-11T10:00")
    city.answer("ICBC", {"A-1": 1_000_000})
    assert city.poll("ICBC") == ["taken"]
    city.time_passes("12-21T10:00")
    owed = Owed(UNIT, PERIOD, day("12-01"), DUE, [(day("12-11"), (1_000_000, 0, 0, 0))])
    most = owed.accrued(day("12-21"))
    beyond = city.incomes(fee("F-1", (most[0] + 1, most[1], most[2], most[3]), "12-21"))
    assert told(city.submit(beyond)) == [(2, "pension", "not-outstanding")]
    city.accept(city.incomes(fee("F-1", most, "12-21")))
    assert fees(city, "12-21")["unpaid"] == NOTHING
    proven(city)


def test_a_changed_answer_changes_what_arrears_cost(city: City) -> None:
    """The bank takes back on 11 December what it had paid in November: arrears from then on, costing from the day after."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={})
    city.advance("12-11T10:00")
    city.put("ICBC", city.change("ICBC", ("A-1-1", WHOLE, 600_000, "01")))
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    owed = Owed(UNIT, PERIOD, day("12-12"), (400_000, 100_000, 50_000, 30_000), [])
    assert fees(city, "12-31")["accrued"] == owed.accrued(day("12-31"))
    city.advance("12-14T10:00")
    city.put("ICBC", city.change("ICBC", ("A-1-1", 600_000, 800_000, "01")))
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    owed = owed._replace(settled=[(day("12-14"), (200_000, 0, 0, 0))])
    assert fees(city, "12-31")["accrued"] == owed.accrued(day("12-31"))
    proven(city)


def test_the_simulators_own_books_agree_with_the_hubs(city: City, seed: int) -> None:
    """Two months of incomes and late fees out of chance: what is told is taken, a fen more is not, 财表四 is the same."""
    book = IncomeBook()
    numbers = range(1, 7)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE, bank="") for n in numbers)))
    refused = 0
    for moment in ("11-16T10:00", "11-26T10:00", "12-03T10:00", "12-09T10:00", "12-16T10:00", "12-23T10:00"):
        for close, period in (("11-23T18:00", PERIOD), ("12-22T18:00", "2026-12")):
            if city.moment(close) <= city.moment(moment) and period not in book.closes:
                book.close(period, city.moment(close))
        city.advance(moment)
        if moment == "12-03T10:00":
            for n in numbers:
                book.opened(city.moment("11-30T23:00"), f"A-{n}", CHAOYANG, unit_of(n), PERIOD, DUE)
        if moment == "12-09T10:00":
            for n, part in ((1, DUE), (2, (333_333, 0, 0, 0)), (3, (1, 2, 3, 4))):
                paid = bill(f"P-{n}", n, part, bank="")._replace(refers_to=PERIOD)
                city.accept(city.dues(paid, kind="A", period="2026-12"))
                city.accept(city.receipts((f"R-{n}", f"P-{n}", sum(part))))
                book.settled(city.moment(moment).date(), f"A-{n}", part)
        good, beyond = book.papers(seed, CHAOYANG, city.today(), 1)
        if beyond is not None:
            refused += 1
            assert {code for *_, code in told(city.submit(beyond))} == {"not-outstanding"}
        answer = city.accept(good)
        assert (answer.bills, answer.total) == book.take(city.moment(moment), good)
    for period, rows in book.closes.items():
        found = {
            (row["agency"], row["item"]): (row["booked"]["count"], row["booked"]["total"])
            for row in city.form("f4", period=period)["rows"]
        }
        assert found == {key: (count, sum(amounts)) for key, (count, amounts) in rows.items()}
    assert len(book.closes) == 2
    assert bool(book.met()["late_fees"]) is bool(refused)
    proven(city)


# -- looking ----------------------------------------------------------------------------------------------------------


def test_a_journey_tells_where_an_income_was_told_and_booked(in_arrears: City) -> None:
    in_arrears.advance("12-11T10:00")
    in_arrears.accept(in_arrears.incomes(other("I-1", "OTHER", 3), fee("F-1", (5000, 0, 0, 0), "12-11")))
    files = Bytes(archive=in_arrears.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")

    def kinds(stop: Stop) -> list[str]:
        return [stop.kind, *(kind for each in stop.then for kind in kinds(each))]

    with in_arrears.hub.engine.connect() as conn:
        (journey,) = follow(conn, "F-1", files)
        (of_bill,) = follow(conn, "A-1", files)
    assert (journey.kind, journey.facts["unit"], journey.facts["booked"]["total"]) == ("other-income", UNIT, 5000)
    (file, entry) = journey.then
    assert file.facts["text"].startswith("D|2|F-1|LATE-FEE|")
    assert entry.facts["what"] == "other-income"
    assert "other-income" in kinds(of_bill), "late fees stand under the arrears that they are for"


TAMPERED = [
    ("update other_income set pension = pension + 1 where income_no = 'F-1'", "late-fees-had-accrued", "F-1"),
    ("update other_income set pension = pension + 1 where income_no = 'I-1'", "incomes-files-equal-incomes", "line 1"),
    ("update other_income set pension = pension + 1 where income_no = 'I-1'", "entries-equal-their-lines", "OTHER_INCOME"),
    ("update other_income set pension = pension + 1 where income_no = 'I-1'", "control-account-agency-other-income", CHAOYANG),
    ("update other_income set pension = pension + 1 where income_no = 'I-1'", "control-account-agency-income-account", CHAOYANG),
    ("update other_income_close set booked_count = 2 where item = 'OTHER'", "income-closes-equal-the-books", "OTHER"),
    ("delete from other_income_close where item = 'LATE-FEE'", "income-closes-equal-the-books", "LATE-FEE"),
    ("update other_income set received_on = '2026-12-10' where income_no = 'F-1'", "late-fees-had-accrued", "F-1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tampering", "check", "culprit"), TAMPERED, ids=[f"{row[1]}-{n}" for n, row in enumerate(TAMPERED)]
)
def test_one_changed_row_is_found_and_named(
    in_arrears: City, database: str, tampering: str, check: str, culprit: str
) -> None:
    in_arrears.advance("12-11T10:00")
    in_arrears.accept(in_arrears.incomes(other("I-1", "OTHER", 3), fee("F-1", (5000, 0, 0, 0), "12-11")))
    in_arrears.advance("12-22T18:30")
    proven(in_arrears)
    owner = engine(database, role=None)
    with owner.begin() as conn:
        assert conn.execute(text(tampering)).rowcount == 1
    owner.dispose()
    found = outcomes(in_arrears)[check]
    assert not found.ok
    assert culprit in found.detail


def test_the_day_of_a_file_is_this_citys(in_arrears: City) -> None:
    """An hour after midnight here is yesterday elsewhere: a receipt told then counts from this day."""
    in_arrears.advance("12-11T01:00")
    repay(in_arrears, "P-1", DUE, "R-1", received="12-25")
    assert fees(in_arrears, "12-31")["days"] == "10"
