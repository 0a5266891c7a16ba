"""The daily tie-out (日终核对): a month ties on every day; one amount changed anywhere turns its cell red and is named."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from hub.app import schedule
from hub.domain.tie_out import FIRST, Movement, Stage, digest
from hub.ledger.database import engine
from hub.ledger.tie_out import cells, lines
from hub.ledger.verification import prepare
from hub.ledger.verification import tie_out as checks
from hub.processors import certify_days
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, City, bill, open_city, unit_of
from tests.processors.test_supplements_and_repayments import proven

DUE: Four = (10000, 700, 250, 150)
WHOLE = sum(DUE)
SENT, POSTED, COUNTER, BACK, LATE = (date(2026, 11, day) for day in (2, 4, 5, 6, 9))


def live_the_month(city: City) -> None:
    """November: A-2 pays in part, A-3 nothing, A-9 and A-8 at the counter; CCB answers late; a cheque and an answer change."""
    bills = [bill(f"A-{n}", n, DUE) for n in (1, 2, 3, 8)]
    city.accept(city.dues(*bills, bill("A-5", 5, DUE, bank="CCB"), bill("A-9", 9, DUE, bank="")))
    city.accept(city.dues(bill("B-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.advance("11-02T09:10")
    city.advance("11-03T10:00")
    city.accept(city.receipts(("R-8", "A-8", WHOLE)))  # the bank pays as well: suspense
    city.answer("ICBC", {"A-2": 5000, "A-3": "02"})
    city.advance("11-05T09:00")
    city.accept(city.cheques(("R-9", "A-9", WHOLE)))
    city.advance("11-06T09:00")
    city.accept(city.returns(("Q-9", "R-9", WHOLE)))
    city.put("ICBC", city.change("ICBC", ("A-1-1", WHOLE, 5000, "01")))
    assert city.poll("ICBC") == ["taken"]
    city.advance("11-09T09:00")
    city.answer("CCB")
    assert city.poll("CCB") == ["taken"]
    city.advance("11-16T09:00")
    city.accept(city.again((unit_of(2), "B"), (unit_of(3), "B")))
    city.second_deduction(ICBC={"A-3": "02"})
    city.advance("12-01T12:00")


@pytest.fixture(scope="module")
def month(postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The month, lived once; who changes it rolls back."""
    name = "tie_out"
    folder: Path = tmp_path_factory.mktemp("tie_out")
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"create database {name} template {migrated_template}")
    city = open_city(
        f"{postgres_url.rpartition('/')[0]}/{name}".replace("postgresql:", "postgresql+psycopg:", 1), folder
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schedule, "drain", lambda _hub: city.pump.drain())
        live_the_month(city)
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


def red_cells(conn: Connection, day: date) -> set[tuple[str, str, str, str]]:
    return {(row.agency, row.bank, row.movement, stage) for row in cells.of_day(conn, day) for stage in row.red}


def certificates(city: City) -> list[dict[str, Any]]:
    return [row[0] for row in city.rows("select content from tie_out order by number")]


def test_every_day_on_which_something_moved_ties_out_and_the_books_agree(month: City) -> None:
    drawn = certificates(month)
    assert [each["date"][5:] for each in drawn] == [
        "11-02",
        "11-03",
        "11-04",
        "11-05",
        "11-06",
        "11-09",
        "11-20",
        "11-23",
    ]
    assert [each["ok"] for each in drawn] == [True] * len(drawn)
    assert proven(month) == []


def test_the_movements_of_the_month_are_those_that_were_lived(month: City) -> None:
    moved = {
        (each["date"][5:], row["agency"], row["bank"], row["movement"])
        for each in certificates(month)
        for row in each["rows"]
    }
    assert moved == {
        ("11-02", CHAOYANG, "CCB", "requests"), ("11-02", CHAOYANG, "ICBC", "requests"), ("11-02", HAIDIAN, "ICBC", "requests"),
        ("11-03", CHAOYANG, "", "receipts"),
        *(("11-04", agency, "ICBC", what) for agency in (CHAOYANG, HAIDIAN) for what in ("answers", "arrivals")),
        ("11-05", CHAOYANG, "", "receipts"),
        ("11-06", CHAOYANG, "", "returns"), ("11-06", CHAOYANG, "ICBC", "changes"),
        ("11-09", CHAOYANG, "CCB", "late-answers"), ("11-09", CHAOYANG, "CCB", "late-arrivals"),
        ("11-20", CHAOYANG, "ICBC", "requests"),
        ("11-23", CHAOYANG, "ICBC", "answers"), ("11-23", CHAOYANG, "ICBC", "arrivals"),
        # balances: of all who ever had money, on every day on which anything moved
        *((f"11-{day}", CHAOYANG, "", "balances") for day in ("03", "04", "05", "06", "09", "20", "23")),
        *((f"11-{day}", CHAOYANG, "", "city-balances") for day in ("04", "05", "06", "09", "20", "23")),
        *((f"11-{day}", HAIDIAN, "", what) for day in ("04", "05", "06", "09", "20", "23")
          for what in ("balances", "city-balances")),
    }  # fmt: skip


