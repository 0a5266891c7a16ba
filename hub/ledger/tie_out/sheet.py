"""The tie-out of days as it is exported: certificates as they were drawn, and days that have none as the books stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.domain.fund_balances import BROUGHT_BY
from hub.domain.tie_out import CELL_FIELDS, PARTS, STAGES, Certificate, Movement, Stage
from hub.ledger.tie_out import cells, certificates, days, lines

TITLE: Final = "日终核对"


@dataclass(frozen=True, slots=True)
class Day:
    """One business day. ``certificate`` None: it is ``open``, and ``why`` says what it waits for. Rows and lines as JSON."""

    date: date
    certificate: Certificate | None
    why: str
    rows: list[Mapping[str, Any]]
    lines: list[Mapping[str, Any]]

    @property
    def ok(self) -> bool:
        return not any(row["red"] for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        found = self.certificate
        drawn = (None, None, None) if found is None else (found.number, found.previous, found.sha256)
        return {
            "date": self.date.isoformat(), "state": "open" if found is None else "certified", "ok": self.ok,
            "waits_for": self.why, **dict(zip(("number", "previous", "sha256"), drawn, strict=True)),
        }  # fmt: skip


def read(
    conn: Connection, first: date, last: date, now: datetime, agency: str | None = None, bank: str | None = None
) -> list[Day]:
    """The days from ``first`` to ``last`` on which something moved, in order; of one agency, or bank, when named."""
    certified = certificates.of_days(conn, first, last)
    found = []
    for day in sorted({*certified, *days.moved(conn, first, last)}):
        certificate, why = certified.get(day), ""
        if certificate is None:
            rows = cells.of_day(conn, day)
            all_rows = [row.as_json() for row in rows]
            all_lines = [line.as_json() for line in lines.behind(conn, day, rows)]
            why = (
                "the day is not over" if day >= now.date() else days.under_way(conn, day) or "the schedule's next step"
            )
        else:
            all_rows, all_lines = certificate.content["rows"], certificate.content["lines"]
        found.append(Day(day, certificate, why, *(_wanted(each, agency, bank) for each in (all_rows, all_lines))))
    return found


def _wanted(said: Iterable[Mapping[str, Any]], agency: str | None, bank: str | None) -> list[Mapping[str, Any]]:
    return [each for each in said if agency in (None, each["agency"]) and bank in (None, each["bank"])]


def envelope(sheet: list[Day], **asked: str | None) -> dict[str, Any]:
    """As the other exports: rows of keys and measures, here a measure a stage, and which of them are red.

    ``total`` adds up each movement, stage by stage; of balances, where they began, what came, where they ended.
    The chain stands in ``days``, what is behind red cells in ``lines``.
    """
    return {
        "form": "tieout", "title": TITLE, **asked, "round": None, "unit": "fen", "ok": all(day.ok for day in sheet),
        "days": [day.as_json() for day in sheet],
        "rows": [
            {
                "date": day.date.isoformat(), "agency": row["agency"], "bank": row["bank"], "movement": row["movement"],
                **in_order(row), "red": row["red"],
            }
            for day in sheet for row in day.rows
        ],
        "lines": [{"date": day.date.isoformat(), **line} for day in sheet for line in day.lines],
        "total": {movement.value: _total(sheet, movement) for movement in Movement},
    }  # fmt: skip


def in_order(row: Mapping[str, Any]) -> dict[str, Mapping[str, int | None]]:
    """The cells of a row in the order of the way, as a row of the books does not keep them."""
    return {
        stage.value: {name: row["cells"][stage.value][name] for name in CELL_FIELDS}
        for stage in STAGES[Movement(row["movement"])]
    }


def _total(sheet: list[Day], movement: Movement) -> dict[str, dict[str, int | None]]:
    rows = [row for day in sheet for row in day.rows if row["movement"] == movement.value]
    all_rows = [in_order(row) for row in rows]
    adds_up = dict.fromkeys(STAGES[movement], all_rows)
    if movement in BROUGHT_BY:  # of days, the first one's brought forward and the last one's balance
        last = {row["agency"]: in_order(row) for row in rows}
        first = {row["agency"]: in_order(row) for row in reversed(rows)}
        adds_up |= {stage: list(last.values()) for stage in STAGES[movement] if stage not in PARTS}
        adds_up[Stage.BROUGHT_FORWARD] = list(first.values())
    return {
        stage.value: {
            name: None if none is None else sum(row[stage.value][name] or 0 for row in adds_up[stage])
            for name, none in zip(CELL_FIELDS, nothing, strict=True)
        }
        for stage, nothing in STAGES[movement].items()
    }
