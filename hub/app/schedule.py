"""The schedule: carries out, in order, every step that is due, and waits until nothing is in flight before the next.

With the manual clock ``hub clock advance`` runs this (``advance``); with the system clock the connector does, all day
(``keep_up``). One schedule runs at a time, whoever calls it, and a step that was cut off is done again or not at all.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.app import bank_door
from hub.app.wiring import Hub
from hub.domain.errors import HubError, NotRunningError, RetriableError
from hub.domain.parties import BankTerms
from hub.domain.timetable import ScheduledStep, Step
from hub.domain.work import Queue
from hub.ledger import clock, flight, outbox, steps, work_items
from hub.ledger.batches import NameOf
from hub.ledger.database import SCHEDULE_LOCK, await_bookings, one_snapshot, session_lock
from hub.processors import (
    certify_days,
    close_city_batch,
    close_finances,
    close_month,
    deliver_bank_file,
    release_results,
    request_deductions,
    watch_results,
)
from hub.runtime.sweeper import OLDER_THAN_SECONDS
from hub.runtime.work_log import working

_log = structlog.get_logger(__name__)

STALL_SECONDS = 3 * OLDER_THAN_SECONDS
"""Without any progress for so long, something has died that neither waiting nor the sweeper brings back."""
DEAD_SECONDS = 5.0
"""Without any progress for so long, it is looked whether a part has died, which is said at once."""
LOOK_SECONDS = 0.02
"""Between two looks whether anything is in flight."""
COUNT_SECONDS = 1.0
"""Between two counts of it: progress is seen by the second."""

Tell = Callable[[str], None]


@dataclass
class Advanced:
    """What an advance did."""

    clock: datetime
    steps: list[dict[str, object]] = field(default_factory=list)
    files: list[dict[str, object]] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    unread: list[dict[str, str]] = field(default_factory=list)
    """Banks that could not be reached, at any of the visits; once each."""


class Banks:
    """The doors of all banks, opened when first used and kept; one bank's trouble does not stop another's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._doors = {code: hub.door(code) for code in hub.parties.banks}

    def visit(self, done: Advanced, tell: Tell) -> None:
        """Sends what is ready and takes what is there, at all banks at once: a silent one does not keep the others."""
        with ThreadPoolExecutor(len(self._doors), thread_name_prefix="bank") as pool:
            for code, visited in zip(self._doors, pool.map(self._visit, self._doors), strict=True):
                if isinstance(visited, HubError):
                    _log.warning("bank_not_read", bank=code, reason=type(visited).__name__)
                    if code not in (each["bank"] for each in done.unread):
                        tell(f"{code} cannot be read: {visited} {visited.advice}")
                        done.unread.append({"bank": code, "error": str(visited), "advice": visited.advice})
                    continue
                for polled in visited:
                    tell(f"{code}: {polled.file} {polled.outcome}")
                    done.files.append({"bank": code, "file": polled.file, "outcome": polled.outcome})

    def _visit(self, code: str) -> list[bank_door.Polled] | HubError:
        door = self._doors[code]
        try:
            bank_door.deliver(self._hub, code, door)
            return bank_door.poll(self._hub, code, door)
        except HubError as failure:
            return failure

    def close(self) -> None:
        for door in self._doors.values():
            door.close()


def advance(hub: Hub, to: datetime, tell: Tell = lambda _: None, *, banks: Banks) -> Advanced:
    """Moves the manual clock, and carries out every step due up to ``to``. After a crash, does what is missing.

    RetriableError when the pipeline does not move any more.
    """
    with session_lock(hub.engine, SCHEDULE_LOCK):
        with hub.engine.connect() as conn:
            done = Advanced(clock.now(conn))
        banks.visit(done, tell)
        drain(hub)
        while group := _next_steps(hub, to, done):
            if done.steps:
                banks.visit(done, tell)
                drain(hub)
            due_at = group[0].due_at
            assert due_at is not None, "a step without a time is not carried out"
            _move_clock(hub, due_at)
            _certify(hub, wait=True)
            _watch(hub)
            for step in group:
                tell(
                    f"{due_at:%Y-%m-%d %H:%M}  {step.period} {step.step.value} {step.round or ''} {step.bank}".rstrip()
                )
                count = _do(hub, step)
                done.steps.append(
                    {"period": str(step.period), "step": step.step.value, "round": step.round, "bank": step.bank,
                     "due_at": due_at, "count": count}
                )  # fmt: skip
            drain(hub)
            if any(step.step is Step.CITY_BATCH for step in group):
                banks.visit(done, tell)
                drain(hub)
        _move_clock(hub, to)
        _certify(hub, wait=True)
        _watch(hub)
        with hub.engine.connect() as conn:
            done.clock = clock.now(conn)
        return done


