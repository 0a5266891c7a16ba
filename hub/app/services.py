"""The hub as a whole: brought up, seen, brought down. Every step may be repeated and does only what is missing."""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.app.endpoints import bootstrap_servers, database_url
from hub.app.settings import Settings
from hub.domain.circuit import Circuit
from hub.domain.errors import HubError, NotRunningError
from hub.runtime import processes
from hub.runtime.embedded.ground import need_room, port_is_free
from hub.runtime.embedded.kafka import brokers_at, ensure_kafka, kafka_health, stop_kafka
from hub.runtime.embedded.postgres import ensure_postgres, postgres_health, stop_postgres
from hub.runtime.pid_files import write_whole

_READY_SECONDS: Final = 60.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class View:
    """What ``hub status`` shows; None where it cannot be known because the database is down."""

    clock: str | None  # business time, YYYY-MM-DDTHH:MM, Asia/Shanghai
    database_url: str | None
    bootstrap_servers: str | None
    services: dict[str, str]  # name → up, starting, down
    in_flight: int | None
    worklist_open: int | None
    circuits: Mapping[str, Circuit] | None = None
    """Of the banks that ever failed."""

    @property
    def healthy(self) -> bool:
        return all(state == "up" for state in self.services.values())


def up(settings: Settings, tell: Tell) -> None:
    """Starts whatever does not run, in the order of need, and returns when all is healthy.

    HubError with advice says what stands in the way. What was started before that stays; calling again goes on.
    """
    with _one_at_a_time(settings.home, tell):
        _check_the_ground(settings)
        before = _addresses(settings)
        with ThreadPoolExecutor(1) as aside:
            broker = aside.submit(_ensure_broker, settings, tell)
            database = _ensure_books(settings, tell)
            servers = broker.result()
        _ensure_topics(servers)
        if before not in {(None, None), (database, servers)}:
            processes.stop(settings.home)  # they still talk to the old address
        for role in processes.ROLES:
            if processes.process_of(settings.home, role) is None:
                tell(f"starting {role}")
                processes.start(settings.home, role, processes.serve_command(role, settings.file))
        processes.await_health(settings.home, processes.ROLES, _READY_SECONDS)
        write_whole(_wanted(settings.home), "up\n")


def down(settings: Settings, tell: Tell) -> list[str]:
    """Stops the hub's processes, then the embedded services; returns what was running. The data stays."""
    home = settings.home
    if not home.is_dir():
        return []
    _wanted(home).unlink(missing_ok=True)
    with _one_at_a_time(home, tell):
        if any(processes.process_of(home, role) for role in processes.ROLES):
            tell(f"stopping {', '.join(processes.ROLES)}")
        stopped = processes.stop(home)
        stopped += ["kafka"] if stop_kafka(home) else []
        stopped += ["postgres"] if stop_postgres(home) else []
        return stopped


def is_wanted(home: Path) -> bool:
    """Whether the last word was ``up``; a hub in the foreground ends when somebody else said ``down``."""
    return _wanted(home).exists()


def dead_parts(settings: Settings) -> list[str]:
    """Services that do not even start: what ``up`` has to restore."""
    return [name for name, state in services(settings).items() if state == "down"]


def services(settings: Settings) -> dict[str, str]:
    """Name → up, starting or down. External services are asked where they are."""
    home = settings.home
    states = {
        "kafka": kafka_health(home) if settings.kafka.embedded else _external_kafka(settings),
        "postgres": postgres_health(home) if settings.database.embedded else _external_postgres(settings),
    }
    return states | {role: processes.health(home, role) for role in processes.ROLES}


def look(settings: Settings) -> View:
    """The state of the hub; never fails because a part is down."""
    states = services(settings)
    books = _books(settings) if states["postgres"] == "up" else None
    clock, in_flight, worklist_open, circuits = (None, None, None, None) if books is None else books
    database, servers = _addresses(settings)
    return View(
        clock=clock,
        database_url=database,
        bootstrap_servers=servers,
        services=states,
        in_flight=in_flight,
        worklist_open=worklist_open,
        circuits=circuits,
    )


