"""The circuit of each bank as all processes see it; wall clock, since servers know no business time."""

from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.circuit import CLOSED, Circuit, CircuitState
from hub.domain.timetable import TZ


def of_banks(conn: Connection) -> dict[str, Circuit]:
    """The circuits that are known; a bank that is not among them never failed."""
    found = conn.execute(text("select bank, state, failures, until, refused, why from bank_circuit"))
    return {row.bank: _made(row.state, row.failures, row.until, row.refused, row.why) for row in found}


def of_bank(conn: Connection, bank: str, *, lock: bool = False) -> Circuit:
    """The circuit of a bank, locked to the end of the transaction when asked."""
    row = conn.execute(
        text(
            "select state, failures, until, refused, why from bank_circuit where bank = :bank"
            f"{' for update' if lock else ''}"
        ),
        {"bank": bank},
    ).one_or_none()
    return CLOSED if row is None else _made(*row)


def keep(conn: Connection, bank: str, circuit: Circuit) -> None:
    """How a bank's circuit stands from now on."""
    conn.execute(
        text("""
            insert into bank_circuit (bank, state, failures, until, refused, why)
            values (:bank, :state, :failures, :until, :refused, :why)
            on conflict (bank) do update set state = excluded.state, failures = excluded.failures,
                until = excluded.until, refused = excluded.refused, why = excluded.why
        """),
        {
            "bank": bank, "state": circuit.state.value, "failures": circuit.failures, "until": circuit.until,
            "refused": circuit.refused, "why": circuit.why,
        },
    )  # fmt: skip


def _made(state: str, failures: int, until: datetime | None, refused: bool, why: str) -> Circuit:
    return Circuit(
        state=CircuitState(state), failures=failures, until=None if until is None else until.astimezone(TZ),
        refused=refused, why=why,
    )  # fmt: skip
