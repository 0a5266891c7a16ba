"""Refusals are values: every fault of a file, in order, with what was expected and what was found."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class FaultCode(StrEnum):
    """Why a file, or a line of it, is refused; in order of precedence."""

    # the file as bytes
    ENCODING = "encoding"
    LINE_END = "line-end"
    CONTROL_CHARACTER = "control-character"
    TOO_LARGE = "too-large"
    # the record
    NAME = "name"  # the file name, or it differs from the header
    RECORD_TYPE = "record-type"
    COLUMNS = "columns"
    HEADER = "header"
    TRAILER_MISSING = "trailer-missing"
    # the field
    GRAMMAR = "grammar"
    AMOUNT = "amount"
    DATE = "date"
    LINE_NUMBER = "line-number"
    MODE = "mode"
    KIND = "kind"
    METHOD = "method"
    ITEM = "item"  # of other incomes, or what does not go with it
    # sums
    SUM = "sum"  # four funds against their total
    COUNT = "count"
    CONTROL_TOTAL = "control-total"
    DIGEST = "digest"
    SIGNATURE = "signature"  # missing, by no key that counts, or over another name or content
    # against what the hub knows
    UNKNOWN_AGENCY = "unknown-agency"
    UNKNOWN_BANK = "unknown-bank"
    UNKNOWN_UNIT = "unknown-unit"
    UNKNOWN_BILL = "unknown-bill"
    UNKNOWN_RECEIPT = "unknown-receipt"
    UNKNOWN_BATCH = "unknown-batch"
    UNKNOWN_LINE = "unknown-line"
    DUPLICATE = "duplicate"
    IDENTITY_TAKEN = "identity-taken"
    PERIOD_CLOSED = "period-closed"
    SESSION_CLOSED = "session-closed"
    UNANSWERED = "unanswered"
    NO_ACCOUNT = "no-account"
    NOT_OUTSTANDING = "not-outstanding"
    OUTSTANDING = "outstanding"  # something is, and nothing should be
    UNKNOWN_ARREARS = "unknown-arrears"
    PERIOD_OPEN = "period-open"  # what is not paid of it is no arrears yet
    CANCELLED = "cancelled"
    BANK_REQUESTS_ENDED = "bank-requests-ended"
    RETURNED = "returned"  # the receipt has come back already
    NO_MEMBERS = "no-members"  # no 表四-1 tells the subsidies of the bill
    NOT_ARRIVED = "not-arrived"  # the personal part, before which no subsidy is booked
    IN_SHADOW = "in-shadow"  # another system collects the bill and keeps its books
    NOT_SUPPORTED = "not-supported"
    # a bank's answer against the request
    MISMATCH = "mismatch"  # a field differs from the request
    CODE = "code"  # the code does not fit the amounts
    SPLIT = "split"  # the bank's split is not the statutory one
    MISSING_LINE = "missing-line"
    # what persons decide
    NOT_PROPOSED = "not-proposed"
    SAME_PERSON = "same-person"  # who proposed it may not approve it
    SETTLED = "settled"
    MOVE = "move"  # not from where it stands


_OPTIONS: Final = frozenset({"by", "note", "from", "until", "to", "on", "unit"})
_DECIDED: Final = frozenset({"file", "outcome", "state", "content", "key"})


def _of_the_whole(field: str) -> str:
    """Where a fault without a line is: in a file, or in what a person said of one and gave as an option."""
    if field in _OPTIONS:
        return f"--{field}"
    return field if field in _DECIDED else f"file, {field}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``line`` is the line of the file, from 1, or None when the whole file is at fault."""

    line: int | None
    field: str
    code: FaultCode
    expected: str
    found: str

    @property
    def message(self) -> str:
        where = _of_the_whole(self.field) if self.line is None else f"line {self.line}, {self.field}"
        return f"{where}: expected {self.expected}, found {self.found or 'nothing'}"

    def as_json(self) -> dict[str, object]:
        """The contract's fault: line, field, code, expected, found, message."""
        return {**asdict(self), "code": self.code.value, "message": self.message}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> "Fault":
        """The fault that ``as_json`` told."""
        return cls(told["line"], told["field"], FaultCode(told["code"]), told["expected"], told["found"])


MAX_FAULTS_STORED: Final = 1000
"""Faults kept with a refused file in the database; the answer itself always lists every one."""


def repeated(field: str, found: Iterable[tuple[int, str]]) -> list[Fault]:
    """A DUPLICATE fault for every text that stood before; ``found``: line of the file and text, in file order."""
    first: dict[str, int] = {}
    faults: list[Fault] = []
    one = f"an {field}" if field[0] in "aeio" else f"a {field}"
    for line, text in found:
        if text in first:
            faults.append(Fault(line, field, FaultCode.DUPLICATE, f"{one} not in line {first[text]} already", text))
        else:
            first[text] = line
    return faults


def in_file_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults of the whole file first, then by line; the order in which a clerk reads them."""
    return tuple(sorted(faults, key=lambda fault: (fault.line is not None, fault.line or 0)))
