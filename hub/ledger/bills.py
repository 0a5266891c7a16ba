"""Bills: what agencies ask of units. Lines come in by COPY, are held against the books in sets, and are kept or not as a whole."""

from collections.abc import Collection, Iterable
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.dues import DuesHeader, DuesLine
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import SHARDS, shard_of
from hub.domain.standing import Standing
from hub.ledger import arrivals, frames
from hub.ledger.database import raw

HEADER_LINES = 1
"""Lines of a file before its first D line."""


_COPIED = (
    "bill_no", "period", "kind", "agency", "unit", "unit_name", "mode", "bank", "account", "account_name", *FUND_NAMES,
    "total", "refers_to", "shard", "file_id", "line", "accepted_at",
)  # fmt: skip


def copy_in(conn: Connection, header: DuesHeader, parts: Iterable[pl.DataFrame], file_id: int, at: datetime) -> int:
    """Copies the bills of a file straight into the books, by columns (``hub.ports``); how many.

    psycopg's IntegrityError when a bill, or a unit's month, is in the books already; the transaction is lost then.
    """
    constants = {
        "period": str(header.period), "kind": header.kind.value, "agency": header.agency, "file_id": file_id,
        "accepted_at": at.isoformat(),
    }  # fmt: skip
    whole = [pl.lit(value).alias(name) for name, value in constants.items()]
    return frames.write(conn, "bill", _COPIED, (part.with_columns(whole) for part in parts))


def stage(conn: Connection, lines: Iterable[DuesLine]) -> None:
    """Copies the lines of one file into a table of this transaction."""
    conn.execute(
        text("""
            create temp table staged_bill (
                line integer, bill_no text, unit text, unit_name text, mode text, bank text, account text, account_name text,
                pension bigint, unemployment bigint, injury bigint, maternity bigint, total bigint, refers_to text,
                shard smallint
            ) on commit drop
        """)
    )
    with raw(conn).cursor() as cursor, cursor.copy("copy staged_bill from stdin") as copy:
        for line in lines:
            copy.write_row(
                (
                    line.line, line.bill_no, line.unit, line.unit_name, line.mode, line.bank, line.account,
                    line.account_name, *line.amounts, line.amounts.total,
                    None if line.refers_to is None else str(line.refers_to), shard_of(line.unit, SHARDS),
                )
            )  # fmt: skip
    conn.execute(text("analyze staged_bill"))


def conflicts(
    conn: Connection, header: DuesHeader, known_banks: Collection[str], *, banks_too_late: bool
) -> list[Fault]:
    """What the books have against the staged lines: unknown banks, bills known already, requests after the last session."""
    faults = [
        Fault(row.line + HEADER_LINES, "bank", FaultCode.UNKNOWN_BANK, "a bank of this hub", row.bank)
        for row in conn.execute(
            text("select line, bank from staged_bill where mode = 'B' and bank <> all(:banks) order by line"),
            {"banks": list(known_banks)},
        )
    ]
    faults += [
        Fault(
            row.line + HEADER_LINES,
            "bill id",
            FaultCode.DUPLICATE,
            "an id never used before",
            f"{row.bill_no}, taken in with {row.name}",
        )
        for row in conn.execute(
            text("""
                select s.line, s.bill_no, f.name from staged_bill s
                join bill b on b.bill_no = s.bill_no join file_intake f on f.id = b.file_id order by s.line
            """)
        )
    ]
    if header.kind != "M":
        return faults
    faults += [
        Fault(
            row.line + HEADER_LINES,
            "unit",
            FaultCode.DUPLICATE,
            f"one monthly bill of the unit for {header.period}",
            f"{row.bill_no}, taken in before",
        )
        for row in conn.execute(
            text("""
                select s.line, b.bill_no from staged_bill s
                join bill b on b.unit = s.unit and b.period = :period and b.kind = 'M' order by s.line
            """),
            {"period": str(header.period)},
        )
    ]
    if banks_too_late:
        faults += [
            Fault(
                row.line + HEADER_LINES,
                "mode",
                FaultCode.SESSION_CLOSED,
                f"S, since the second upload of {header.period} has closed",
                "B",
            )
            for row in conn.execute(text("select line from staged_bill where mode = 'B' order by line"))
        ]
    return faults


def keep_staged(conn: Connection, header: DuesHeader, file_id: int, at: datetime) -> FundAmounts:
    """Makes bills of the staged lines and returns what they come to per fund."""
    conn.execute(
        text("""
            insert into bill (bill_no, period, kind, agency, unit, unit_name, mode, bank, account, account_name,
                              pension, unemployment, injury, maternity, total, refers_to, shard, file_id, line, accepted_at)
            select bill_no, :period, :kind, :agency, unit, unit_name, mode, bank, account, account_name,
                   pension, unemployment, injury, maternity, total, refers_to, shard, :file_id, line, :at
            from staged_bill order by line
        """),
        {"period": str(header.period), "kind": header.kind, "agency": header.agency, "file_id": file_id, "at": at},
    )
    row = conn.execute(
        text(f"select {', '.join(f'coalesce(sum({fund}), 0)::bigint' for fund in FUND_NAMES)} from staged_bill")
    ).one()
    return FundAmounts(*row)


_STANDING = f"""
    select b.id, b.bill_no, b.agency, b.unit, b.period, b.kind, b.mode, b.shard,
           b.pension, b.unemployment, b.injury, b.maternity,
           {", ".join(map(arrivals.on_bill, FUND_NAMES))},
           coalesce(b.refers_to, '') as refers_to, b.accepted_at, x.bill_id is not null as cancelled
    from bill b
    left join cancellation x on x.bill_id = b.id
    left join lateral (
        select {", ".join(f"sum({fund})::bigint as {fund}" for fund in FUND_NAMES)} from collection where bill_id = b.id
    ) c on true
    left join lateral ({arrivals.coming("i.bill_id = b.id and t.state = 'POSTING'")}) w on true
    where {{where}}
"""


def standing_by_number(conn: Connection, bill_nos: Collection[str]) -> dict[str, Standing]:
    """Standings of the bills among these numbers that exist."""
    found = _standings(conn, "b.bill_no = any(:wanted)", {"wanted": list(bill_nos)})
    return {each.bill_no: each for each in found}


def monthly_standing_by_unit(conn: Connection, agency: str, period: str, units: Collection[str]) -> dict[str, Standing]:
    """Standings of an agency's monthly bills of a period, for these units."""
    found = _standings(
        conn,
        "b.agency = :agency and b.period = :period and b.kind = 'M' and b.unit = any(:wanted)",
        {"agency": agency, "period": period, "wanted": list(units)},
    )
    return {each.unit: each for each in found}


def _standings(conn: Connection, where: str, values: dict[str, object]) -> list[Standing]:
    return [
        Standing(
            row.id, row.bill_no, row.agency, row.unit, row.period, row.kind, row.mode, row.shard,
            FundAmounts(*row[8:12]), FundAmounts(*row[12:16]), row.refers_to, row.accepted_at, row.cancelled,
        )
        for row in conn.execute(text(_STANDING.format(where=where)), values)
    ]  # fmt: skip