def test_the_figures_are_those_of_the_month(month: City, owner: Connection) -> None:
    """By hand: of 4 lines asked, A-1 and A-8 pay 111.00, A-2 50.00, A-3 nothing; what is in suspense is money all the same."""
    rows = {(row.agency, row.bank, row.movement): row.cells for row in cells.of_day(owner, POSTED)}
    asked = rows[CHAOYANG, "ICBC", Movement.ANSWERS]
    assert asked[Stage.REQUESTED] == asked[Stage.IN_FILES] == (4, 40000, 2800, 1000, 600, 44400)
    assert asked[Stage.ANSWERED].counted == 4
    arrived = rows[CHAOYANG, "ICBC", Movement.ARRIVALS]
    assert arrived[Stage.FUNDS] == arrived[Stage.ANSWERED] == (3, 25000, 1400, 500, 300, 27200)
    assert arrived[Stage.AGENCY_INCOME] == (None, 25000, 1400, 500, 300, 27200)
    back = {row.movement: row.cells for row in cells.of_day(owner, BACK)}
    assert back[Movement.RETURNS][Stage.FUNDS] == (1, -10000, -700, -250, -150, -WHOLE)
    assert back[Movement.CHANGES][Stage.CITY_ACCOUNT] == (None, -5000, -700, -250, -150, -6100)


def of(table: str, where: str) -> str:
    return f"update {table} set pension = pension + 1 where {where}"


def of_bill(no: str) -> str:
    return f"bill_id = (select id from bill where bill_no = '{no}')"


def posting(level: str, what: str, account: str, day: date) -> str:
    """One fen more on the first entry of a kind of Chaoyang's on a day."""
    return f"""
        update journal_posting set amount_fen = amount_fen + 1 where fund = 'pension' and account = '{account}' and entry_id = (
            select min(e.id) from journal_entry e join journal_posting p on p.entry_id = e.id and p.account = '{account}'
            where level = '{level}' and what = '{what}' and agency = '{CHAOYANG}' and business_date = '{day}')
    """


I_A2 = "(select id from instruction where instruction_no = 'A-2-1')"
BATCH = "(select id from batch where bank = 'ICBC' and business_date = '2026-11-02')"
LINE_A2 = f"batch_id = {BATCH} and line = (select line from batch_line where instruction_id = {I_A2})"
ICBC, CCB, COUNTER_OF = (CHAOYANG, "ICBC"), (CHAOYANG, "CCB"), (CHAOYANG, "")

