"""What the timeline says of each step."""

from datetime import datetime, timedelta

from hub.dashboard.timeline import Progress, nodes
from hub.domain.periods import Period
from hub.domain.timetable import TZ, ScheduledStep, Step

DAY = datetime(2026, 12, 1, 18, tzinfo=TZ)
PERIOD = Period("2026-12")


def scheduled(*banks: str, at: datetime | None, step: Step = Step.POSTING) -> list[ScheduledStep]:
    return [ScheduledStep(PERIOD, step, 1, bank, at) for bank in banks or ("",)]


def test_the_first_step_to_come_is_next() -> None:
    steps = scheduled(at=DAY + timedelta(days=1), step=Step.CITY_BATCH) + scheduled(at=DAY, step=Step.UPLOAD_CLOSE)
    told = nodes(steps, {}, DAY - timedelta(hours=1), DAY - timedelta(days=9))
    assert [(node.step, node.progress) for node in told] == [
        (Step.UPLOAD_CLOSE, Progress.NEXT),
        (Step.CITY_BATCH, Progress.WAITING),
    ]


def test_a_step_of_the_banks_is_done_when_each_has_done_it() -> None:
    steps = scheduled("A", "B", at=DAY)
    (node,) = nodes(steps, {("posting", 1, "A"): DAY}, DAY, DAY - timedelta(days=9))
    assert (node.progress, node.banks_done, len(node.banks)) == (Progress.DUE, 1, 2)
    (node,) = nodes(steps, {("posting", 1, "A"): DAY, ("posting", 1, "B"): DAY}, DAY, DAY - timedelta(days=9))
    assert node.progress is Progress.DONE


def test_what_was_due_before_business_time_began_is_passed_over() -> None:
    (node,) = nodes(scheduled(at=DAY), {}, DAY + timedelta(days=2), DAY + timedelta(days=1))
    assert node.progress is Progress.PASSED_OVER


def test_a_step_beyond_the_calendar_has_no_date_and_comes_last() -> None:
    steps = scheduled(at=None, step=Step.CITY_BATCH) + scheduled(at=DAY, step=Step.UPLOAD_CLOSE)
    told = nodes(steps, {}, DAY, DAY)
    assert [node.progress for node in told] == [Progress.DUE, Progress.UNDATED]
