"""The embedded broker: one Apache Kafka in KRaft mode, in a JVM of its own, on 127.0.0.1.

Its jars are put beside the virtual environment by ``make setup``; nothing is fetched here. The topics are a transport
that can be rebuilt from the books, so one copy on one disk is enough.
"""

import base64
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Final

from hub.domain.errors import HubError, NotRunningError
from hub.runtime.embedded import ground
from hub.runtime.pid_files import Started, end, mark_of, recall, remember, running, write_whole

KAFKA_VERSION: Final = "4.1.2"
JAVA_LEAST: Final = 17
JVM_FLAGS: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)

_USUAL_PLACES: Final = Path("/usr/lib/jvm")
_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 30.0


def ensure_kafka(home: Path) -> str:
    """Starts the broker of ``home`` unless it answers already; returns its address for clients, ``host:port``."""
    record = _record(home)
    started = running(record)
    if started is not None:
        address = kafka_address(home)
        if _wait_until_it_answers(started, address, _START_SECONDS):
            return address
        end(started, seconds=1)  # alive and mute for a minute: it will not come back by itself
    home.mkdir(parents=True, exist_ok=True)
    ground.need_room(home, "Kafka")
    java, jars = find_java(), find_jars()
    _end_strays(home)
    before = recall(record)
    port = ground.port_for(before.get("port"))
    controller_port = ground.port_for(before.get("controller_port"), port)
    _write_configuration(home, port, controller_port)
    _format_storage(home, java, jars)
    process = _launch(home, java, jars)
    started = remember(record, process.pid, port=port, controller_port=controller_port)
    address = f"{ground.LOCALHOST}:{port}"
    if _wait_until_it_answers(started, address, _START_SECONDS):
        return address
    end(started, seconds=5)
    raise HubError(f"Kafka did not start.\n{ground.last_lines(_log(home))}", advice=f"Read {_log(home)}.")


def stop_kafka(home: Path) -> bool:
    """Ends the broker of ``home`` in good order; True when one was running. The data and the address stay."""
    started = running(_record(home))
    if started is None:
        return False
    end(started, gently=signal.SIGTERM, seconds=_STOP_SECONDS)
    return True


def kafka_address(home: Path) -> str:
    """Where the broker of ``home`` listens, or listened last; NotRunningError when it never ran."""
    port = recall(_record(home)).get("port")
    if not isinstance(port, int):
        raise NotRunningError(f"the embedded Kafka of {home} was never started.", advice="Start it: hub up")
    return f"{ground.LOCALHOST}:{port}"


def kafka_process(home: Path) -> Started | None:
    """The live JVM of ``home``, if there is one."""
    return running(_record(home))


def kafka_health(home: Path) -> str:
    """``up`` (answers), ``starting`` (a JVM is there, no answer yet) or ``down``."""
    if running(_record(home)) is None:
        return "down"
    return "up" if brokers_at(kafka_address(home)) else "starting"


def brokers_at(address: str, seconds: float = _ANSWER_SECONDS) -> int:
    """How many brokers a Kafka server names when asked for metadata (version 1, no topics); 0 when none answers.

    One question by hand instead of a client library: looking has to be quick, and a fenced broker must not count.
    """
    host, _, port = address.rpartition(":")
    question = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(
        ">i", 0
    )  # api, version, correlation, no client; no topic
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds) as talk:
            talk.settimeout(seconds)
            talk.sendall(struct.pack(">i", len(question)) + question)
            answer = b""
            while len(answer) < 12 and (more := talk.recv(4096)):
                answer += more
    except (OSError, ValueError):
        return 0
    return max(0, int(struct.unpack(">i", answer[8:12])[0])) if len(answer) >= 12 else 0


