"""FLOW is the way of the money in one table; the files, the topics and the processes agree with it."""

import importlib
from pathlib import Path

import pytest

import hub.processors
import topics
from hub.app.serve import HANDLERS, TRANSFORMATIONS
from hub.processors import FLOW, FlowStep
from topics import Topic

FOLDER = Path(hub.processors.__file__).parent
NOT_OF_THE_FLOW = {"work-items", "dead-letters", "settlements"}
"""Writers of what people read; every part of the hub raises work items, and all that books money may settle arrears."""
EACH_STEP = pytest.mark.parametrize("step", FLOW, ids=lambda step: step.module)
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.title)


def name_of(step: FlowStep) -> str:
    return step.module.replace("_", "-")


def test_every_processor_file_is_a_step_and_every_step_a_file() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert {step.module for step in FLOW} == files
    assert len(FLOW) == len(files)


def test_the_steps_stand_in_the_order_of_the_month() -> None:
    numbers = [step.number for step in FLOW]
    assert numbers == sorted(numbers)
    assert set(range(1, 13)) - set(numbers) == {9}, "step 9 is carried out with step 8"


@EACH_STEP
def test_a_consumer_is_called_as_its_file(step: FlowStep) -> None:
    assert step.consumer in {"", name_of(step)}
    assert bool(step.consumer) == bool(step.reads)


@EACH_STEP
def test_a_step_has_the_function_that_its_place_calls_for(step: FlowStep) -> None:
    """A consumer books with ``handle`` or derives with ``transform``; a file's or a step's processor has neither."""
    module = importlib.import_module(f"hub.processors.{step.module}")
    if step.consumer in TRANSFORMATIONS:
        assert TRANSFORMATIONS[step.consumer] is module.transform
        assert len(step.writes) == 1
    elif step.consumer:
        assert callable(module.handle)
        assert HANDLERS.get(step.consumer, module.handle) is module.handle
    else:
        assert not hasattr(module, "handle") and not hasattr(module, "transform")


@EACH_TOPIC
def test_a_topics_writer_and_readers_are_those_of_the_flow(topic: Topic) -> None:
    writers = {name_of(step) for step in FLOW if topic in step.writes}
    assert writers == {topic.writer} - NOT_OF_THE_FLOW
    assert {step.consumer for step in FLOW if topic in step.reads} == set(topic.readers)


@EACH_STEP
def test_a_processor_says_what_it_reads_and_what_makes_a_repeat_harmless(step: FlowStep) -> None:
    says = importlib.import_module(f"hub.processors.{step.module}").__doc__ or ""
    assert "Reads: " in says and "Writes: " in says
    assert "Rule: " in says and "Repeat: " in says
    for topic in (*step.reads, *step.writes):
        assert topic.title in says, f"{step.module} does not name {topic.title}"
