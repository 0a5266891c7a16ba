"""Notices that something changed, for as long as somebody watches, and wakes those who do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.5
"""At most twice a second, however many watch."""

LEISURE: Final = 4
"""Pause between two looks, in times of what the last reading of the books took: a busy database is left alone."""

AWAY: Final = "away"


class Watch:
    """Looks at ``pulse`` (in a thread) and ``flowing``; ``version`` grows when either says something new.

    ``books_version`` grows only with the books, so that passing messages alone cause no query.
    """

    def __init__(self, pulse: Callable[[], str], flowing: Callable[[], int]) -> None:
        self.version = 0
        self.books_version = 0
        self.watchers = 0
        self.reading_seconds = 0.0
        self._pulse = pulse
        self._flowing = flowing
        self._seen: tuple[str, int] = ("", -1)
        self._changed = asyncio.Condition()
        self._somebody = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """For the time that somebody looks at the page."""
        self.watchers += 1
        self._somebody.set()
        try:
            yield
        finally:
            self.watchers -= 1
            if not self.watchers:
                self._somebody.clear()

    async def newer_than(self, version: int, seconds: float) -> int | None:
        """Waits for a later version and returns it; None when the time is over before."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self.version > version), seconds)
            except TimeoutError:
                return None
            return self.version

    async def run(self, stop: asyncio.Event) -> None:
        """Looks until ``stop``."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                somebody = asyncio.ensure_future(self._somebody.wait())
                await asyncio.wait({somebody, stopping}, return_when=asyncio.FIRST_COMPLETED)
                somebody.cancel()
                if not stop.is_set():
                    await self.look()
                    await asyncio.wait({stopping}, timeout=max(LOOK_SECONDS, LEISURE * self.reading_seconds))
        finally:
            stopping.cancel()

    async def look(self) -> None:
        """One look, and a wake-up when it shows something new."""
        try:
            pulse = await asyncio.to_thread(self._pulse)
        except SQLAlchemyError as trouble:
            if self._seen[0] != AWAY:
                log.warning("desk.books_away", reason=str(trouble.__cause__ or trouble))
            pulse = AWAY
        seen = (pulse, self._flowing())
        if seen == self._seen:
            return
        self.books_version += seen[0] != self._seen[0]
        self._seen = seen
        async with self._changed:
            self.version += 1
            self._changed.notify_all()

    async def wake(self) -> None:
        """Wakes everybody, e.g. because the desk closes."""
        async with self._changed:
            self.version += 1
            self._changed.notify_all()