def find_java() -> Path:
    """A java of version 17 or later: JAVA_HOME, the PATH, then where distributions put it."""
    candidates = [Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    candidates += [Path(on_path)] if on_path else []
    candidates += sorted(_USUAL_PLACES.glob("*/bin/java"), reverse=True)
    seen: list[str] = []
    for java in candidates:
        version = _java_version(java)
        if version >= JAVA_LEAST:
            return java
        if version:
            seen.append(f"{java} is version {version}")
    found = "; ".join(seen) if seen else "there is no java on this machine"
    raise HubError(
        f"Kafka needs a Java runtime of version {JAVA_LEAST} or later; {found}.",
        advice="Install one (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to one.",
    )


def _java_version(java: Path) -> int:
    """Major version; 0 when there is none. The ``release`` file tells it without starting a JVM."""
    try:
        home = java.resolve(strict=True).parent.parent
    except OSError:
        return 0
    told = ""
    for release in (home / "release", home.parent / "release"):
        if release.is_file():
            told = release.read_text(encoding="utf-8", errors="replace")
            break
    if "JAVA_VERSION=" not in told:
        try:
            asked = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return 0
        told = asked.stderr
    found = re.search(r'"(?:1\.)?(\d+)', told)
    return int(found[1]) if found else 0


def find_jars() -> Path:
    """The directory of the broker's jars, as ``make setup`` made it: fixed, whatever the working directory or home."""
    jars = Path(sys.prefix) / "share" / "settlement-hub" / "kafka" / KAFKA_VERSION / "libs"
    if not (jars / f"kafka_2.13-{KAFKA_VERSION}.jar").is_file():
        raise HubError(
            f"the jars of Kafka {KAFKA_VERSION} are not in {jars}.",
            advice="Run `make setup` in the project's folder, or set [kafka] bootstrap_servers to a cluster of yours.",
        )
    return jars


def _record(home: Path) -> Path:
    return home / "run" / "kafka.json"


def _log(home: Path) -> Path:
    return home / "log" / "kafka.log"


def _write_configuration(home: Path, port: int, controller_port: int) -> None:
    """server.properties and the log settings; written anew at each start, so that they fit this version."""
    listen = ground.LOCALHOST
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{listen}:{controller_port}",
        "listeners": f"PLAINTEXT://{listen}:{port},CONTROLLER://{listen}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{listen}:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(home / "kafka" / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "10",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "5",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A week of transport; what is older is in the books. Small segments, so that it is really given back.
        "log.retention.hours": "168",
        "log.segment.bytes": str(128 << 20),
        "log.cleaner.dedupe.buffer.size": str(16 << 20),  # 128 MiB by default, a quarter of this heap
        "num.network.threads": "2",
        "num.io.threads": "4",
        # After a kill the controller holds the dead broker's place for this long before it lets it in again.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
    text = "".join(f"{key}={value}\n" for key, value in settings.items())
    write_whole(home / "kafka" / "server.properties", text)
    logging = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=info
"""
    write_whole(home / "kafka" / "log4j2.properties", logging)


def _command(home: Path, java: Path, jars: Path, flags: tuple[str, ...], *words: str) -> list[str]:
    settings = home / "kafka" / "log4j2.properties"
    return [str(java), *flags, f"-Dlog4j2.configurationFile={settings}", "-cp", f"{jars}/*", *words]


def _format_storage(home: Path, java: Path, jars: Path) -> None:
    """Once in a home's life. A format that was cut short is done again: it writes its mark last."""
    data = home / "kafka" / "data"
    if (data / "meta.properties").is_file():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
    settings = str(home / "kafka" / "server.properties")
    words = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", settings)
    done = subprocess.run(
        _command(home, java, jars, JVM_FLAGS, *words),
        capture_output=True, text=True, timeout=_START_SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise HubError(f"Kafka's storage in {data} could not be made.\n{done.stdout}{done.stderr}".rstrip())


def _end_strays(home: Path) -> None:
    """A broker of this home that nobody remembers (its starter was killed at once) would hold the storage's lock."""
    import psutil  # noqa: PLC0415

    settings = str(home / "kafka" / "server.properties")
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if settings in words and "kafka.Kafka" in words and (mark := mark_of(process.pid)):
            end(Started(process.pid, mark), seconds=_STOP_SECONDS)


def _launch(home: Path, java: Path, jars: Path) -> "subprocess.Popen[bytes]":
    """Starts the JVM in a session of its own; it holds none of the caller's descriptors."""
    log = _log(home)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > 16 << 20:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        return subprocess.Popen(
            _command(home, java, jars, JVM_FLAGS, "kafka.Kafka", str(home / "kafka" / "server.properties")),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=home / "kafka", start_new_session=True,
        )  # fmt: skip


def _wait_until_it_answers(started: Started, address: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while started.alive and time.monotonic() < until:
        if brokers_at(address):
            return True
        time.sleep(0.1)
    return False
