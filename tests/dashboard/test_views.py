"""The reading of the books: right, consistent, harmless, and not done twice for nothing."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import ProgrammingError

from hub.dashboard import views
from hub.domain.errors import NotRunningError
from hub.domain.periods import Period
from tests.dashboard.conftest import Books
from tests.dashboard.rows import AGENCIES, BANKS, at


@pytest.fixture
def read(reading: Engine) -> views.Books:
    return views.Books(reading, list(AGENCIES), list(BANKS))


def test_requested_is_arrived_unarrived_and_awaited(books: Books, read: views.Books) -> None:
    for session in read.board(None).sessions:
        parts = views.add_up((session.arrived, session.unarrived, session.unanswered))
        assert parts == session.requested
        assert min(session.unanswered.amounts) >= 0


def test_agencies_add_up_to_the_city(books: Books, read: views.Books) -> None:
    board = read.board(None)
    agencies = board.agencies.values()
    assert views.add_up(each.due for each in agencies) == board.city.due
    assert sum(each.open.total for each in agencies) == board.city.open.total == books.rows.open
    assert sum(each.collected.total for each in agencies) == board.city.collected.total == books.rows.collected


def test_the_period_being_collected_is_the_first_that_is_not_closed(books: Books, read: views.Books) -> None:
    assert read.board(None).period == Period("2026-12")
    books.write(
        lambda rows: rows.run(
            "insert into bill (bill_no, period, kind, agency, unit, unit_name, mode, bank, account, account_name, pension,"
            " unemployment, injury, maternity, total, shard, file_id, line, accepted_at) select 'NEXT', '2027-01', kind,"
            " agency, unit, unit_name, mode, bank, account, account_name, pension, unemployment, injury, maternity, total,"
            " shard, file_id, line, accepted_at from bill limit 1"
        )
    )
    assert read.board(None).period == Period("2026-12")
    books.write(lambda rows: rows.step("month-close", at(31, 23)))
    board = read.board(None)
    assert board.period == Period("2027-01")
    assert set(board.periods) == {Period("2026-12"), Period("2027-01")}
    assert read.board(Period("2026-12")).closed


def test_bills_are_counted_again_only_for_another_agency_file(books: Books, reading: Engine, read: views.Books) -> None:
    asked: list[str] = []

    @event.listens_for(reading, "before_cursor_execute")
    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if re.search(r"from bill where", statement):
            asked.append(statement)

    read.board(None)
    books.write(lambda rows: rows.work_item("一件", at(4, 11)))
    read.board(None)
    assert len(asked) == 1
    books.write(lambda rows: rows.dues("110101", at(4, 12), 1))
    assert read.board(None).city.due.total == books.rows.due
    assert len(asked) == 2


def test_the_pulse_changes_with_every_write_and_with_nothing_else(books: Books, read: views.Books) -> None:
    first = read.pulse()
    read.board(None)
    assert read.pulse() == first
    books.write(lambda rows: rows.clock(at(4, 12)))
    assert read.pulse() != first


def test_books_that_are_not_open_yet_are_said_to_be(database: str, read: views.Books) -> None:
    with pytest.raises(NotRunningError):
        read.board(None)


def test_the_desk_can_change_nothing(books: Books, reading: Engine) -> None:
    with reading.begin() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(text("update work_item set state = 'resolved'"))


def test_an_empty_month_reads_as_nothing(books: Books, read: views.Books) -> None:
    board = read.board(Period("2027-03"))
    assert board.city == views.Standing(
        views.Sum(), (views.Sum(), views.Sum()), views.NOTHING, views.Sum(), views.NOTHING, views.Sum()
    )


@given(st.text(), st.integers(10**12, 10**31), st.text())
def test_a_number_as_long_as_an_account_is_cut(before: str, account: int, after: str) -> None:
    shown = views.presentable(f"{before} {account} {after}")
    assert str(account) not in shown
    assert not any(ord(sign) < 32 for sign in shown)


@given(st.from_regex(r"(DK|HD)_[A-Z]{2,6}_[0-9]{8}_[0-9]{4}\.txt|[0-9]{12}|[A-Z]{2}-[0-9]{20}", fullmatch=True))
def test_file_names_units_and_ids_stay_whole(word: str) -> None:
    assert views.presentable(word) == word


def test_times_are_told_in_beijing(books: Books, read: views.Books) -> None:
    board = read.board(None)
    assert board.now == datetime(2026, 12, 4, 3, 30, tzinfo=UTC)
    assert board.now.hour == 11
