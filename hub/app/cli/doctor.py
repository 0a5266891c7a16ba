"""``hub doctor``: what could stand in the way, looked at one by one (contract section 6). It changes nothing.

A check answers with a sentence, or raises HubError; ``note`` is for what is right as it is but worth knowing, such as a hub
that nobody has started. Of one that was started, what does not answer is a fault.
"""

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import typer

from hub.app.cli import output
from hub.domain.errors import HubError, NotRunningError

if TYPE_CHECKING:
    from hub.app.settings import Settings

app = typer.Typer()

_LIBRARIES: Final = ("aiokafka", "faust-streaming", "fastavro", "sqlalchemy", "psycopg", "paramiko", "cryptography")
_HORIZON_LEAST: Final = timedelta(days=60)
_ROOM_LEAST_GIB: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``state``: ok, note or fault; ``advice`` says what to do about it."""

    name: str
    state: str
    detail: str
    advice: str = ""


@app.command()
def doctor(ctx: typer.Context) -> None:
    """Versions, keys, calendar horizon, disk, schemas, fonts, broker and database; exit 1 when something is wrong."""
    from rich.table import Table
    from rich.text import Text

    context = output.of(ctx)
    settings = context.settings
    found = [_examined(name, check, settings) for name, check in CHECKS.items()]
    healthy = all(finding.state != "fault" for finding in found)
    colours = {"ok": "green", "note": "yellow", "fault": "red"}
    table = Table("", "check", "found", title="Settlement hub: doctor")
    for finding in found:
        told = f"{finding.detail}\n→ {finding.advice}" if finding.advice else finding.detail
        table.add_row(Text(finding.state, style=colours[finding.state]), finding.name, told)
    checks = [
        {"name": f.name, "ok": f.state != "fault", "state": f.state, "detail": f.detail, "advice": f.advice}
        for f in found
    ]
    output.emit(context, {"ok": healthy, "checks": checks}, table)
    if not healthy:
        raise typer.Exit(output.FAILED)


def _examined(name: str, check: "Callable[[Settings], Finding | str]", settings: "Settings") -> Finding:
    try:
        found = check(settings)
    except NotRunningError as idle:
        return Finding(name, "note", str(idle), idle.advice)
    except HubError as failure:
        return Finding(name, "fault", str(failure), failure.advice)
    except Exception as failure:  # noqa: BLE001 - a check that breaks is a finding; the others still have their turn
        first = (str(failure).strip() or "no message").splitlines()[0]
        return Finding(name, "fault", f"{type(failure).__name__}: {first}", f"The logs are in {settings.home / 'log'}.")
    return Finding(name, "ok", found) if isinstance(found, str) else found


def _versions(_settings: "Settings") -> str:
    try:
        own = version("settlement-hub")
    except PackageNotFoundError:
        own = "not installed"
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"hub {own}, Python {platform.python_version()} ({sys.prefix}); {libraries}"


def _configuration(settings: "Settings") -> str:
    clock = f"{settings.clock.mode} clock"
    return f"{settings.file}: {len(settings.agencies)} agencies, {len(settings.banks)} banks, {clock}"


def _java(settings: "Settings") -> str:
    from hub.runtime.embedded.kafka import KAFKA_VERSION, find_jars, find_java

    if not settings.kafka.embedded:
        return "not needed: Kafka is not embedded"
    return f"{find_java()}; Kafka {KAFKA_VERSION} in {find_jars()}"


def _disk(settings: "Settings") -> Finding | str:
    place = settings.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free >> 30
    told = f"{free} GiB free at {place}"
    if free < _ROOM_LEAST_GIB:
        return Finding("disk", "fault", told, "Free some room, or move the home to another disk.")
    return told


def _keys(settings: "Settings") -> Finding | str:
    from connectors.bank.private_key import load_private_key
    from hub.app.bank_signatures import BankSignatures

    wrong, advice = [], ""
    for bank in settings.banks:
        try:
            load_private_key(bank.private_key)
            BankSignatures(bank).load()
        except HubError as failure:
            wrong.append(f"{bank.code}: {failure}")
            advice = failure.advice
    if wrong:
        return Finding("keys", "fault", "\n".join(wrong), advice)
    return f"{len(settings.banks)} private keys can be used; host keys are pinned"


def _calendar(settings: "Settings") -> Finding | str:
    from hub.app.endpoints import database_url
    from hub.ledger import calendars, clock
    from hub.ledger.database import ROLE_READ, engine

    _need_database(settings)
    made = engine(database_url(settings), ROLE_READ)
    try:
        with made.connect() as conn:
            city, _ = calendars.load(conn, ())
            today = clock.now(conn).date()
    finally:
        made.dispose()
    left = city.horizon - today
    told = f"known to {city.horizon}, {left.days} days from the hub's today ({today})"
    if left < _HORIZON_LEAST:
        return Finding("calendar", "note", told, "Import the next year: hub calendar import FILE")
    return told


def _schemas(_settings: "Settings") -> str:
    import schemas
    import topics
    from schemas.compatibility import faults_of

    faults = [fault for name in schemas.names() for fault in faults_of(name)]
    if faults:
        raise HubError("; ".join(faults), advice="Give an added field a default, or make a new topic.")
    return f"{len(schemas.names())} schemas of {len(topics.ALL)} topics; each form reads all its former ones"


def _fonts(_settings: "Settings") -> str:
    from hub.app.papers import fonts

    return f"papers are written with {fonts.check()}"


def _broker(settings: "Settings") -> Finding | str:
    import asyncio

    import topics
    from hub.app.endpoints import bootstrap_servers
    from hub.app.services import services

    if services(settings)["kafka"] != "up":
        raise _silent(settings, "Kafka", None if settings.kafka.embedded else settings.kafka.bootstrap_servers)
    servers = bootstrap_servers(settings)
    missing = {topic.name for topic in topics.ALL} - asyncio.run(_topics_at(servers))
    if missing:
        return Finding("broker", "fault", f"{servers} lacks {', '.join(sorted(missing))}", "Create them: hub up")
    return f"{servers} holds all {len(topics.ALL)} topics"


async def _topics_at(servers: str) -> set[str]:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def _database(settings: "Settings") -> str:
    import psycopg

    from hub.app.endpoints import database_url

    _need_database(settings)
    with psycopg.connect(database_url(settings), connect_timeout=5) as connection:
        told = connection.execute(
            "select current_setting('server_version'), pg_size_pretty(pg_database_size(current_database())),"
            " (select version_num from alembic_version)"
        ).fetchone()
    assert told is not None
    return f"PostgreSQL {told[0]}, schema {told[2]}, {told[1]}"


def _need_database(settings: "Settings") -> None:
    from hub.app.services import services

    if services(settings)["postgres"] != "up":
        raise _silent(settings, "PostgreSQL", None if settings.database.embedded else "the server of [database] url")


def _silent(settings: "Settings", name: str, elsewhere: str | None) -> HubError:
    """What it means that a service does not answer: a fault, unless it is embedded and nobody wants it to run."""
    from hub.app.services import is_wanted

    if elsewhere is not None:
        return HubError(
            f"{name} does not answer: {elsewhere}.", advice="Start that server, or correct its address in hub.toml."
        )
    if is_wanted(settings.home):
        advice = f"hub up restores what has died; why it did is in {settings.home / 'log'}."
        return HubError(f"{name} was started and does not answer.", advice=advice)
    return NotRunningError(f"{name} is not running, nor is it meant to.", advice="Start it: hub up")


CHECKS: "Final[dict[str, Callable[[Settings], Finding | str]]]" = {
    "versions": _versions,
    "configuration": _configuration,
    "java": _java,
    "disk": _disk,
    "keys": _keys,
    "schemas": _schemas,
    "fonts": _fonts,
    "broker": _broker,
    "database": _database,
    "calendar": _calendar,
}
