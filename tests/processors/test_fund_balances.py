"""The four fund balances of the daily tie-out are the journal's, whatever brought the money: each source has its own column."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from hub.app import schedule
from hub.domain.tie_out import SOURCES, Movement, Row, Stage
from hub.ledger.database import engine, one_snapshot
from hub.ledger.tie_out import balances, cells, lines, sheet
from tests.processors.city import CHAOYANG, HAIDIAN, City, bill, open_city
from tests.processors.test_members_and_subsidies import MEDICAL, PERSONAL, UNIT, Desk, proven, subsidised, supplement
from tests.processors.test_take_in_incomes import fee, other

DUE = (1_000_000, 100_000, 50_000, 30_000)
PAID, BACK, MOVED_BACK, FEES = date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 16), date(2026, 12, 3)
UNIT_SUM, MEDICAL_SUM = sum(UNIT), sum(MEDICAL)


def live(city: City) -> None:
    """A-1 is never paid; B-1's bank pays; S-1 is paid by cheque, subsidised, and both come back; in December incomes."""
    desk = Desk(city)
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.accept(city.dues(bill("B-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.accept(city.dues(supplement("S-1", 2, PERSONAL), kind="S"))
    city.accept(desk.members(subsidised("S-1"), variant="1"))
    city.first_deduction(ICBC={})
    city.advance("11-12T10:00")
    city.accept(city.cheques(("R-1", "S-1", sum(PERSONAL))))
    city.accept(desk.moved(("U-1", "S-1", "UNIT", UNIT), ("M-1", "S-1", "MEDICAL", MEDICAL)))
    city.accept(city.incomes(other("I-1", "INTEREST", 500, 40)))
    city.advance("11-13T10:00")
    city.accept(city.returns(("Q-1", "R-1", sum(PERSONAL))))
    city.advance("11-16T10:00")
    city.accept(desk.moved(("U-2", "S-1", "UNIT-BACK", UNIT), ("M-2", "S-1", "MEDICAL-BACK", MEDICAL)))
    city.advance("12-03T10:00")
    city.accept(city.incomes(fee("I-2", (300, 20, 0, 0), "12-03"), other("I-3", "TRANSFER", 0, 0, 7, on="12-03")))
    city.advance("12-05T10:00")


@pytest.fixture(scope="module")
def month(postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The month, lived once; who changes it rolls back."""
    name = "fund_balances"
    folder: Path = tmp_path_factory.mktemp(name)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"create database {name} template {migrated_template}")
    city = open_city(
        f"{postgres_url.rpartition('/')[0]}/{name}".replace("postgresql:", "postgresql+psycopg:", 1), folder
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schedule, "drain", lambda _hub: city.pump.drain())
        live(city)
    yield city
    city.close()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"drop database {name} with (force)")


@pytest.fixture
def owner(month: City) -> Iterator[Connection]:
    """The books as their owner may change them; nothing of it stays."""
    made = engine(str(month.hub.settings.database.url), role=None)
    with made.connect() as conn:
        yield conn
        conn.rollback()
    made.dispose()


def balance(conn: Connection, day: date, agency: str = CHAOYANG, level: Movement = Movement.BALANCES) -> Row:
    (found,) = (row for row in cells.of_day(conn, day) if (row.agency, row.movement) == (agency, level))
    return found


def funds(row: Row, stage: Stage) -> tuple[int | None, ...]:
    return row.cells[stage][1:-1]


def days_of(city: City) -> list[date]:
    return [row[0] for row in city.rows("select day from tie_out order by number")]


def test_every_day_ties_out_with_all_its_incomes_and_subsidies(month: City) -> None:
    assert month.rows("select day::text, content -> 'ok' from tie_out order by number") == [
        (day, True) for day in ("2026-11-02", "2026-11-04", str(PAID), str(BACK), str(MOVED_BACK), str(FEES))
    ]
    assert proven(month) == []


def test_each_source_has_its_own_column_and_they_add_up_to_the_balance(owner: Connection) -> None:
    """By hand: the cheque's 8000 and 200; the unit part into pension, out of unemployment with the medical subsidy's 4500."""
    paid = balance(owner, PAID)
    assert funds(paid, Stage.BROUGHT_FORWARD) == (0, 0, 0, 0)
    assert funds(paid, Stage.CONTRIBUTIONS) == PERSONAL
    assert funds(paid, Stage.OTHER_INCOMES) == (500, 40, 0, 0)
    assert funds(paid, Stage.SUBSIDIES) == (UNIT[0], -UNIT[0] - MEDICAL_SUM, 0, 0)
    after = (8000 + 500 + UNIT[0], 200 + 40 - UNIT[0] - MEDICAL_SUM, 0, 0)
    assert funds(paid, Stage.CARRIED) == funds(paid, Stage.AGENCY_ACCOUNT) == funds(paid, Stage.AGENCY_INCOME) == after
    back = balance(owner, BACK)
    assert funds(back, Stage.BROUGHT_FORWARD) == after
    assert funds(back, Stage.REVERSALS) == (-8000, -200, 0, 0)
    moved_back = balance(owner, MOVED_BACK)
    assert funds(moved_back, Stage.SUBSIDIES) == (-UNIT[0], UNIT[0] + MEDICAL_SUM, 0, 0)
    assert funds(moved_back, Stage.AGENCY_ACCOUNT) == (500, 40, 0, 0)
    fees = balance(owner, FEES)
    assert funds(fees, Stage.LATE_FEES) == (300, 20, 0, 0)
    assert funds(fees, Stage.OTHER_INCOMES) == (0, 0, 7, 0)
    assert funds(fees, Stage.AGENCY_INCOME) == (800, 60, 7, 0)


def test_the_balances_at_the_end_are_the_journals_accounts_wholly(month: City, owner: Connection) -> None:
    """No account but memoranda is left out, at either level: all debits are all credits, and the last day's balances."""
    signed = "coalesce(sum(case when p.side = 'D' then p.amount_fen else -p.amount_fen end) filter (where p.account {}), 0)::bigint"
    money = "in ('INCOME_ACCOUNT', 'CITY_CLEARING', 'EXPENDITURE_ACCOUNT')"
    booked = owner.execute(
        text(f"""
        select e.level, e.agency, p.fund, {signed.format(money)}, -{signed.format(f"not {money}")}
        from journal_entry e join journal_posting p on p.entry_id = e.id where p.account not like 'MEMO%' group by 1, 2, 3""")
    ).all()
    levels = {"AGENCY": Movement.BALANCES, "CITY": Movement.CITY_BALANCES}
    last = {(row.movement, row.agency): row for row in cells.of_day(owner, days_of(month)[-1])}
    assert len(booked) > 8
    for level, agency, fund, account, income in booked:
        said = last[levels[level], agency].usual.as_json()[fund]
        assert account == income == said, (level, agency, fund)


SUBSIDY_FILE = "identity like 'SUBSIDIES/%' and received_at < '2026-11-13'"


def posting(what: str, account: str, fund: str = "unemployment") -> str:
    return f"""
        update journal_posting set amount_fen = amount_fen + 1 where fund = '{fund}' and account = '{account}' and entry_id =
            (select min(id) from journal_entry where what = '{what}')
    """


# the source; one amount that is changed; the day; the cells that turn red; the line behind the first: table, file, expected, found
BREAKS = [
    (Stage.CONTRIBUTIONS, "update collection set pension = pension + 1 where source = 'RECEIPT'", PAID,
     {("receipts", "funds"), ("balances", "carried")},
     ("collection", "RCPT_110105_20261112_0001.txt", "8200", "8201")),
    (Stage.OTHER_INCOMES, "update other_income set pension = pension + 1 where income_no = 'I-1'", PAID,
     {("incomes", "received"), ("balances", "carried")},
     ("other_income", "INC_110105_20261112_0001.txt entry", "500 40 0 0", "501 40 0 0")),
    (Stage.LATE_FEES, "update other_income set unemployment = unemployment - 1 where income_no = 'I-2'", FEES,
     {("incomes", "received"), ("balances", "carried")},
     ("other_income", "INC_110105_20261203_0001.txt entry", "300 20 7 0", "300 19 7 0")),
    (Stage.SUBSIDIES, "update subsidy set medical = medical + 1 where subsidy_no = 'M-1'", PAID,
     {("subsidies", "received"), ("subsidised-funds", "received"), ("balances", "carried")},
     ("subsidy", "SUBS_110105_20261112_0002.txt", f"2 {UNIT_SUM + MEDICAL_SUM}", f"2 {UNIT_SUM + MEDICAL_SUM + 1}")),
    (Stage.REVERSALS, "update collection set pension = pension + 1 where source = 'RECEIPT_REVERSAL'", BACK,
     {("returns", "funds"), ("balances", "carried")},
     ("collection", "RTN_110105_20261113_0001.txt", "-8200", "-8199")),
    (None, "update file_intake set total = total + 1 where identity like 'INCOMES/110105/2026-11-12/%'", PAID,
     {("incomes", "in_files")}, ("file_intake", "INC_110105_20261112_0001.txt", "1 540", "1 541")),
    (None, f"update file_intake set total = total + 1 where {SUBSIDY_FILE}", PAID, {("subsidies", "in_files")},
     ("file_intake", "SUBS_110105_20261112_0002.txt", f"2 {UNIT_SUM + MEDICAL_SUM}", f"2 {UNIT_SUM + MEDICAL_SUM + 1}")),
    (None, posting("other-income", "OTHER_INCOME"), PAID,
     {("incomes", "agency_income"), ("balances", "agency_income")},
     ("journal_posting", "INC_110105_20261112_0001.txt entry", "500 40 0 0", "500 41 0 0")),
    (None, posting("subsidy", "EXPENDITURE_ACCOUNT"), PAID,
     {("subsidies", "agency_account"), ("subsidised-funds", "agency_account"), ("balances", "agency_account")},
     ("journal_posting", "SUBS_110105_20261112_0002.txt entry", str(UNIT_SUM + MEDICAL_SUM), str(UNIT_SUM + MEDICAL_SUM + 1))),
    (None, posting("subsidy", "MEDICAL_SUBSIDY"), PAID,
     {("subsidies", "agency_expenditure"), ("subsidised-funds", "agency_income"), ("balances", "agency_income")},
     ("journal_posting", "SUBS_110105_20261112_0002.txt entry", str(UNIT_SUM + MEDICAL_SUM), str(UNIT_SUM + MEDICAL_SUM + 1))),
    (None, posting("subsidy", "SUBSIDY_INCOME", "pension"), PAID,
     {("subsidised-funds", "agency_income"), ("balances", "agency_income")},
     ("journal_posting", "SUBS_110105_20261112_0002.txt entry",
      f"{UNIT[0]} {-UNIT[0] - MEDICAL_SUM} 0 0", f"{UNIT[0] + 1} {-UNIT[0] - MEDICAL_SUM} 0 0")),
]  # fmt: skip


@pytest.mark.parametrize(("source", "change", "day", "expected", "names"), BREAKS)
def test_a_difference_in_any_source_turns_its_cell_red_and_the_balances_with_the_lines_behind(
    month: City,
    owner: Connection,
    source: Stage | None,
    change: str,
    day: date,
    expected: set[tuple[str, str]],
    names: tuple[str, ...],
) -> None:
    before = {each: balance(owner, day).cells[each] for each in SOURCES}
    assert owner.execute(text(change)).rowcount == 1, "one row was meant"
    for other_day in days_of(month):
        # an account that is wrong stays wrong until it is mended; a source is wrong on its day
        stays = (
            {cell for cell in expected if cell[0] == "balances" and cell[1] != "carried"} if other_day > day else set()
        )
        found = {(row.movement, stage) for row in cells.of_day(owner, other_day) for stage in row.red}
        assert found == (expected if other_day == day else stays), other_day
    rows = cells.of_day(owner, day)
    changed = [each for each in SOURCES if balance(owner, day).cells[each] != before[each]]
    assert changed == ([source] if source else [])
    named = lines.behind(owner, day, rows)
    assert {(line.movement, line.stage) for line in named} == expected
    first = named[0]
    table, file, *said = names
    assert (first.table, [first.expected, first.found]) == (table, said)
    assert first.file.startswith(file), first.file
    if any(movement == "balances" for movement, _ in expected):
        repeated = {line.file for line in named if line.movement is Movement.BALANCES}
        assert repeated <= {line.file for line in named if line.movement is not Movement.BALANCES}
        assert {name.partition(" entry")[0] for name in repeated} == {first.file.partition(" entry")[0]}


def test_an_entry_booked_into_a_day_that_was_certified_is_seen_on_the_next(month: City, owner: Connection) -> None:
    """It balances, so its own day's accounts agree with each other; what was certified does not hold any more."""
    owner.execute(
        text("""
        with entry as (
            insert into journal_entry (level, agency, what, cause, booking_period, business_date)
            values ('AGENCY', :agency, 'dues', 'by-hand', '2026-11', '2026-11-12') returning id)
        insert into journal_posting select id, n, account, 'injury', side, 9 from entry,
            (values (1, 'INCOME_ACCOUNT', 'D'), (2, 'FUND_INCOME', 'C')) p (n, account, side)"""),
        {"agency": CHAOYANG},
    )
    for day in (PAID, BACK):
        assert balance(owner, day).red == (Stage.CARRIED,)
    paid, back = (lines.behind(owner, day, cells.of_day(owner, day)) for day in (PAID, BACK))
    assert [(line.table, line.file, line.found) for line in paid] == [("journal_entry", "entry dues by-hand", "9")]
    assert [(line.table, line.file) for line in back] == [("journal_entry", "days before")]


def test_while_a_day_waits_for_its_certificate_the_next_goes_on_from_the_journal(owner: Connection) -> None:
    owner.execute(text("delete from tie_out where day >= :day"), {"day": BACK})
    assert balance(owner, MOVED_BACK).red == ()
    assert balances.brought_forward(owner, BACK) == {
        (row.movement, row.agency): row.usual for row in cells.of_day(owner, PAID) if "balances" in row.movement
    }


def test_over_many_days_a_balance_begins_with_the_first_and_ends_with_the_last(month: City) -> None:
    with one_snapshot(month.hub.engine) as conn:
        found = sheet.envelope(sheet.read(conn, PAID, MOVED_BACK, month.moment("12-05T10:00"), CHAOYANG))
    total = found["total"]["balances"]
    assert total["brought_forward"]["total"] == 0
    assert total["contributions"]["total"] == -total["reversals"]["total"] == sum(PERSONAL)
    assert total["subsidies"]["total"] == 0
    assert total["carried"]["total"] == total["agency_account"]["total"] == 540
