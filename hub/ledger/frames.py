"""Tables as columns: rows go out of PostgreSQL and into it by COPY, straight from and to Polars frames.

A million rows as Python objects cost seconds and hundreds of megabytes; as columns a fraction of it. The framing is
PostgreSQL's CSV with the separator of our line files, and with a quote and a sign for null that no text of ours holds, so
that a line is cut at its separators and nowhere else: control characters are refused at every door (contract section 1).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, Final, TypeVar

import polars as pl
from sqlalchemy import Connection

from hub.ledger.database import raw

Schema = Mapping[str, Any]
"""Column names with their Polars types, in the order of the query's columns."""

_PART_BYTES: Final = 8 << 20
_NULL: Final = "\x02"
_FRAMING: Final = r"(format csv, delimiter '|', quote E'\x01', escape E'\x01', null E'\x02')"


def read(conn: Connection, query: str, schema: Schema, values: Sequence[object] = ()) -> Iterator[pl.DataFrame]:
    """The rows of a query in parts of some megabytes, in its order. ``values`` are bound to its ``%s``.

    Booleans are read as text (``t``, ``f``).

    Nothing else may be asked of the connection until the last part is read.
    """
    statement = f"copy ({query}) to stdout with {_FRAMING}"
    with raw(conn).cursor() as cursor, cursor.copy(statement, tuple(values) or None) as copy:
        rows: list[bytes] = []
        size = 0
        for row in copy:  # PostgreSQL sends whole rows
            data = bytes(row)
            rows.append(data)
            size += len(data)
            if size >= _PART_BYTES:
                yield _parsed(b"".join(rows), schema)
                rows, size = [], 0
        if rows:
            yield _parsed(b"".join(rows), schema)


def whole(conn: Connection, query: str, schema: Schema, values: Sequence[object] = ()) -> pl.DataFrame:
    """All rows of a query in one frame; for what is known to fit, such as one bank file's numbers."""
    parts = list(read(conn, query, schema, values))
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(schema))


def write(conn: Connection, table: str, columns: Sequence[str], parts: Iterable[pl.DataFrame]) -> int:
    """Copies frames into a table, their columns in the order of ``columns``; how many rows."""
    count = 0
    with raw(conn).cursor() as cursor:
        with cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin with {_FRAMING}") as copy:
            for height, rows in _ahead(_printed(part, columns) for part in parts):
                count += height
                copy.write(rows)
        assert cursor.rowcount == count, f"{table} took {cursor.rowcount} rows of {count}"
    return count


def _printed(part: pl.DataFrame, columns: Sequence[str]) -> tuple[int, memoryview]:
    out = BytesIO()
    part.select(columns).write_csv(out, include_header=False, separator="|", quote_style="never", null_value=_NULL)
    return part.height, out.getbuffer()


Item = TypeVar("Item")


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each made in another thread while PostgreSQL still takes in the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def array(numbers: Sequence[int]) -> str:
    """PostgreSQL's text of an array of whole numbers, to be cast; many times faster than one adaptation a number."""
    return f"{{{','.join(map(str, numbers))}}}"


def _parsed(data: bytes, schema: Schema) -> pl.DataFrame:
    return pl.read_csv(
        BytesIO(data),
        has_header=False,
        schema=dict(schema),
        separator="|",
        quote_char=None,
        null_values=[_NULL],
        empty_string_is_null=False,
        low_memory=True,
    )