# one amount that is changed; per day the cells that turn red; what the first line behind them names
BREAKS = [
    (of("instruction", f"id = {I_A2}").replace("set ", "set total = total + 1, "),
     {SENT: {(*ICBC, "requests", "requested")}, POSTED: {(*ICBC, "answers", "requested")}},
     ("instruction", "A-2", "A-2-1", "10000 700 250 150", "10001 700 250 150")),
    (of("declaration", f"agency = '{CHAOYANG}' and bank = 'CCB'"),
     {SENT: {(*CCB, "requests", "declared")}}, ("declaration", "", "", "1 10000 700 250 150", "1 10001 700 250 150")),
    (f"update city_bundle set pension[1] = pension[1] + 1 where instructions @> {I_A2}",
     {SENT: {(*ICBC, "requests", "at_city")}}, ("city_bundle", None, None, "10000 700 250 150", "10001 700 250 150")),
    (f"delete from city_bundle where bank = 'CCB' and agency = '{CHAOYANG}'",
     {SENT: {(*CCB, "requests", "at_city")}}, ("city_bundle", "A-5", "A-5-1", "10000 700 250 150", "nothing")),
    (of("bank_file_total", f"batch_id = {BATCH} and agency = '{CHAOYANG}'"),
     {SENT: {(*ICBC, "requests", "in_files")}, POSTED: {(*ICBC, "answers", "in_files")}},
     ("bank_file_total", "", "", "4 40000 2800 1000 600", "4 40001 2800 1000 600")),
    (of("result_line", LINE_A2), {POSTED: {(*ICBC, "arrivals", "answered")}},
     ("result_line", "A-2", "A-2-1", "5000 5000 0 0 0", "5000 5001 0 0 0")),
    (f"update result_line set deducted = deducted + 1 where {LINE_A2}", {POSTED: {(*ICBC, "arrivals", "answered")}},
     ("result_line", "A-2", "A-2-1", "5000 5000 0 0 0", "5001 5000 0 0 0")),
    (f"delete from result_line where batch_id = {BATCH} and deducted = 0", {POSTED: {(*ICBC, "answers", "answered")}},
     ("result_line", "A-3", "A-3-1", "1", "0")),
    (of("collection", LINE_A2), {POSTED: {(*ICBC, "arrivals", "funds")}},
     ("collection", "A-2", "A-2-1", "5000 5000 0 0 0", "5001 5001 0 0 0")),
    (of("suspense", of_bill("A-8")), {POSTED: {(*ICBC, "arrivals", "funds")}},
     ("collection", "A-8", "A-8-1", "11100 10000 700 250 150", "11101 10001 700 250 150")),
    (posting("CITY", "bank-arrival", "INCOME_ACCOUNT", POSTED), {POSTED: {(*ICBC, "arrivals", "city_account")}},
     ("journal_posting", "", "", None, None)),
    (posting("CITY", "bank-arrival", "FUND_INCOME", POSTED), {POSTED: {(*ICBC, "arrivals", "city_income")}},
     ("journal_posting", "", "", None, None)),
    (posting("AGENCY", "agency-arrival", "CITY_CLEARING", POSTED), {POSTED: {(*ICBC, "arrivals", "agency_account")}},
     ("journal_posting", "", "", "25000 1400 500 300", "25001 1400 500 300")),
    (posting("AGENCY", "agency-arrival", "SUSPENSE", POSTED), {POSTED: {(*ICBC, "arrivals", "agency_income")}},
     ("journal_posting", "", "", "25000 1400 500 300", "25001 1400 500 300")),
    (f"update notice set requested[1] = requested[1] + 1 where batch_id = {BATCH} and agency = '{CHAOYANG}'",
     {POSTED: {(*ICBC, "answers", "notified")}}, ("notice", "", "", "4 40000 2800 1000 600", "4 40001 2800 1000 600")),
    (f"update notice set unarrived[2] = unarrived[2] + 1 where batch_id = {BATCH} and agency = '{CHAOYANG}'",
     {POSTED: {(*ICBC, "answers", "accounted")}}, ("notice", "", "", "4 40000 2800 1000 600", "4 40000 2801 1000 600")),
    (("update notice set arrived[1] = arrived[1] + 1, unarrived[1] = unarrived[1] - 1"
     f" where batch_id = {BATCH} and agency = '{CHAOYANG}'"),
     {POSTED: {(*ICBC, "arrivals", "notified")}}, ("notice", "", "", "25000 1400 500 300", "25001 1400 500 300")),
    (of("collection", of_bill("A-5")), {LATE: {(*CCB, "late-arrivals", "funds")}},
     ("collection", "A-5", "A-5-1", "11100 10000 700 250 150", "11101 10001 700 250 150")),
    ("update receipt set amount = amount + 1 where receipt_no = 'R-9'", {COUNTER: {(*COUNTER_OF, "receipts", "received")}},
     ("receipt", "A-9", "", "11100", "11101")),
    (of("collection", "source = 'RECEIPT' and " + of_bill("A-9")), {COUNTER: {(*COUNTER_OF, "receipts", "funds")}},
     ("collection", "A-9", "", "11100", "11101")),
    ("update file_intake set total = total + 1 where identity = 'RECEIPTS/110105/2026-11-05/0001'",
     {COUNTER: {(*COUNTER_OF, "receipts", "in_files")}}, ("file_intake", "", "", "1 11100", "1 11101")),
    (posting("AGENCY", "receipt", "INCOME_ACCOUNT", COUNTER), {COUNTER: {(*COUNTER_OF, "receipts", "agency_account")}},
     ("journal_posting", "", "", "10000 700 250 150", "10001 700 250 150")),
    ("update reversal set amount = amount + 1 where return_no = 'Q-9'", {BACK: {(*COUNTER_OF, "returns", "received")}},
     ("reversal", "A-9", "", "-11100", "-11101")),
    (of("collection", "source = 'RECEIPT_REVERSAL'"), {BACK: {(*COUNTER_OF, "returns", "funds")}},
     ("collection", "A-9", "", "-11100", "-11099")),
    (posting("AGENCY", "receipt-returned", "FUND_INCOME", BACK), {BACK: {(*COUNTER_OF, "returns", "agency_income")}},
     ("journal_posting", "", "", "-10000 -700 -250 -150", "-10001 -700 -250 -150")),
    ("update changed_answer set deducted = deducted + 1", {BACK: {(*ICBC, "changes", "answered")}},
     ("changed_answer", "A-1", "", "-6100", "-6099")),
    (of("collection", "source = 'BANK_CHANGE'"), {BACK: {(*ICBC, "changes", "funds")}},
     ("collection", "A-1", "", "-6100", "-6099")),
    (posting("CITY", "answer-reversed", "FUND_INCOME", BACK), {BACK: {(*ICBC, "changes", "city_income")}},
     ("journal_posting", "", "", "-5000 -700 -250 -150", "-5001 -700 -250 -150")),
    (posting("AGENCY", "agency-answer-changed", "CITY_CLEARING", BACK), {BACK: {(*ICBC, "changes", "agency_account")}},
     ("journal_posting", "", "", "-5000 -700 -250 -150", "-4999 -700 -250 -150")),
]  # fmt: skip


