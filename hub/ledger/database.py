"""The door to PostgreSQL: engines with the least rights that do, migrations, and the locks that order the books."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

ROLE_APP: Final = "hub_app"
"""Inserts facts; cannot change or delete a posting."""
ROLE_READ: Final = "hub_read"
"""Sees, and does nothing else: the desk and the exports."""

MIGRATION_LOCK: Final = 7_001
INTAKE_LOCK: Final = 7_006
"""With a hash of an agency's code: one file of an agency at a time is held against the books and kept."""
BOOKS_LOCK: Final = 7_002
"""Shared by everything that books money, exclusive to what closes a session; see ``await_bookings`` for the month."""
SCHEDULE_LOCK: Final = 7_003
POLL_LOCK: Final = 7_004
"""With a bank's number as second key: one poll of a bank at a time."""
SHARD_LOCK: Final = 7_005
"""With a hash of ``<agency>/<shard>``: bills of one shard are booked one transaction at a time."""
NUMBERS_LOCK: Final = 7_007
"""Numbers of instructions are reserved by one session at a time."""


_IN_ORDER: Final = {
    "enable_hashjoin": "off", "enable_mergejoin": "off", "enable_sort": "off",
    "max_parallel_workers_per_gather": "0",
}  # fmt: skip


def with_driver(url: str) -> str:
    """The same URL with psycopg 3 named as driver; a plain ``postgresql://`` is what people write."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def engine(url: str, role: str | None = ROLE_APP, *, pool_size: int = 10) -> Engine:
    """An engine whose connections act as ``role`` (None: as the owner, for migrations and tests)."""
    made = create_engine(with_driver(url), pool_size=pool_size, max_overflow=10, pool_pre_ping=True)

    @event.listens_for(made, "connect")
    def act_as_role(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        if role is not None:
            cursor.execute(f"set role {role}")
        cursor.execute("set time zone 'Asia/Shanghai'")
        cursor.close()
        connection.commit()

    return made


def raw(conn: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under a Core one, for COPY and server-side cursors in the same transaction."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def lock_books_shared(conn: Connection) -> None:
    """Held to the end of a transaction that books money: no session closes meanwhile, and a month waits for it."""
    conn.execute(text("select pg_advisory_xact_lock_shared(:key)"), {"key": BOOKS_LOCK})


def lock_books(conn: Connection) -> None:
    """Held to the end of a transaction that closes a session: nothing books meanwhile."""
    conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": BOOKS_LOCK})


_BETWEEN_LOOKS: Final = timedelta(milliseconds=10)
_BOOKING = text("""
    select virtualtransaction from pg_locks
    where locktype = 'advisory' and classid = 0 and objid = :key and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()""")


def await_bookings(conn: Connection) -> None:
    """Returns when every transaction that holds the books at this moment has ended. Nobody waits for us meanwhile.

    What was committed before is seen by whoever takes the books from here on. Asking for the exclusive lock would tell
    the same, and would keep everything that books behind us in the queue until the longest of them is through.
    """
    running = set(conn.execute(_BOOKING, {"key": BOOKS_LOCK}).scalars())
    while running:
        time.sleep(_BETWEEN_LOOKS.total_seconds())
        running &= set(conn.execute(_BOOKING, {"key": BOOKS_LOCK}).scalars())


@contextmanager
def one_snapshot(engine: Engine) -> Iterator[Connection]:
    """One transaction whose statements all see the books as they were when it began; committed at the end of the block."""
    with engine.connect() as conn:
        conn.execution_options(isolation_level="REPEATABLE READ")
        with conn.begin():
            yield conn


def lock_shards(conn: Connection, shards: set[tuple[str, int]]) -> None:
    """Takes the locks of ``(agency, shard)`` in one order for all, so that two bookings cannot wait for each other."""
    for agency, shard in sorted(shards):
        conn.execute(
            text("select pg_advisory_xact_lock(:space, hashtext(:key))"),
            {"space": SHARD_LOCK, "key": f"{agency}/{shard}"},
        )


def set_based(conn: Connection) -> None:
    """For the rest of the transaction, joins of whole months are hashed.

    Tables that a month has just filled have no statistics yet; a nested loop over all bills would then be quadratic, and
    so would a merge by agency and bank that leaves the line to a filter.
    """
    for setting in ("enable_nestloop = off", "enable_mergejoin = off", "work_mem = '64MB'"):
        conn.execute(text(f"set local {setting}"))


def draw_statistics(conn: Connection, *tables: str) -> None:
    """Draws the statistics of tables as they are now, from a sample: some tenths of a second each, whatever their size.

    Without them the planner takes a month just filled for a handful of rows, and hashes it instead of the handful.
    """
    for table in tables:
        conn.execute(text("select draw_statistics(:table)"), {"table": table})


def leave_room(conn: Connection) -> None:
    """For the rest of the transaction, a statement takes one core and leaves the others to what cannot wait."""
    conn.execute(text("set local max_parallel_workers_per_gather = 0"))


@contextmanager
def in_order(conn: Connection) -> Iterator[None]:
    """Within the block, rows are looked up one after the other in the order of an index.

    For streams of a file's lines: no sort, no hash of a whole table, no workers whose rows have to be merged, and the first
    line comes at once. Ends what ``set_based`` and ``leave_room`` set.
    """
    conn.execute(text("set local enable_nestloop to default"))
    for setting, value in _IN_ORDER.items():
        conn.execute(text(f"set local {setting} = {value}"))
    yield
    for setting in _IN_ORDER:
        conn.execute(text(f"set local {setting} to default"))


@contextmanager
def session_lock(engine: Engine, space: int, key: str = "") -> Iterator[Connection]:
    """A lock across processes that ends with the block, or with the process; waits for its turn."""
    with engine.connect() as conn:
        parameters = {"space": space, "key": key}
        conn.execute(text("select pg_advisory_lock(:space, hashtext(:key))"), parameters)
        conn.commit()
        try:
            yield conn
        finally:
            conn.rollback()
            conn.execute(text("select pg_advisory_unlock(:space, hashtext(:key))"), parameters)
            conn.commit()


def migrate(url: str) -> None:
    """Brings the schema to this version, or leaves it untouched: one transaction, one migrator at a time.

    Imports alembic here: a command that only looks has no use for it.
    """
    from pathlib import Path  # noqa: PLC0415

    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    owner = engine(url, role=None)
    try:
        with owner.begin() as conn:
            conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        owner.dispose()
