"""A month on a real hub in which its parts are killed, its topics replayed and its files repeated: the books are those
of a month without any of it, as the oracle kept them from the files alone.

The tests share one hub and go through the month in this order; each of them can be run alone as well.
"""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.processors import FLOW
from hub.runtime.failpoints import AFTER_DB_COMMIT, AFTER_PUBLISH
from hub.runtime.streams import GROUP
from simulators.agency import Paper
from simulators.forms import Export
from tests.flow.story import PERIOD, PROMPT, Story, wait_until

STREAMS = ("split-funds", "open-arrears")
GROUPS = {GROUP: [topic for step in FLOW if step.consumer in STREAMS for topic in step.reads]} | {
    f"settle.{step.consumer}": list(step.reads) for step in FLOW if step.consumer and step.consumer not in STREAMS
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Iterator[Story]:
    """A hub that is up, with its banks, on the 28th of October 2026; struck at the end, whatever happened."""
    told = Story(tmp_path_factory.mktemp("interrupted"), seed)
    try:
        told.scene.open()
        yield told
    finally:
        told.strike()


def test_the_relay_dies_between_publishing_and_its_mark(story: Story) -> None:
    story.reach("dues")

    def interrupted() -> None:
        story.restart_with_failpoint(AFTER_PUBLISH)
        story.interrupted_advance("11-02T09:10")

    story.reach("first files", by=interrupted)
    instructions = story.rows("select count(*), count(distinct bill_id) from instruction")
    assert instructions[0][0] == instructions[0][1] == len(story.oracle.lines[PERIOD, 1])
    story.compare("t8", "f6", "t26", "f7")


def test_a_consumer_dies_between_its_commit_and_its_offset(story: Story) -> None:
    story.reach("first answers")

    def interrupted() -> None:
        story.restart_with_failpoint(AFTER_DB_COMMIT)
        story.interrupted_advance("11-04T09:05")

    story.reach("first posting", by=interrupted)
    assert story.rows("select count(*) - count(distinct (batch_id, line)) from collection where source = 'BANK'") == [
        (0,)
    ]
    story.compare("f8", "t27", "balances")


def test_an_answer_delivered_twice_is_one_answer(story: Story) -> None:
    story.reach("first posting")
    answer = story.answers[0]
    program = story.scene.programs[PROMPT]
    before = story.hub.export(Export("balances", PERIOD))
    program.deliver(answer)
    assert story.poll(PROMPT) == ["repeat"]
    program.deliver(Paper(f"{answer.name[:-8]}0077.txt", answer.data))
    assert story.poll(PROMPT) == ["repeat"]
    done = sorted(path.name for path in (story.scene.servers[0].directory / "done").glob("HD_*.txt*"))
    assert f"{answer.name}.2" in done and f"{answer.name[:-8]}0077.txt" in done
    assert story.hub.export(Export("balances", PERIOD)) == before


def test_the_database_is_killed_in_the_middle_of_an_advance(story: Story) -> None:
    story.reach("between")

    def interrupted() -> None:
        story.advance("11-20T14:10")
        for bank in story.scene.programs:
            story.bank_answers(bank)
        advancing = story.advance_in_the_background("11-23T09:05")
        (postmaster,) = (story.home / "postgres").rglob("postmaster.pid")
        killed = int(postmaster.read_text().splitlines()[0])
        wait_until(lambda: _is_stepping(story) or advancing.poll() is not None, "the advance has begun")
        os.kill(killed, signal.SIGKILL)
        advancing.communicate(timeout=120)
        story.hub.up()
        assert set(story.status()["services"].values()) == {"up"}
        story.advance("11-23T09:05")

    story.reach("second posting", by=interrupted)
    story.compare("f6", "f7", "f8", "t27", "balances", rounds=(1, 2))


def _is_stepping(story: Story) -> bool:
    """The clock of the hub has left the batch's hour behind."""
    return bool(story.rows("select 1 from step_done where period = '2026-11' and step = 'results-due' and round = 2"))


def test_every_topic_is_replayed_from_its_beginning(story: Story) -> None:
    story.reach("month end")
    story.compare("f1", "arrears", "balances", "t8")
    counted = "select count(*), sum(amount_fen), (select count(*) from outbox) from journal_posting"
    before = story.rows(counted)
    for role in ("processors", "streams", "connector"):
        story.end(role, signal.SIGTERM)
    bootstrap = story.status()["bootstrap_servers"]
    asyncio.run(_from_the_beginning(bootstrap))
    assert not asyncio.run(_caught_up(bootstrap))
    story.hub.up()
    wait_until(lambda: asyncio.run(_caught_up(bootstrap)), "every consumer has read its topics again")
    assert story.in_flight() == 0
    assert story.rows(counted) == before
    story.compare("f1", "f8", "t27", "balances", "arrears", rounds=(1, 2))


async def _from_the_beginning(bootstrap: str) -> None:
    """The groups have no members now, so anyone may move them."""
    for group, partitions in _partitions().items():
        kafka = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
        await kafka.start()
        try:
            kafka.assign(partitions)
            await kafka.commit(dict.fromkeys(partitions, 0))
        finally:
            await kafka.stop()


async def _caught_up(bootstrap: str) -> bool:
    """Whether every group has acknowledged everything there is."""
    for group, partitions in _partitions().items():
        kafka = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
        await kafka.start()
        try:
            kafka.assign(partitions)
            ends = await kafka.end_offsets(partitions)
            for partition, end in ends.items():
                if (await kafka.committed(partition) or 0) < end:
                    return False
        finally:
            await kafka.stop()
    return True


def _partitions() -> dict[str, list[TopicPartition]]:
    return {
        group: [TopicPartition(topic.name, number) for topic in read for number in range(topic.partitions)]
        for group, read in GROUPS.items()
    }


def test_the_books_prove_themselves(story: Story) -> None:
    story.reach("month end")
    checks = story.hub.verify()
    assert [check["name"] for check in checks if not check["ok"]] == []
    assert len(checks) > 5


def test_one_amount_changed_by_hand_is_named(story: Story) -> None:
    story.reach("month end")
    ((entry, number),) = story.rows(
        "select entry_id, n from journal_posting where account = 'FUND_INCOME' order by entry_id desc, n limit 1"
    )
    change = "update journal_posting set amount_fen = amount_fen + %s where entry_id = %s and n = %s"
    story.rows(change, 1, entry, number)
    answer = story.hub.ask("verify", expect=(1,))
    wrong = [check for check in answer["checks"] if not check["ok"]]
    assert answer["ok"] is False
    assert any("journal_entry" in check["detail"] and str(entry) in check["detail"] for check in wrong), wrong
    story.rows(change, -1, entry, number)
    assert story.hub.ask("verify")["ok"] is True
