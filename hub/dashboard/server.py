"""The desk as a web application: one page, its live stream, its assets, its health.

Read-only; the database role it is given can do nothing else. Nothing on the page comes from elsewhere: the content
security policy forbids it, inline scripts and styles too.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from typing import Any, Final, Protocol

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import topics
from hub.dashboard.flow import Flow, Reach, lines_by_outbox
from hub.dashboard.pages import STATIC, Pages, View
from hub.dashboard.texts import language_of
from hub.dashboard.views import Board, Books
from hub.dashboard.watch import Watch
from hub.domain.errors import HubError, NotRunningError
from hub.domain.periods import Period

STREAMS_AT_MOST: Final = 32
HEARTBEAT_SECONDS: Final = 15.0
RECONNECT_MS: Final = 2_000
BOARDS_KEPT: Final = 8
GRACE_SECONDS: Final = 3

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Named(Protocol):
    """An agency or a bank as configured."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...


class Parties(Protocol):
    """Whom the hub serves; the settings are one."""

    @property
    def agencies(self) -> Sequence[Named]: ...
    @property
    def banks(self) -> Sequence[Named]: ...


class Desk:
    """What the requests share: the books, the flow, the watch, and the boards read since the last change."""

    def __init__(self, engine: Engine, bootstrap: str, parties: Parties) -> None:
        agencies = {each.code: each.name for each in parties.agencies}
        banks = {each.code: each.name for each in parties.banks}
        self.books = Books(engine, list(agencies), list(banks))
        self.flow = Flow(bootstrap, topics.ALL, lines_by_outbox(engine))
        self.watch = Watch(self.books.pulse, lambda: self.flow.version)
        self.pages = Pages(agencies, banks, topics.ALL)
        self.closing = asyncio.Event()
        self.streams = 0
        self.tasks: asyncio.Task[None] | None = None
        self._boards: dict[Period | None, tuple[int, Board]] = {}
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """The desk's own tasks, until ``close``."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.flow.run(self.closing))
            tasks.create_task(self.watch.run(self.closing))

    async def close(self) -> None:
        """Ends the streams and the tasks."""
        self.closing.set()
        await self.watch.wake()

    async def parts(self, view: View, *, fresh: bool) -> dict[str, str]:
        """The page in parts. ``fresh`` reads the books; otherwise a reading of the same books version will do."""
        board, trouble = None, ""
        try:
            board = await self._board(view.period, fresh=fresh)
        except NotRunningError:
            trouble = "books.unopened"
        except SQLAlchemyError:
            trouble = "books.away"
        return self.pages.parts(view, board, self.flow, trouble)

    async def _board(self, period: Period | None, *, fresh: bool) -> Board:
        async with self._reading:
            version = self.watch.books_version
            kept = self._boards.get(period)
            if kept is not None and kept[0] == version and not fresh:
                return kept[1]
            loop = asyncio.get_running_loop()
            began = loop.time()
            board = await asyncio.to_thread(self.books.board, period)
            self.watch.reading_seconds = loop.time() - began
            self._boards.pop(period, None)
            self._boards[period] = (version, board)
            while len(self._boards) > BOARDS_KEPT:
                del self._boards[next(iter(self._boards))]
            return board

    async def stream(self, view: View) -> AsyncIterator[bytes]:
        """Server-sent events: first all parts, then those that look different. A reader that comes back starts anew."""
        self.streams += 1
        try:
            async with self.watch.watching():
                yield f"retry: {RECONNECT_MS}\n\n".encode()
                sent: dict[str, str] = {}
                seen, fresh = self.watch.version, True
                while not self.closing.is_set():
                    parts = await self.parts(view, fresh=fresh)
                    changed = {name: html for name, html in parts.items() if sent.get(name) != html}
                    sent |= changed
                    fresh = False
                    if changed:
                        yield _event("parts", changed)
                    while (newer := await self.watch.newer_than(seen, HEARTBEAT_SECONDS)) is None:
                        yield _event("beat", {})
                    seen = newer
        finally:
            self.streams -= 1


def _event(name: str, data: dict[str, str]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class Guarded:
    """Puts the security headers on every answer; pages are not stored, assets are as long as their address stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                asset = str(scope.get("path", "")).startswith("/static/")
                headers["cache-control"] = "public, max-age=31536000, immutable" if asset else "no-store"
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def _view(request: Request) -> View | None:
    """What is asked for; None when the period is not one."""
    asked = request.query_params.get("period", "")
    period = Period.parse(asked)
    return None if asked and period is None else View(period, language_of(request.query_params.get("lang", "")))


def build(engine: Engine, bootstrap: str, parties: Parties) -> FastAPI:
    """The desk on ``engine`` (role ``hub_read``) and the broker at ``bootstrap``; both may be away now and then."""
    desk = Desk(engine, bootstrap, parties)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        desk.tasks = asyncio.create_task(desk.run())
        try:
            yield
        finally:
            await desk.close()
            await asyncio.wait({desk.tasks})

    app = FastAPI(title="settlement desk", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.add_middleware(Guarded)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/")
    async def page(request: Request) -> Response:
        view = _view(request)
        if view is None:
            return HTMLResponse("<!doctype html><title>404</title><p>period=YYYY-MM", 404)
        parts = await desk.parts(view, fresh=True)
        return HTMLResponse(desk.pages.page(view, parts), 200 if "header" in parts else 503)

    @app.get("/events")
    async def events(request: Request) -> Response:
        view = _view(request)
        if view is None:
            return JSONResponse({"fault": "period=YYYY-MM"}, 404)
        if desk.streams >= STREAMS_AT_MOST or desk.closing.is_set():
            return JSONResponse({"fault": "too many readers"}, 503, {"retry-after": "10"})
        return StreamingResponse(desk.stream(view), media_type="text/event-stream")

    @app.get("/health")
    async def health() -> Response:
        try:
            await asyncio.to_thread(desk.books.pulse)
            database = "up"
        except SQLAlchemyError:
            database = "away"
        whole = database == "up" and desk.flow.reach is not Reach.AWAY
        state: dict[str, Any] = {"status": "up" if whole else "degraded", "database": database}
        state |= {"kafka": desk.flow.reach.value, "streams": desk.streams}
        return JSONResponse(state, 200 if database == "up" else 503)

    return app


class _Server(uvicorn.Server):
    """Uvicorn inside a loop that is not its own: signals are left to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def run_desk(
    app: FastAPI, host: str, port: int, stop: asyncio.Event, on_ready: Callable[[str], None] = lambda _address: None
) -> None:
    """Serves ``app`` until ``stop``; ``on_ready`` is told the address once it answers (port 0 takes a free one).

    On the loopback address only local names are answered, so that no web page elsewhere can read the figures by a name
    of its own. HubError when the address is taken; whatever ends the desk's own tasks ends the desk.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as trouble:
        raise HubError(
            f"the desk cannot listen on {host}:{port}: {trouble.strerror}", advice="choose another [web] port"
        ) from trouble
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    if host in ("127.0.0.1", "localhost"):
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    server = _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
        )
    )
    desk: Desk = app.state.desk
    serving = asyncio.create_task(server.serve([listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not (server.started or serving.done() or stop.is_set()):
            await asyncio.sleep(0.02)
        if server.started:
            on_ready(address)
        tasks = {desk.tasks} if desk.tasks is not None else set()
        await asyncio.wait({serving, stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await desk.close()
        server.should_exit = True
        stopping.cancel()
        await serving
    if desk.tasks is not None:
        await desk.tasks
