"""The embedded broker: formatted once, keeps its topics over stop and kill, and says what stands in its way."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.domain.errors import HubError, NotRunningError
from hub.runtime.embedded import kafka
from hub.runtime.pid_files import gone

TOPIC = "kept"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("broker")
    yield home
    kafka.stop_kafka(home)


async def put(bootstrap: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(TOPIC, value)


async def everything(bootstrap: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_records_survive_stop_and_kill(home: Path) -> None:
    bootstrap = kafka.ensure_kafka(home)
    assert kafka.kafka_health(home) == "up"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    await put(bootstrap, b"one")
    assert kafka.ensure_kafka(home) == bootstrap, "a second start finds the first"
    assert kafka.stop_kafka(home)
    assert not kafka.stop_kafka(home), "stopping may be repeated"
    assert kafka.ensure_kafka(home) == bootstrap
    await put(bootstrap, b"two")
    started = kafka.kafka_process(home)
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    assert gone(started, 10)
    assert kafka.kafka_health(home) == "down"
    assert kafka.ensure_kafka(home) == bootstrap
    assert await everything(bootstrap, 2) == [b"one", b"two"]


def test_a_broker_that_nobody_remembers_is_replaced(home: Path) -> None:
    kafka.ensure_kafka(home)
    (home / "run" / "kafka.json").unlink()
    assert kafka.brokers_at(kafka.ensure_kafka(home)) == 1


def test_missing_jars_name_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(HubError, match="jars") as caught:
        kafka.ensure_kafka(tmp_path)
    assert "make setup" in caught.value.advice


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", 8), ("11.0.2", 11), ("16", 16)])
def test_an_old_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, major: int) -> None:
    java = tmp_path / "old" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    (tmp_path / "old" / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(kafka, "_USUAL_PLACES", tmp_path)
    with pytest.raises(HubError, match=re.escape(f"{java} is version {major}")):
        kafka.find_java()


def test_no_java_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(kafka, "_USUAL_PLACES", tmp_path)
    with pytest.raises(HubError, match="no java") as caught:
        kafka.find_java()
    assert "openjdk" in caught.value.advice


def test_a_broker_that_never_ran_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        kafka.kafka_address(tmp_path)


def test_nobody_answers_where_nobody_listens() -> None:
    assert kafka.brokers_at("127.0.0.1:1") == 0
    assert kafka.brokers_at("nonsense") == 0