AT_CITY = ("arrivals", "late-arrivals", "changes")


def of_balances(expected: dict[date, set[Any]], day: date) -> set[Any]:
    """The balances that turn red with these cells: money on a bill on its day; an account from its day on, until it is mended."""
    found = set[Any]()
    for since, broken in expected.items():
        for agency, _, movement, stage in broken:
            if stage == "funds" and day == since:
                found.add((agency, "", "balances", "carried"))
                if movement in AT_CITY:
                    found.add((agency, "", "city-balances", "carried"))
            if stage.startswith(("city_", "agency_")) and day >= since:
                found.add((agency, "", "city-balances" if stage.startswith("city") else "balances", stage))
    return found


@pytest.mark.parametrize(("change", "expected", "names"), BREAKS)
def test_one_amount_changed_turns_its_cell_red_and_no_other(
    month: City, owner: Connection, change: str, expected: dict[date, set[Any]], names: tuple[Any, ...]
) -> None:
    assert owner.execute(text(change)).rowcount == 1, "one row was meant"
    for certificate in certificates(month):
        day = date.fromisoformat(certificate["date"])
        assert red_cells(owner, day) == expected.get(day, set()) | of_balances(expected, day), day
    first = min(expected)
    named = lines.behind(owner, first, cells.of_day(owner, first))
    balances = of_balances(expected, first)
    assert {(line.agency, line.bank, line.movement, line.stage) for line in named} == expected[first] | balances
    found = [line for line in named if "balances" not in line.movement]
    assert len(found) == 1 or names[1] is None
    for agency, _, level, stage in balances:
        behind = [line for line in named if (line.agency, line.movement, line.stage) == (agency, level, stage)]
        assert [line[5:] for line in behind] == [line[5:] for line in found], "a balance names the lines of its sources"
    said = (found[0].table, found[0].bill, found[0].instruction, found[0].expected, found[0].found)
    assert [one for one, other in zip(said, names, strict=True) if other not in (None, one)] == []
    prepare(owner)
    check = checks.certificates_equal_the_books(owner, None)  # type: ignore[arg-type]
    assert not check.ok
    for day, red in expected.items():
        assert all(f"{day} {' '.join(filter(None, cell))}" in check.detail for cell in red), check.detail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update tie_out set content = jsonb_set(content, '{ok}', 'false') where number = 3", "number 3 of 2026-11-04"),
        ("update tie_out set day = day + 1 where number = 8", "number 8 of 2026-11-24"),
        ("update tie_out set sha256 = repeat('a', 64) where number = 2", "number 3 of 2026-11-04"),
        ("update tie_out set previous = repeat('a', 64) where number = 1", "number 1 of 2026-11-02"),
        ("delete from tie_out where number = 5", "number 6 of 2026-11-09"),
    ],
)
def test_the_chain_breaks_where_a_certificate_was_changed(owner: Connection, change: str, said: str) -> None:
    assert checks.certificates_are_chained(owner, None).ok  # type: ignore[arg-type]
    assert owner.execute(text(change)).rowcount == 1
    broken = checks.certificates_are_chained(owner, None)  # type: ignore[arg-type]
    assert not broken.ok and said in broken.detail, broken.detail


