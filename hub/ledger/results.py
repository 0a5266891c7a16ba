"""Bank answers: taken in line by line beside their request, and handed on for posting in bundles."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from hub.domain.bank_results import AnswerLine
from hub.ledger.batches import Batch
from hub.ledger.database import raw
from hub.ledger.requests import in_chunks


def keep(conn: Connection, batch: Batch, answers: Iterable[AnswerLine]) -> None:
    """Copies the checked answers of a batch into the books."""
    columns = "batch_id, line, deducted, pension, unemployment, injury, maternity, code, reference, file_line"
    with raw(conn).cursor() as cursor, cursor.copy(f"copy result_line ({columns}) from stdin") as copy:
        for answer in answers:
            copy.write_row(
                (
                    batch.id, answer.line, answer.deducted, *answer.split, answer.code, answer.reference,
                    answer.file_line,
                )
            )  # fmt: skip


class ResultBundle(NamedTuple):
    """At most ``size`` answered lines of one batch, agency and shard, as columns."""

    agency: str
    shard: int
    part: int
    columns: Sequence[Sequence[Any]]


RESULT_COLUMNS = (
    "lines", "requested_pension", "requested_unemployment", "requested_injury", "requested_maternity",
    "deducted", "pension", "unemployment", "injury", "maternity", "codes",
)  # fmt: skip
_BUNDLES = """
    select i.agency, i.shard, r.line, i.pension, i.unemployment, i.injury, i.maternity,
           r.deducted, r.pension, r.unemployment, r.injury, r.maternity, r.code
    from result_line r
    join batch_line bl on bl.batch_id = r.batch_id and bl.line = r.line join instruction i on i.id = bl.instruction_id
    where r.batch_id = %s order by i.agency, i.shard, r.line
"""


def bundles(conn: Connection, batch: Batch, size: int) -> Iterator[ResultBundle]:
    """Streams a batch's answers, with what was asked beside them, through a server-side cursor."""
    with raw(conn).cursor(name="result_bundles") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_BUNDLES, (batch.id,))
        for (agency, shard), rows in groupby(cursor, key=lambda row: row[:2]):
            for part, chunk in enumerate(in_chunks(rows, size)):
                yield ResultBundle(agency, shard, part, list(zip(*chunk, strict=True))[2:])
