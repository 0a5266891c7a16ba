"""The desk on real books, watched by a real browser that may go nowhere else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy import Engine

from hub.dashboard.server import build, run_desk
from hub.ledger.database import ROLE_READ, engine
from tests.dashboard.rows import AGENCIES, BANKS, Rows, first_session

NOBODY: Final = "127.0.0.1:1"
"""An address where no broker answers."""

CHROMIUM: Final = "/usr/bin/chromium"
ALONE: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Party:
    code: str
    name: str


@dataclass
class Parties:
    """The part of the settings that the desk asks for."""

    agencies: list[Party] = field(default_factory=lambda: [Party(*each) for each in AGENCIES.items()])
    banks: list[Party] = field(default_factory=lambda: [Party(*each) for each in BANKS.items()])


@dataclass
class Books:
    """The owner's way into the books, and the sums of what was put there."""

    engine: Engine
    rows: Rows

    def write(self, change: Callable[[Rows], object]) -> None:
        """One transaction of changes."""
        with self.engine.begin() as conn:
            self.rows.conn = conn
            change(self.rows)


@pytest.fixture
def books(database: str, seed: int) -> Iterator[Books]:
    """A month up to its first posting."""
    owner = engine(database, role=None)
    with owner.begin() as conn:
        rows = Rows(conn, Random(seed))
        first_session(rows)
    yield Books(owner, rows)
    owner.dispose()


@pytest.fixture
def reading(database: str) -> Iterator[Engine]:
    """An engine with the desk's rights."""
    made = engine(database, role=ROLE_READ)
    yield made
    made.dispose()


@asynccontextmanager
async def serving(reading: Engine, bootstrap: str = NOBODY, port: int = 0) -> AsyncIterator[str]:
    """The desk's address while it runs."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    app = build(reading, bootstrap, Parties())
    running = asyncio.create_task(run_desk(app, "127.0.0.1", port, stop, ready.set_result))
    try:
        await asyncio.wait({running, ready}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield ready.result()
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


@pytest_asyncio.fixture
async def desk(books: Books, reading: Engine) -> AsyncIterator[str]:
    """The address of a desk without a broker."""
    async with serving(reading) as address:
        yield address


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ALONE))
        yield chromium
        await chromium.close()


Watch = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture
async def watch(browser: Browser) -> AsyncIterator[Watch]:
    """Opens a page and waits until it is live. At the end nothing may have been said on the console or asked elsewhere."""
    asked: list[str] = []
    said: list[str] = []
    async with AsyncExitStack() as contexts:

        async def opened(address: str, *, quiet: bool = True, **context: Any) -> Page:
            made = await contexts.enter_async_context(await browser.new_context(**context))
            page = await made.new_page()
            page.set_default_timeout(15_000)
            page.on("request", lambda request: asked.append(request.url))
            if quiet:
                page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: said.append(dialog.message))
            await page.goto(address)
            await page.wait_for_selector("#live.on")
            return page

        yield opened
    assert said == []
    assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
