"""Which failures time may heal, and how a failure is told without telling what is private."""

from typing import Final

import psycopg
import sqlalchemy.exc
from aiokafka.errors import KafkaError

from hub.domain.errors import HubError

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
_REASON_LENGTH: Final = 300

_LASTING: Final = (
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.TooManyColumns,
)
"""psycopg counts these among the operational errors; no time heals them."""


def is_retriable(error: BaseException) -> bool:
    """Whether the same work may succeed later: lost connections, time-outs, deadlocks, servers that are starting."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_retriable(error.orig))
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return not isinstance(error, _LASTING)
    if isinstance(error, HubError):
        return error.retriable
    return isinstance(error, KafkaError | sqlalchemy.exc.TimeoutError | ConnectionError | TimeoutError)


def pauses() -> "Pauses":
    """Growing pauses between tries, in seconds."""
    return Pauses()


class Pauses:
    """0.05 s, doubled each time, at most 5 s."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def take(self) -> float:
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE)
        return pause


def reason_of(error: BaseException) -> str:
    """The failure in one line. A database's detail and parameters are left out: they quote rows."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None else error
    first_line = next(iter(str(cause).splitlines()), "")
    return f"{type(cause).__name__}: {first_line}"[:_REASON_LENGTH]
