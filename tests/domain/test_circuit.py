"""The circuit breaker of a bank: opens after failures in a row, tries once when its pause is over, closes on success."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.circuit import (
    CLOSED,
    FAILURES_MAX,
    JITTER_PERCENT,
    MOVES,
    PAUSE_FIRST,
    PAUSE_REFUSED_MAX,
    TRY_TAKES,
    Circuit,
    CircuitState,
)

NOW = datetime(2026, 11, 3, 10, tzinfo=UTC)
JITTERS = st.sampled_from(JITTER_PERCENT)


def failed(circuit: Circuit, times: int = 1, *, refused: bool = False, now: datetime = NOW) -> Circuit:
    for _ in range(times):
        circuit = circuit.failed("no answer", now, JITTER_PERCENT[0], refused=refused)
    return circuit


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    assert failed(CLOSED, FAILURES_MAX - 1).state is CircuitState.CLOSED
    assert failed(CLOSED, FAILURES_MAX).state is CircuitState.OPEN
    assert failed(failed(CLOSED, FAILURES_MAX - 1).went_well(), FAILURES_MAX - 1).state is CircuitState.CLOSED


def test_a_refused_key_opens_it_at_once_and_is_not_shown_again_in_the_pause() -> None:
    circuit = failed(CLOSED, refused=True)
    assert circuit.state is CircuitState.OPEN and circuit.until is not None
    assert circuit.holds_off(NOW) and circuit.holds_off(circuit.until - timedelta(seconds=1))
    assert not circuit.holds_off(circuit.until)
    assert not failed(CLOSED, FAILURES_MAX).holds_off(NOW), "whoever wants to look at a silent bank may"


@given(st.integers(1, 40), st.booleans())
def test_another_failure_never_shortens_the_pause_after_a_refused_key(times: int, refused: bool) -> None:
    held = failed(CLOSED, times, refused=True)
    assert held.until is not None
    after = failed(held, refused=refused)
    assert after.refused and after.until is not None and after.until >= held.until


@given(st.integers(1, 40), JITTERS)
def test_pauses_after_a_refusal_double_up_to_an_end(times: int, jitter: int) -> None:
    circuit = failed(CLOSED, times - 1, refused=True) if times > 1 else CLOSED
    until = circuit.failed("refused", NOW, jitter, refused=True).until
    assert until is not None
    assert until - NOW == min(PAUSE_FIRST * 2 ** (times - 1), PAUSE_REFUSED_MAX) * jitter // 100


def test_one_tries_while_the_others_are_held_off_and_his_fate_decides() -> None:
    circuit = failed(CLOSED, refused=True)
    assert circuit.until is not None
    trying = circuit.tried(circuit.until)
    assert trying.state is CircuitState.HALF_OPEN and trying.holds_off(circuit.until)
    assert not trying.holds_off(circuit.until + TRY_TAKES), "who died while trying keeps nobody off for ever"
    assert trying.went_well() == CLOSED
    assert failed(trying, refused=True, now=circuit.until).state is CircuitState.OPEN
    with pytest.raises(AssertionError):
        circuit.tried(NOW)


@given(st.sampled_from(CircuitState), st.sampled_from(CircuitState))
def test_only_moves_of_the_table_are_made(one: CircuitState, other: CircuitState) -> None:
    circuit = Circuit(state=one, failures=1, until=NOW)
    if other in MOVES[one]:
        assert circuit._moved(Circuit(state=other)).state is other
    else:
        with pytest.raises(AssertionError):
            circuit._moved(Circuit(state=other))