def _books(settings: Settings) -> tuple[str, int, int, Mapping[str, Circuit]] | None:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  only when there is a database to ask

    from hub.ledger import circuits, clock, flight, work_items  # noqa: PLC0415
    from hub.ledger.database import ROLE_READ, engine  # noqa: PLC0415

    made = engine(database_url(settings), ROLE_READ)
    try:
        with made.connect() as conn:
            now = clock.now(conn).strftime("%Y-%m-%dT%H:%M")
            return now, flight.waiting(conn).total, work_items.open_count(conn), circuits.of_banks(conn)
    except (SQLAlchemyError, NotRunningError):  # not migrated, or not opened yet: a hub that is only half up
        return None
    finally:
        made.dispose()


def _addresses(settings: Settings) -> tuple[str | None, str | None]:
    def known(address: Callable[[Settings], str]) -> str | None:
        try:
            return address(settings)
        except NotRunningError:
            return None

    return known(database_url), known(bootstrap_servers)


def _check_the_ground(settings: Settings) -> None:
    """What would only fail later, half-way: room on the disk, the desk's port, keys that others may use."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    need_room(settings.home, "the hub")
    if processes.process_of(settings.home, "web") is None and not port_is_free(settings.web.port, settings.web.host):
        raise HubError(
            f"{settings.web.host}:{settings.web.port}, where the web desk listens, is taken by another program"
            " or not an address of this machine.",
            advice="Set [web] host and port (or HUB_WEB__PORT) to free ones; `ss -ltnp` shows who listens.",
        )
    _check_private_keys(settings)


def _check_private_keys(settings: Settings) -> None:
    """ConfigurationError for a key file that others may use. One that is not there yet keeps only its bank from work.

    Keys of signatures have to be there, and to be of use: what is not signed as agreed would be found at the session only.
    """
    from connectors.bank.private_key import check_private_key  # noqa: PLC0415  who only looks loads no SFTP
    from hub.app.bank_signatures import BankSignatures  # noqa: PLC0415  nor keys

    for bank in settings.banks:
        if bank.private_key.exists():
            check_private_key(bank.private_key)
        BankSignatures(bank).load()


def _ensure_books(settings: Settings, tell: Tell) -> str:
    """The database answers, has this version's schema, a business clock and a calendar; returns its URL."""
    from hub.ledger import calendars, clock  # noqa: PLC0415
    from hub.ledger.database import ROLE_APP, engine, migrate  # noqa: PLC0415

    if settings.database.embedded:
        if postgres_health(settings.home) == "down":
            tell("starting postgres")
        url = ensure_postgres(settings.home)
    else:
        url = settings.database.url
        _reach_database(url)
    migrate(url)
    made = engine(url, ROLE_APP)
    try:
        with made.begin() as conn:
            clock.set_up(conn, settings.clock.mode, settings.clock.start)
            calendars.seed(conn)
    finally:
        made.dispose()
    return url


def _reach_database(url: str) -> None:
    import psycopg  # noqa: PLC0415

    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError as failure:
        first = (str(failure).strip().splitlines() or ["no answer"])[0]
        raise HubError(
            f"PostgreSQL cannot be reached: {first}", advice="Check [database] url and the server."
        ) from None


def _ensure_broker(settings: Settings, tell: Tell) -> str:
    if not settings.kafka.embedded:
        if _external_kafka(settings) != "up":
            raise HubError(
                f"no Kafka broker answers at {settings.kafka.bootstrap_servers}.",
                advice="Check [kafka] bootstrap_servers and the cluster.",
            )
        return settings.kafka.bootstrap_servers
    if kafka_health(settings.home) == "down":
        tell("starting kafka")
    return ensure_kafka(settings.home)


def _ensure_topics(servers: str) -> None:
    import asyncio  # noqa: PLC0415

    from hub.runtime.topic_admin import ensure_topics  # noqa: PLC0415

    asyncio.run(ensure_topics(servers))


def _external_kafka(settings: Settings) -> str:
    servers = settings.kafka.bootstrap_servers.split(",")
    return "up" if any(brokers_at(server) for server in servers) else "down"


def _external_postgres(settings: Settings) -> str:
    import psycopg  # noqa: PLC0415

    try:
        psycopg.connect(settings.database.url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return "down"
    return "up"


def _wanted(home: Path) -> Path:
    return home / "run" / "wanted"


@contextmanager
def _one_at_a_time(home: Path, tell: Tell) -> Iterator[None]:
    """Two ``up`` or ``down`` of one home take turns; the lock ends with the process that holds it."""
    lock = home / "run" / "services.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("waiting for another hub up or hub down of this home")
            began = time.monotonic()
            fcntl.flock(held, fcntl.LOCK_EX)
            tell(f"it was done after {time.monotonic() - began:.0f} s")
        yield