Visited = Callable[[str, datetime], bool]
"""Whether a bank, by its code, was visited since a moment: what was there by then is taken in. If not, it is asked for."""


def keep_up(hub: Hub, now: datetime, visited: Visited) -> list[ScheduledStep]:
    """With the system clock: carries out, in order, the steps that are due and may go on; returns those that wait.

    A bank's step waits until that bank was visited since its hour, a step of the city until all were, so that what was
    there by the hour counts. A visit that failed is one, too. What waits keeps the city's next steps waiting, and its
    bank's, and no other bank's. RetriableError when the pipeline does not move any more.
    """
    with session_lock(hub.engine, SCHEDULE_LOCK):
        _watch(hub)
        _certify(hub, wait=False)
        with hub.engine.begin() as conn:
            due = _waiting_steps(conn, hub, now, Advanced(now))
        waiting: list[ScheduledStep] = []
        for step in due:
            if _is_held(step, waiting) or not _all_visited(hub, step, visited):
                waiting.append(step)
                continue
            # What a bank has answered is posted by its hour, whatever else is in flight.
            if step.step is not Step.POSTING:
                settle(hub)
            _do(hub, step)
        return waiting


def _is_held(step: ScheduledStep, waiting: Sequence[ScheduledStep]) -> bool:
    return any(not earlier.bank or not step.bank or earlier.bank == step.bank for earlier in waiting)


def _all_visited(hub: Hub, step: ScheduledStep, visited: Visited) -> bool:
    assert step.due_at is not None, "a step without a time is not carried out"
    unread = [code for code in ([step.bank] if step.bank else hub.parties.banks) if not visited(code, step.due_at)]
    return not unread


def drain(hub: Hub) -> None:
    """Returns when nothing is in flight. RetriableError when nothing moves any more."""
    _until_still(hub, None)


def settle(hub: Hub) -> None:
    """Returns when nothing is in flight of what there is now; where files and answers come all day, more always is.

    RetriableError when nothing moves any more.
    """
    with hub.engine.connect() as conn:
        last = outbox.last(conn)
    _until_still(hub, last)


def _until_still(hub: Hub, up_to: int | None) -> None:
    found, moved_at, counted_at = -1, time.monotonic(), float("-inf")
    while True:
        with hub.engine.connect() as conn:
            if flight.is_still(conn, up_to):
                return
            now = time.monotonic()
            if now - counted_at > COUNT_SECONDS:
                waiting = flight.waiting(conn, up_to)
                counted_at = now
        if waiting.total != found:
            found, moved_at = waiting.total, now
        elif now - moved_at > DEAD_SECONDS:
            require_running(hub)
        if now - moved_at > STALL_SECONDS:
            raise RetriableError(
                f"{waiting.said} in flight and nothing has moved for {STALL_SECONDS:.0f} seconds.",
                advice="`hub status` shows what is down, `hub up` restores it; then repeat the command.",
            )
        time.sleep(LOOK_SECONDS)


def require_running(hub: Hub) -> None:
    """NotRunningError, at once, when a part that the pipeline needs is not running on this machine."""
    from hub.runtime import processes  # noqa: PLC0415

    down = [
        role for role in ("processors", "streams", "connector") if processes.health(hub.settings.home, role) != "up"
    ]
    if down:
        raise NotRunningError(f"Not running: {', '.join(down)}.", advice="Run: hub up --detach")


def next_step(conn: Connection, hub: Hub, now: datetime) -> ScheduledStep | None:
    """The step that is due next, of this period or the next; None when the calendar ends before it."""
    return next(iter(steps.coming(conn, now, hub.parties.banks)), None)


def _watch(hub: Hub) -> None:
    """What should be at a bank by now and is not: a person is told, whatever step comes next."""
    with hub.engine.begin() as conn:
        deliver_bank_file.watch(conn, clock.now(conn))


