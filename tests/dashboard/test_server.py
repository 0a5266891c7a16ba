"""The desk as a server: what it refuses, what it promises, and how it ends."""

import asyncio
import json
import time
from itertools import pairwise

import aiohttp
import pytest
from sqlalchemy import Engine

from hub.dashboard import server
from hub.domain.errors import HubError
from hub.ledger.database import ROLE_READ, engine
from tests.dashboard.conftest import Books, Parties, free_port, serving
from tests.dashboard.rows import at


async def test_every_answer_is_guarded(desk: str) -> None:
    async with aiohttp.ClientSession() as client:
        for path in ("", "health", "static/desk.js", "nowhere", "?period=never"):
            answer = await client.get(desk + path)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_health_is_json(desk: str) -> None:
    async with aiohttp.ClientSession() as client:
        answer = await client.get(desk + "health")
        told = await answer.json()
        assert (answer.status, told["database"]) == (200, "up")
        assert (told["kafka"], told["status"]) in (("starting", "up"), ("away", "degraded"))


async def test_a_desk_without_the_broker_is_degraded(desk: str) -> None:
    async with aiohttp.ClientSession() as client, asyncio.timeout(30):
        while (told := await (await client.get(desk + "health")).json())["kafka"] != "away":
            await asyncio.sleep(0.05)
        assert told["status"] == "degraded"


async def test_a_period_that_is_none_is_not_found(desk: str) -> None:
    async with aiohttp.ClientSession() as client:
        for path in ("?period=2026-13", "events?period=<b>"):
            assert (await client.get(desk + path)).status == 404


async def test_a_name_that_is_not_ours_gets_no_figures(desk: str) -> None:
    async with aiohttp.ClientSession() as client:
        assert (await client.get(desk, headers={"host": "elsewhere.example"})).status == 400


async def test_readers_are_bounded(desk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STREAMS_AT_MOST", 1)
    async with aiohttp.ClientSession() as client:
        async with client.get(desk + "events") as first:
            await first.content.readuntil(b"\n\n")
            answer = await client.get(desk + "events")
            assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        async with asyncio.timeout(10):
            while (await (await client.get(desk + "health")).json())["streams"]:
                await asyncio.sleep(0.05)
        async with client.get(desk + "events") as second:
            assert second.status == 200


async def test_the_stream_tells_all_then_what_changed_and_that_it_is_alive(
    books: Books, desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 1.0)
    async with aiohttp.ClientSession() as client, client.get(desk + "events") as stream, asyncio.timeout(20):
        assert await stream.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        first = await stream.content.readuntil(b"\n\n")
        assert set(json.loads(first.partition(b"data: ")[2])) == set(server.Pages.names())
        while b"event: beat" not in await stream.content.readuntil(b"\n\n"):
            pass
        books.write(lambda rows: rows.work_item("一件", at(4, 11)))
        while b"event: parts" not in (told := await stream.content.readuntil(b"\n\n")):
            pass
        assert set(json.loads(told.partition(b"data: ")[2])) == {"work", "feed"}


async def test_nobody_watching_costs_nothing(books: Books, reading: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    pulse = server.Books.pulse
    monkeypatch.setattr(server.Books, "pulse", lambda self: (looks.append(time.monotonic()), pulse(self))[1])
    async with serving(reading) as address, aiohttp.ClientSession() as client:
        await client.get(address)
        assert looks == []
        async with client.get(address + "events") as stream, asyncio.timeout(20):
            while len(looks) < 4:
                await asyncio.sleep(0.05)
            assert stream.status == 200
    assert min(later - sooner for sooner, later in pairwise(looks)) >= 0.45


async def test_books_that_are_away_are_said_to_be_away() -> None:
    away = engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", role=ROLE_READ)
    async with serving(away) as address, aiohttp.ClientSession() as client:
        page = await client.get(address)
        assert page.status == 503
        assert "数据库暂时连不上" in await page.text()
        assert (await client.get(address + "health")).status == 503


async def test_it_ends_at_once_though_somebody_watches(books: Books, reading: Engine) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    app = server.build(reading, "127.0.0.1:1", Parties())
    running = asyncio.create_task(server.run_desk(app, "127.0.0.1", 0, stop, ready.set_result))
    async with aiohttp.ClientSession() as client, client.get(await ready + "events") as stream:
        await stream.content.readuntil(b"\n\n")
        stop.set()
        await asyncio.wait_for(running, 5)


async def test_a_desk_whose_own_task_fails_ends_loudly(reading: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_flow: object, _stop: asyncio.Event) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(server.Flow, "run", fail)
    with pytest.raises(ExceptionGroup) as ended:
        await server.run_desk(server.build(reading, "127.0.0.1:1", Parties()), "127.0.0.1", 0, asyncio.Event())
    assert ended.group_contains(ZeroDivisionError)


async def test_an_address_that_is_taken_is_said_with_advice(books: Books, reading: Engine) -> None:
    port = free_port()
    async with serving(reading, port=port):
        with pytest.raises(HubError, match=str(port)) as refused:
            async with serving(reading, port=port):
                pass
    assert "port" in refused.value.advice
