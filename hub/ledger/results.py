"""Bank answers: taken in line by line beside their request, and handed on for posting in bundles."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.bank_results import PAID_IN_FULL
from hub.domain.funds import FUND_NAMES
from hub.ledger import batches, frames
from hub.ledger.batches import Batch, Section

_KEPT: Final = ("line", "deducted", *FUND_NAMES, "code", "reference", "file_line")
_ROWS_AT_ONCE: Final = 50_000


def keep(conn: Connection, batch: Batch, answers: pl.DataFrame) -> None:
    """Copies the checked answers of a batch into the books, in the order of their lines."""
    order = answers["line"].arg_sort()
    rows = answers.select(pl.lit(batch.id).alias("batch_id"), *_KEPT)
    parts = (rows[order[first : first + _ROWS_AT_ONCE]] for first in range(0, rows.height, _ROWS_AT_ONCE))
    frames.write(conn, "result_line", rows.columns, parts)


class ResultBundle(NamedTuple):
    """At most ``size`` answered lines of one batch, agency and shard, as columns; ``part`` counts them from 0."""

    agency: str
    shard: int
    part: int
    first_line: int
    columns: Sequence[list[Any]]


RESULT_COLUMNS = (
    "requested_pension", "requested_unemployment", "requested_injury", "requested_maternity",
    "deducted", "pension", "unemployment", "injury", "maternity",
)  # fmt: skip
_ANSWERED: Final = f"""
    select {", ".join(f"i.{fund}" for fund in FUND_NAMES)},
           r.deducted, {", ".join(f"r.{fund}" for fund in FUND_NAMES)}
    from result_line r join instruction i on i.id = r.line + %s
    where r.batch_id = %s and r.line between %s and %s and i.id between %s and %s order by r.line
"""
_COLUMNS: Final[frames.Schema] = dict.fromkeys(RESULT_COLUMNS, pl.Int64)


def bundles(conn: Connection, batch: Batch, size: int) -> Iterator[ResultBundle]:
    """A batch's answers with what was asked beside them, in the order of the file's lines."""
    for section in batches.sections(conn, batch.id):
        first, last, offset = section.first_line, section.last_line, section.offset
        values = (offset, batch.id, first, last, offset + first, offset + last)
        answered = frames.whole(conn, _ANSWERED, _COLUMNS, values)
        assert answered.height == last - first + 1, f"{batch.batch_no} is not answered whole"
        for part, chunk in enumerate(answered.iter_slices(size)):
            columns = [chunk[name].to_list() for name in RESULT_COLUMNS]
            yield ResultBundle(section.agency, section.shard, part, first + part * size, columns)


_SHORT: Final = text("""
    select exists (select from result_line where batch_id = :batch and line between :first and :last and code <> :in_full)
""")


def agencies_short(conn: Connection, batch: Batch) -> set[str]:
    """The agencies with a monthly bill in a batch that the bank has not paid in full."""
    found: set[str] = set()
    for section in batches.sections(conn, batch.id):
        if section.kind == "M" and section.agency not in found:
            lines = {"batch": batch.id, "first": section.first_line, "last": section.last_line}
            if conn.execute(_SHORT, {**lines, "in_full": PAID_IN_FULL}).scalar_one():
                found.add(section.agency)
    return found


_FAILED: Final = text("""
    select i.bill_id from instruction i join result_line r on r.batch_id = :batch and r.line = i.id - :offset
    where i.id between :first and :last and r.line between :first - :offset and :last - :offset and r.deducted = 0
      and coalesce((
          select sum(c.pension + c.unemployment + c.injury + c.maternity) from collection c where c.bill_id = i.bill_id), 0) = 0
    order by i.id
""")


def failed(conn: Connection, batch: Batch, sections: Iterable[Section]) -> list[int]:
    """The bills of sections of a batch for which the bank deducted nothing, and on which there is no money otherwise."""
    found: list[int] = []
    for section in sections:
        first, last = section.offset + section.first_line, section.offset + section.last_line
        values = {"batch": batch.id, "offset": section.offset, "first": first, "last": last}
        found += conn.execute(_FAILED, values).scalars()
    return found