def test_a_certificate_drawn_anew_over_changed_content_still_breaks_the_chain_behind_it(owner: Connection) -> None:
    content = dict(owner.execute(text("select content from tie_out where number = 3")).scalar_one(), rows=[])
    values = {"sha256": digest(content)}
    owner.execute(
        text("update tie_out set content = jsonb_set(content, '{rows}', '[]'), sha256 = :sha256 where number = 3"),
        values,
    )
    broken = checks.certificates_are_chained(owner, None)  # type: ignore[arg-type]
    assert "number 4 of 2026-11-05" in broken.detail
    prepare(owner)
    unequal = checks.certificates_equal_the_books(owner, None)  # type: ignore[arg-type]
    assert f"2026-11-04 {HAIDIAN} ICBC arrivals funds" in unequal.detail


def test_a_day_whose_certificate_is_gone_is_missed(owner: Connection) -> None:
    owner.execute(text("delete from tie_out where number = 4"))
    prepare(owner)
    missed = checks.certificates_equal_the_books(owner, None)  # type: ignore[arg-type]
    assert "tie_out of 2026-11-05: expected a certificate, found nothing" in missed.detail


def test_certificates_hang_together_and_no_process_may_change_one(month: City) -> None:
    rows = month.rows("select number, content, previous, sha256 from tie_out order by 1")
    before = FIRST
    for number, (stored, content, previous, own) in enumerate(rows, start=1):
        assert (stored, previous, own) == (number, before, digest(content))
        before = own
    for change in ("update tie_out set day = day", "delete from tie_out", "update bank_file_total set lines = lines"):
        with month.hub.engine.connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
            conn.execute(text(change))


def test_a_red_day_is_told_and_certified_again_once_it_was_mended(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-02T09:10")
    with engine(str(city.hub.settings.database.url), role=None).begin() as owner:
        owner.execute(text("update declaration set pension = pension + 1 where bank = 'CCB'"))
    city.advance("11-03T10:00")
    (item,) = city.work("control-totals")
    assert item["summary"].startswith(f"2026-11-02 does not tie out: {CHAOYANG} CCB requests: declared.")
    with engine(str(city.hub.settings.database.url), role=None).begin() as owner:
        owner.execute(text("update declaration set pension = pension - 1 where bank = 'CCB'"))
    city.answer("ICBC")
    city.answer("CCB")
    city.advance("11-05T09:00")
    drawn = city.rows("select number, day::text, content -> 'ok' from tie_out order by 1")
    assert drawn == [(1, "2026-11-02", False), (2, "2026-11-02", True), (3, "2026-11-04", True)]
    assert city.work("control-totals") == []
    assert proven(city) == []


def test_a_day_of_which_something_is_parked_waits_and_so_do_the_days_behind_it(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    with city.hub.engine.begin() as conn:
        conn.execute(
            text("""
            insert into work_item (queue, summary, about, opened_at, detail)
            values ('dead-letter', 'parked', 'x', '2026-11-03', '{"consumer": "book-at-agency"}')""")
        )
    city.advance("11-06T09:00")
    assert [each["date"] for each in certificates(city)] == ["2026-11-02"]
    with city.hub.engine.begin() as conn:
        conn.execute(text("update work_item set state = 'resolved' where queue = 'dead-letter'"))
    city.advance("11-06T10:00")
    assert [each["date"] for each in certificates(city)] == ["2026-11-02", "2026-11-04"]


def test_a_mistake_in_the_tie_out_stops_no_step(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting goes on without certificates, a person is told once, and the days are certified once it is mended."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    with monkeypatch.context() as broken:
        broken.setattr(certify_days, "carry_out", lambda *_: 1 // 0)
        city.first_deduction(ICBC={})
    assert city.collected("A-1") == DUE
    (item,) = city.work("control-totals")
    assert "ZeroDivisionError" in item["summary"]
    city.advance("11-06T09:00")
    assert city.work("control-totals") == []
    assert city.value("select count(*) from tie_out") > 0
