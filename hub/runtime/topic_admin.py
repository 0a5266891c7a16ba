"""Creates the topics at the broker as the table says, and refuses to run on topics that are otherwise.

Nothing is changed on a topic that exists: other partitions would move keys, other retention may be somebody's decision.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

import topics
from hub.domain.errors import ConfigurationError, RetriableError
from topics import Topic

_WANTED_REPLICAS: Final = 3
_READY_SECONDS: Final = 30.0


class TopicMismatchError(ConfigurationError):
    """A topic at the broker is not as our table says."""


class TopicsNotReadyError(RetriableError):
    """The broker has not finished creating the topics."""


async def ensure_topics(bootstrap: str, wanted: Sequence[Topic] = topics.ALL) -> tuple[str, ...]:
    """Creates what is missing and returns its names, once every partition has a leader.

    Raises TopicMismatchError when a topic has other partitions, retention or cleanup than the table says.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="settle.topic-admin", request_timeout_ms=15_000)
    await admin.start()
    try:
        existing = await admin.list_topics()
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            await _create(admin, missing)
        described = await _await_leaders(admin, wanted)
        faults = _partition_faults(described, wanted) + await _config_faults(admin, wanted)
        if faults:
            raise TopicMismatchError(
                "; ".join(faults), advice="correct the topic at the broker or delete and rebuild it"
            )
        return tuple(topic.name for topic in missing)
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[Topic]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    replicas = min(brokers, _WANTED_REPLICAS)
    response = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, replicas, topic_configs=_configs(topic, replicas)) for topic in missing]
    )
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # another process of ours may have been quicker
            raise error(f"{name}: {message[0] if message else ''}")


def _configs(topic: Topic, replicas: int) -> dict[str, str]:
    """At the broker: ages and cleanup of the table, and with three copies a write needs two of them."""
    configs = {"cleanup.policy": topic.cleanup, "retention.ms": str(topic.retention_ms)}
    return configs if replicas < _WANTED_REPLICAS else {**configs, "min.insync.replicas": "2"}


async def _await_leaders(admin: AIOKafkaAdminClient, wanted: Sequence[Topic]) -> list[dict[str, Any]]:
    names = [topic.name for topic in wanted]
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while True:
        described: list[dict[str, Any]] = await admin.describe_topics(names)
        ready = [
            found for found in described if found["partitions"] and all(p["leader"] >= 0 for p in found["partitions"])
        ]
        if len(ready) == len(names):
            return ready
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsNotReadyError
        await asyncio.sleep(0.05)


def _partition_faults(described: Sequence[dict[str, Any]], wanted: Sequence[Topic]) -> list[str]:
    found = {topic["topic"]: len(topic["partitions"]) for topic in described}
    return [
        f"{topic.name} has {found[topic.name]} partitions instead of {topic.partitions}"
        for topic in wanted
        if found[topic.name] != topic.partitions
    ]


async def _config_faults(admin: AIOKafkaAdminClient, wanted: Sequence[Topic]) -> list[str]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for code, message, _kind, name, entries in response.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            found[name] = {entry[0]: entry[1] for entry in entries}
    return [
        f"{topic.name} has {key} = {found[topic.name].get(key)} instead of {value}"
        for topic in wanted
        for key, value in _configs(topic, replicas=1).items()
        if found[topic.name].get(key) != value
    ]
