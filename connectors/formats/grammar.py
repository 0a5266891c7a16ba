"""The grammar of all line files (contract section 1): columns, and records made of columns.

Each grammar stands here once, as a column. A record joins its columns into one expression, which a good line passes in
a single step; a line that does not pass is looked at column by column, so that it answers with all its faults. No
pattern has nested repetition, so that no line takes more than linear time.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode
from hub.domain.ids import ACCOUNT, AGENCY, BANK, BILL_NO, IDENTIFIER, UNIT
from hub.domain.money import AMOUNT, AMOUNT_GRAMMAR, TOTAL, TOTAL_GRAMMAR, parse_total, parse_yuan
from hub.domain.periods import PERIOD_GRAMMAR, Period

SEPARATOR: Final = "|"
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"  # the control characters of Unicode (category Cc)
_CONTROL_CHARACTER: Final = re.compile(f"[{_CONTROL}]")
_LONGEST_SHOWN: Final = 120

DATE_GRAMMAR: Final = "a real date, YYYY-MM-DD"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_COMPACT_DATE = re.compile(r"[0-9]{8}", re.ASCII)


@lru_cache(maxsize=512)
def parse_date(text: str) -> date | None:
    """A real date ``YYYY-MM-DD`` of a file's content, or None."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_compact_date(text: str) -> date | None:
    """A real date ``YYYYMMDD`` of a file name, or None."""
    return parse_date(f"{text[:4]}-{text[4:6]}-{text[6:]}") if _COMPACT_DATE.fullmatch(text) else None


def shown(text: str) -> str:
    """A found text as a fault shows it: control characters spelled out, a long one cut with its length."""
    safe = _CONTROL_CHARACTER.sub(lambda found: f"<U+{ord(found[0]):04X}>", text[:_LONGEST_SHOWN])
    return safe if len(text) <= _LONGEST_SHOWN else f"{safe}… ({len(text)} characters)"


class Column(NamedTuple):
    """A column: its name in faults, its grammar, what a fault says was expected, and the code it bears.

    ``value`` makes the column's value out of its text, None when it is not one; where it is set it has the last word.
    ``exact`` is an expression for exactly the texts that have a value, where one expression can tell them.
    """

    name: str
    pattern: str
    expected: str
    code: FaultCode = FaultCode.GRAMMAR
    value: Callable[[str], object] | None = None
    exact: str = ""

    def fault(self, line: int, text: str) -> Fault | None:
        """What is wrong with the column's text, or None."""
        if re.fullmatch(self.pattern, text, re.ASCII) and (self.value is None or self.value(text) is not None):
            return None
        code = FaultCode.CONTROL_CHARACTER if _CONTROL_CHARACTER.search(text) else self.code
        return Fault(line, self.name, code, self.expected, shown(text))


_ANYTHING: Final = r"[^|]*"


def constant(name: str, text: str, code: FaultCode = FaultCode.HEADER) -> Column:
    return Column(name, re.escape(text), text or "an empty field", code)


def one_of(name: str, texts: Sequence[str], code: FaultCode) -> Column:
    return Column(name, "|".join(re.escape(text) for text in texts), " or ".join(texts), code)


def text(name: str) -> Column:
    """A name or a remark: any characters but control characters and the separator, at least one."""
    return Column(name, rf"[^|{_CONTROL}]+", "a text without control characters")


def short_text(name: str, longest: int) -> Column:
    """A text of so many characters at most; it may be empty."""
    return Column(name, rf"[^|{_CONTROL}]{{0,{longest}}}", f"at most {longest} characters, no control character")


def optional(column: Column) -> Column:
    """The column, which may also be empty."""
    value = column.value
    return column._replace(
        pattern=f"(?:{column.pattern})?",
        expected=f"{column.expected}, or an empty field",
        value=None if value is None else lambda found: value(found) if found else found,
        exact=f"(?:{column.exact})?" if column.exact else "",
    )


def identifier(name: str) -> Column:
    return Column(name, IDENTIFIER.pattern, "1 to 36 of A-Z, 0-9 and -")


def count(name: str) -> Column:
    return Column(name, "0|[1-9][0-9]{0,8}", "a whole number without leading zeros")


def digits(name: str, how_many: int) -> Column:
    return Column(name, f"[0-9]{{{how_many}}}", f"{how_many} digits")


