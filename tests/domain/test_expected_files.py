"""What must come by when (rules.md section 3): expected until its hour, and of concern to somebody from then on."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.expected_files import Awaited, ExpectedFile, Timeliness, awaited, delivery_due
from hub.domain.lifecycle import BatchState
from hub.domain.timetable import TZ
from hub.domain.work import Queue

NINE = datetime(2026, 11, 2, 9, tzinfo=TZ)
AWAITED = {"BATCHED": Awaited.DELIVERY, "SENDING": Awaited.DELIVERY, "SENT": Awaited.RESULT}


def expected(what: Awaited, due_at: datetime | None) -> ExpectedFile:
    return ExpectedFile(
        bank="ICBC", period="2026-11", round=1, batch_no="ICBC-20261102-0001", file_name="DK_ICBC_20261102_0001.txt",
        awaited=what, since=NINE, due_at=due_at,
    )  # fmt: skip


@pytest.mark.parametrize("state", BatchState)
def test_a_batch_waits_for_its_proof_then_for_its_answer_then_for_nothing(state: BatchState) -> None:
    assert awaited(state) is AWAITED.get(state.value)


def test_a_bank_has_its_file_within_the_hour() -> None:
    assert delivery_due(NINE) == NINE.replace(hour=10)


@given(st.timedeltas(timedelta(days=-40), timedelta(days=40)))
def test_overdue_from_its_hour_on_and_not_a_moment_before(after: timedelta) -> None:
    found = expected(Awaited.RESULT, NINE).timeliness(NINE + after)
    assert found is (Timeliness.EXPECTED if after < timedelta() else Timeliness.OVERDUE)


def test_what_is_due_beyond_the_calendar_is_never_overdue() -> None:
    assert not expected(Awaited.RESULT, None).is_overdue(datetime.max.replace(tzinfo=TZ))


@pytest.mark.parametrize(("what", "queue"), [(Awaited.DELIVERY, Queue.MISSING), (Awaited.RESULT, Queue.LATE)])
def test_each_has_a_queue_of_its_own(what: Awaited, queue: Queue) -> None:
    assert expected(what, NINE).queue is queue
