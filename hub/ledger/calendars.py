"""Working-day calendars in the database: the city's, and a bank's own where one was imported."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.business_days import WorkingDays

CITY: Final = "city"
"""In small letters, so that no bank code can be the same."""
FIRST_SEEDED_YEAR: Final = 2024
"""Older years have no session to schedule."""


def seed(conn: Connection) -> None:
    """Fills the city calendar of an empty database from ``chinesecalendar``, as far as that knows the State Council's notices."""
    if conn.execute(text("select exists (select from calendar_day)")).scalar_one():
        return
    import chinese_calendar  # noqa: PLC0415  (a fifth of a second that no other command should pay)

    last_year = max(day.year for day in chinese_calendar.holidays)
    day, end = date(FIRST_SEEDED_YEAR, 1, 1), date(last_year, 12, 31)
    days: list[tuple[date, bool, str]] = []
    while day <= end:
        name = chinese_calendar.get_holiday_detail(day)[1] or ""
        days.append((day, bool(chinese_calendar.is_workday(day)), str(name)))
        day += timedelta(days=1)
    replace(conn, CITY, days)


def replace(conn: Connection, calendar: str, days: Iterable[tuple[date, bool, str]]) -> None:
    """Stores days of a calendar, over what it said of them before."""
    conn.execute(
        text(
            "insert into calendar_day (calendar, day, working, name) values (:calendar, :day, :working, :name)"
            " on conflict (calendar, day) do update set working = excluded.working, name = excluded.name"
        ),
        [{"calendar": calendar, "day": day, "working": working, "name": name} for day, working, name in days],
    )


def changed(conn: Connection, calendar: str, days: Iterable[tuple[date, bool, str]]) -> list[date]:
    """Days that the calendar knows and that these would turn from working into free ones, or back."""
    known = {
        row.day: row.working
        for row in conn.execute(
            text("select day, working from calendar_day where calendar = :calendar"), {"calendar": calendar}
        )
    }
    return [day for day, working, _ in days if known.get(day, working) is not working]


def load(conn: Connection, banks: Iterable[str]) -> tuple[WorkingDays, Mapping[str, WorkingDays]]:
    """The city's calendar, and one for each bank: its own days over the city's."""
    found: dict[str, dict[date, bool]] = {}
    for row in conn.execute(text("select calendar, day, working from calendar_day")):
        found.setdefault(row.calendar, {})[row.day] = row.working
    city = found.get(CITY, {})
    of_city = WorkingDays(city)
    own = {bank: WorkingDays({**city, **found[bank]}) if bank in found else of_city for bank in banks}
    return of_city, own


def years(conn: Connection) -> list[dict[str, object]]:
    """Per calendar and year: how many days are known, how many of them are working days, the days off on weekdays and back."""
    found = conn.execute(
        text("""
            select calendar, extract(year from day)::int as year, count(*) as days,
                   count(*) filter (where working) as working_days,
                   count(*) filter (where not working and extract(isodow from day) < 6) as holidays_on_weekdays,
                   count(*) filter (where working and extract(isodow from day) >= 6) as make_up_days
            from calendar_day group by 1, 2 order by 1, 2
        """)
    )
    return [dict(row) for row in found.mappings()]
