"""The board of the banks: how each one stands, in one consistent reading that stays small when the bills are a million.

Who looks at it writes nothing and imports nothing that writes: no events, no columns.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from hub.domain.circuit import CLOSED, Circuit
from hub.domain.expected_files import Awaited, ExpectedFile, awaited
from hub.domain.lifecycle import BatchState, DeliveryOutcome
from hub.domain.timetable import TZ, ScheduledStep
from hub.domain.work import Queue
from hub.ledger import circuits, clock, expected_files, files, steps
from hub.ledger.database import one_snapshot
from hub.ledger.files import LastFile


@dataclass(frozen=True, slots=True)
class LastRequest:
    """The last file made for a bank. ``at``: when it was read back there; None when that was never done.

    ``proven``: that the bank has it is known, by reading it back or by the bank's answer. ``outcome``: of the last try.
    """

    name: str
    at: datetime | None
    proven: bool
    outcome: DeliveryOutcome


@dataclass(frozen=True, slots=True)
class Paused:
    """Deliveries that do not get through: why the last try failed, since when a person is asked to look."""

    since: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """How a bank stands. ``work_items``: open ones by queue."""

    bank: str
    profile: str
    last_out: LastRequest | None
    last_in: LastFile | None
    next_step: ScheduledStep | None
    awaited: tuple[ExpectedFile, ...]
    work_items: Mapping[str, int]
    paused: Paused | None
    circuit: Circuit
    in_shadow: bool


@dataclass(frozen=True, slots=True)
class BankBoard:
    now: datetime
    rows: tuple[BankRow, ...]


def read(engine: Engine, banks: Mapping[str, str], in_shadow: Collection[str] = ()) -> BankBoard:
    """The board of the banks of ``hub.toml`` (code → profile), in their order there, and which of them are in shadow."""
    with one_snapshot(engine) as conn:
        now = clock.now(conn)
        last_out, last_in, paused = _last_requests(conn), files.last_from_banks(conn), _paused(conn)
        coming = steps.coming(conn, now, banks)
        expected = [*expected_files.deliveries(conn), *expected_files.results(conn)]
        items, known = _open_items(conn), circuits.of_banks(conn)
    return BankBoard(
        now,
        tuple(
            BankRow(
                bank=bank,
                profile=profile,
                last_out=last_out.get(bank),
                last_in=last_in.get(bank),
                next_step=next((step for step in coming if step.bank in ("", bank)), None),
                awaited=tuple(each for each in expected if each.bank == bank),
                work_items=items.get(bank, {}),
                paused=paused.get(bank),
                circuit=known.get(bank, CLOSED),
                in_shadow=bank in in_shadow,
            )
            for bank, profile in banks.items()
        ),
    )


def _last_requests(conn: Connection) -> dict[str, LastRequest]:
    found = conn.execute(
        text("""
            select distinct on (b.bank) b.bank, b.file_name, b.state, b.outcome, r.sent_at
            from batch b left join bank_file_receipt r on r.batch_id = b.id order by b.bank, b.id desc
        """)
    )
    return {
        row.bank: LastRequest(
            row.file_name,
            None if row.sent_at is None else row.sent_at.astimezone(TZ),
            awaited(BatchState(row.state)) is not Awaited.DELIVERY,
            DeliveryOutcome(row.outcome),
        )
        for row in found
    }


def _paused(conn: Connection) -> dict[str, Paused]:
    """Banks with a file whose last try failed, the oldest of which tells why, or whose host key nobody has pinned."""
    found = conn.execute(
        text("""
            select distinct on (b.bank) b.bank, b.trouble, w.opened_at
            from batch b
            left join work_item w on w.queue = :unsent and w.about = b.batch_no and w.state = 'open'
            where b.state = :sending and b.trouble <> '' order by b.bank, b.id
        """),
        {"unsent": Queue.UNSENT.value, "sending": BatchState.SENDING.value},
    ).all()
    distrusted = conn.execute(
        text("select bank, summary, opened_at from work_item where queue = :queue and state = 'open' order by id desc"),
        {"queue": Queue.HOST_KEY.value},
    ).all()
    return {
        row.bank: Paused(None if row.opened_at is None else row.opened_at.astimezone(TZ), row.trouble) for row in found
    } | {row.bank: Paused(row.opened_at.astimezone(TZ), row.summary) for row in distrusted}


def _open_items(conn: Connection) -> dict[str, dict[str, int]]:
    """Bank → queue → how many open items."""
    found: dict[str, dict[str, int]] = {}
    for row in conn.execute(
        text(
            "select bank, queue, count(*) as items from work_item where state = 'open' and bank <> ''"
            " group by 1, 2 order by 1, 2"
        )
    ):
        found.setdefault(row.bank, {})[row.queue] = row.items
    return found