def day(name: str) -> Column:
    return Column(name, _ANYTHING, DATE_GRAMMAR, FaultCode.DATE, parse_date)


def month(name: str) -> Column:
    return Column(name, _ANYTHING, PERIOD_GRAMMAR, FaultCode.DATE, Period.parse)


def amount(name: str) -> Column:
    return Column(name, _ANYTHING, AMOUNT_GRAMMAR, FaultCode.AMOUNT, parse_yuan, AMOUNT.pattern)


def sum_of(name: str) -> Column:
    return Column(name, _ANYTHING, TOTAL_GRAMMAR, FaultCode.AMOUNT, parse_total, TOTAL.pattern)


FUND_COLUMNS: Final = ("pension", "unemployment", "injury", "maternity")
LINE: Final = Column("line", "[1-9][0-9]{0,8}", "a line number, from 1", FaultCode.LINE_NUMBER)
AGENCY_CODE: Final = Column("agency", AGENCY.pattern, "an agency, 6 digits")
BANK_CODE: Final = Column("bank", BANK.pattern, "a bank, 2 to 12 of A-Z and 0-9")
UNIT_NO: Final = Column("unit", UNIT.pattern, "a unit, 12 digits")
BILL_ID: Final = Column("bill id", BILL_NO.pattern, "1 to 34 of A-Z, 0-9 and -")
ACCOUNT_NO: Final = Column("account", ACCOUNT.pattern, "an account, 10 to 32 digits")
MODE: Final = one_of("mode", ("B", "S"), FaultCode.MODE)
FILE_NUMBER: Final = digits("no", 4)
SHA256: Final = Column("sha256", "[0-9a-f]{64}", "64 lower-case hexadecimal digits", FaultCode.DIGEST)
VERSION: Final = constant("version", "1")
FOUR_AMOUNTS: Final = tuple(amount(name) for name in FUND_COLUMNS)
FOUR_SUMS: Final = tuple(sum_of(name) for name in FUND_COLUMNS)
AMOUNT_TOTAL: Final = amount("total")
SUM_TOTAL: Final = sum_of("total")


class Record:
    """One kind of line: its record type and its columns, in order.

    ``mark``: what such a line begins with. ``exact``: one expression that passes exactly the right lines, but for columns
    that only their ``value`` can tell (dates, months). It is in the notation of Polars, which reads our patterns as
    Python does: they are written without the classes (``\\d``, ``\\w``) that are wider there.
    """

    def __init__(self, record_type: str, *columns: Column) -> None:
        self.record_type = record_type
        self.mark = record_type + SEPARATOR
        self.columns = columns
        self._whole = re.compile(r"\|".join([record_type, *(f"({column.pattern})" for column in columns)]), re.ASCII)
        exact = r"\|".join([record_type, *(f"(?:{column.exact or column.pattern})" for column in columns)])
        self.exact = rf"\A{exact}\z"

    def read(self, line: str) -> tuple[str, ...] | None:
        """The texts of the columns after the record type, or None when the line does not pass.

        Columns with a ``value`` (amounts, dates) are only cut out: the caller makes the value and asks ``faults``
        when there is none.
        """
        found = self._whole.fullmatch(line)
        return None if found is None else found.groups()

    def cut(self, line: str) -> tuple[str, ...]:
        """The texts after the record type of a line that does not pass, however many there are."""
        return tuple(line.split(SEPARATOR)[1:])

    def faults(self, number: int, fields: Sequence[str]) -> list[Fault]:
        """Every fault that the columns show one by one; a wrong number of columns hides what they hold."""
        if len(fields) != len(self.columns):
            expected, found = f"{len(self.columns) + 1} columns", f"{len(fields) + 1}"
            return [Fault(number, self.record_type, FaultCode.COLUMNS, expected, found)]
        pairs = zip(self.columns, fields, strict=True)
        return [fault for column, field in pairs if (fault := column.fault(number, field)) is not None]

    def print(self, *fields: str) -> str:
        """The line, LF at its end. The fields are the caller's to be right: a wrong one is a broken assumption."""
        assert len(fields) == len(self.columns), f"{self.record_type}: {len(fields)} fields for {len(self.columns)}"
        return SEPARATOR.join((self.record_type, *fields)) + "\n"