def _certify(hub: Hub, *, wait: bool) -> None:
    """Ties out the days that are over (日终核对), once whoever may have read an earlier hour is through.

    A day of which something is still in flight has its turn later; with ``wait`` that comes to its end first. A mistake in it
    is told to a person and holds nothing up: collecting goes on without certificates.
    """
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        if not certify_days.pending(conn, now) or (not wait and certify_days.is_held_up(conn, now)):
            return
        clock.move_to(conn, now)
    with hub.engine.connect() as conn:
        await_bookings(conn)
    if wait:
        drain(hub)
    try:
        with working("certify-days") as piece, one_snapshot(hub.engine) as conn:
            drawn = certify_days.carry_out(conn, now)
            piece.lines = len(drawn)
    except (SQLAlchemyError, HubError, ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as mistake:
        _log.warning("days_not_certified", reason=type(mistake).__name__)
        with hub.engine.begin() as conn:
            certify_days.tell_of_failure(conn, type(mistake).__name__, now)
        return
    for each in drawn:
        _log.info("day_certified", day=str(each.day), number=each.number, ok=each.ok)


def _next_steps(hub: Hub, to: datetime, done: Advanced) -> Sequence[ScheduledStep]:
    """The steps due at the next moment up to ``to``; empty when there is none."""
    with hub.engine.begin() as conn:
        waiting = _waiting_steps(conn, hub, to, done)
    for _, group in groupby(waiting, key=lambda step: step.due_at):
        return list(group)
    return []


def _waiting_steps(conn: Connection, hub: Hub, to: datetime, done: Advanced) -> list[ScheduledStep]:
    started = clock.started_at(conn)
    periods = steps.unfinished_periods(conn, to.date())
    carried_out = steps.done(conn, periods)
    waiting: list[ScheduledStep] = []
    for sessions in steps.timetables(conn, periods, hub.parties.banks):
        period = sessions[0].period
        closed = (str(period), Step.MONTH_CLOSE.value, 0, "") in carried_out
        if all(step.due_at is not None for step in sessions):
            work_items.settle(conn, Queue.CALENDAR, str(period), "the calendar reaches that far now", clock.now(conn))
        for step in sessions:
            if (str(step.period), step.step.value, step.round, step.bank) in carried_out:
                continue
            if step.due_at is None:
                _block(conn, step, done)
                break  # steps without a time come last
            if step.step in (Step.UPLOAD_CLOSE, Step.CITY_BATCH) and closed:
                continue  # the calendar came too late: what was due are arrears by now, and nobody is asked for them
            if started <= step.due_at <= to:
                waiting.append(step)
    return sorted(waiting, key=lambda step: step.order)


def _block(conn: Connection, step: ScheduledStep, done: Advanced) -> None:
    """A step beyond the calendar's horizon stops its period, with a work item, and nothing else."""
    summary = f"{step.period} {step.step.value}: the working-day calendar does not reach that far; import the year's"
    if str(step.period) not in done.blocked:
        done.blocked.append(str(step.period))
        work_items.raise_item(conn, queue=Queue.CALENDAR, summary=summary, about=str(step.period), at=clock.now(conn))


def _do(hub: Hub, step: ScheduledStep) -> int:
    with working(step.step.value) as piece:
        piece.lines = count = _carry_out(hub, step)
    _log.info("step_done", period=str(step.period), step=step.step.value, round=step.round, count=count)
    return count


def _carry_out(hub: Hub, step: ScheduledStep) -> int:
    """One step, done whole, or again; how many things it did."""
    if step.step is Step.MONTH_CLOSE:
        return close_month.carry_out(hub.engine, step)
    if step.step is Step.FINANCE_CLOSE:
        return close_finances.carry_out(hub.engine, step)
    if step.step is Step.UPLOAD_CLOSE:
        return request_deductions.carry_out(hub.engine, step, hub.parties.banks, hub.parties.in_shadow)
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        match step.step:
            case Step.CITY_BATCH:
                return len(close_city_batch.carry_out(conn, step, now, list(hub.parties.banks.values()), _name_of(hub)))
            case Step.RESULTS_DUE:
                return watch_results.carry_out(conn, step, now)
            case Step.POSTING:
                return release_results.carry_out(conn, step, now)


def _name_of(hub: Hub) -> NameOf:
    def name(terms: BankTerms, day: date, seq: int) -> str:
        return hub.formats[terms.code].request_name(terms.code, day, seq)

    return name


def _move_clock(hub: Hub, to: datetime) -> None:
    with hub.engine.begin() as conn:
        clock.move_to(conn, to)
