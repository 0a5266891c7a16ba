"""The records of a bank's file profile: each field bound to its grammar, in the notation the profile chose."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

import polars as pl

from connectors.formats.fixed_record import FixedRecord
from connectors.formats.grammar import (
    ACCOUNT_NO,
    BANK_CODE,
    LINE,
    UNIT_NO,
    Column,
    Record,
    amount,
    constant,
    count,
    day,
    digits,
    identifier,
    month,
    one_of,
    short_text,
    sum_of,
    text,
)
from connectors.formats.profile_file import (
    COUNTS,
    FEN_DIGITS,
    HASH_TOTAL_DIGITS,
    LINE_DIGITS,
    MONEY,
    FieldSpec,
    FileSpec,
    Profile,
    money_kind,
)
from hub.domain.faults import FaultCode
from hub.domain.money import MAX_AMOUNT, MAX_TOTAL, Fen, parse_fen, parse_total, parse_yuan, print_fen, print_yuan
from hub.domain.money_columns import digits_of, fen_of, fen_of_digits, yuan_of

_LETTERS: Final = {"header": "H", "detail": "D", "trailer": "T"}
LONGEST_REFERENCE: Final = 64  # characters (contract section 1)


class PlacedField(NamedTuple):
    """Where a field stands and what it may hold.

    ``place``: its column, from 1, the record type being the first; of a fixed profile its first byte, from 1. ``width``
    is in bytes, None where a separator ends the field.
    """

    record: str
    name: str
    place: int
    width: int | None
    grammar: str


class Form:
    """One record of a profile: its grammar, and where each field stands in it.

    ``money`` makes the fen out of the text of an amount, or None when it is none.
    """

    def __init__(self, profile: Profile, place: str) -> None:
        self._profile = profile
        self.money = _money_parser(profile, money_kind(place))
        self.name = place
        self.fields = profile.fields_at(place)
        letter = _LETTERS[place.partition(".")[2]]
        columns = [_column(profile, place, spec) for spec in self.fields]
        self.record: Record = Record(letter, *columns)
        if profile.fixed:
            self.record = FixedRecord(letter, columns, [spec.width or 0 for spec in self.fields], profile.encoding)

    def at(self, field: str) -> int:
        """Which column it is, from 0, the record type left out."""
        return next(at for at, spec in enumerate(self.fields) if spec.field == field)

    def has(self, field: str) -> bool:
        return any(spec.field == field for spec in self.fields)

    def print(self, values: Mapping[str, str | int]) -> str:
        """The line, LF at its end: texts as they are, whole numbers in the notation of their field."""
        return self.record.print(*(self._text(spec, values) for spec in self.fields))

    def printed(self, field: str, value: int) -> str:
        """A whole number (fen, lines) as its field writes it."""
        return self._number(self.fields[self.at(field)], value)

    def _text(self, spec: FieldSpec, values: Mapping[str, str | int]) -> str:
        value = spec.text if spec.field == "constant" else values[spec.field]
        assert value is not None, "a constant has its text"
        return value if isinstance(value, str) else self._number(spec, value)

    def _number(self, spec: FieldSpec, value: int) -> str:
        if spec.field in MONEY:
            return print_fen(Fen(value), spec.width) if self._in_fen(spec) and spec.width else print_yuan(Fen(value))
        if spec.field == "hash total":
            return f"{value:0{HASH_TOTAL_DIGITS}d}"
        return f"{value:0{spec.width}d}" if spec.field in COUNTS and spec.width else str(value)

    def _in_fen(self, spec: FieldSpec) -> bool:
        return spec.field in MONEY and self._profile.amounts == "fen"

    def text_column(self, spec: FieldSpec, value: pl.Expr) -> pl.Expr:
        """A column of a frame as the field's text, without padding behind it."""
        if self._in_fen(spec) and spec.width:
            return digits_of(value, spec.width)
        if spec.field in MONEY:
            return yuan_of(value)
        if spec.field in COUNTS:
            return digits_of(value, spec.width) if spec.width else value.cast(pl.String)
        return value

    def money_column(self, field: str) -> pl.Expr:
        """The fen of a column of texts that are known to be amounts."""
        return fen_of(pl.col(field)) if self._profile.amounts == "yuan" else fen_of_digits(pl.col(field))

    def placed(self) -> tuple[PlacedField, ...]:
        """Its fields in order, the record type first."""
        found = [PlacedField(self.name, "record type", 1, 1 if self._profile.fixed else None, self.record.record_type)]
        byte = 1 + len(self.record.record_type)
        for number, (spec, column) in enumerate(zip(self.fields, self.record.columns, strict=True), start=2):
            place = byte if self._profile.fixed else number
            found.append(PlacedField(self.name, spec.title, place, spec.width, column.expected))
            byte += spec.width or 0
        return tuple(found)


def _money_parser(profile: Profile, kind: str) -> Callable[[str], Fen | None]:
    if profile.amounts == "yuan":
        return parse_total if kind == "sum" else parse_yuan
    return partial(parse_fen, most=MAX_TOTAL if kind == "sum" else MAX_AMOUNT)


def request_name(file: FileSpec) -> Column:
    """The column of a result that names the request it answers."""
    pattern = re.sub(r"\?P<[a-z]+>", "?:", file.name_pattern)
    return Column(
        "request file name",
        pattern,
        file.name.replace("<seq ", "<").replace(f"<{file.seq_digits}>", f"<{file.seq_digits} digits>"),
    )


_PLAIN: Final[Mapping[str, Column]] = {
    "bank": BANK_CODE,
    "batch no": identifier("batch no"),
    "period": month("period"),
    "round": one_of("round", ("1", "2"), FaultCode.GRAMMAR),
    "date": day("date"),
    "instruction id": identifier("instruction id"),
    "unit": UNIT_NO,
    "account": ACCOUNT_NO,
    "account name": text("account name"),
    "partial": one_of("partial", ("P", "F"), FaultCode.GRAMMAR),
    "bank reference": short_text("bank reference", LONGEST_REFERENCE),
    "reason": short_text("reason", LONGEST_REFERENCE),
    "hash total": digits("hash total", HASH_TOTAL_DIGITS),
}
"""Fields that every notation writes alike."""


def _column(profile: Profile, place: str, spec: FieldSpec) -> Column:
    if spec.field in COUNTS:
        return _count(spec)
    if spec.field in MONEY:
        return _money(profile, money_kind(place), spec)
    if spec.field == "constant":
        return constant(spec.title, spec.text or "")
    if spec.field == "account name" and spec.width is not None:
        # Spaces fill the field up, so that a name of nothing but spaces comes back as none.
        return short_text("account name", spec.width)
    asked = {
        **_PLAIN,
        "request file name": request_name(profile.request),
        "code": one_of("code", tuple(profile.our_codes), FaultCode.CODE),
    }
    return asked[spec.field]


def _money(profile: Profile, kind: str, spec: FieldSpec) -> Column:
    if profile.amounts == "yuan":
        return sum_of(spec.field) if kind == "sum" else amount(spec.field)
    width, digits_used = spec.width or 0, FEN_DIGITS[kind]
    pattern = f"0{{{width - digits_used}}}[0-9]{{{digits_used}}}"
    return Column(spec.field, pattern, f"whole fen in {width} digits", FaultCode.AMOUNT)


_LINES: Final = ("line", "request line")


def _count(spec: FieldSpec) -> Column:
    """A number of lines, or of a line (from 1); with leading zeros where it fills a width."""
    if spec.width is None:
        return LINE._replace(name=spec.field) if spec.field in _LINES else count(spec.field)
    if spec.field in _LINES:
        # Padding behind a number is no part of the texts that are looked at, so that the digits have to be counted.
        some = range(spec.width - LINE_DIGITS, spec.width)
        pattern = "|".join(f"0{{{zeros}}}[1-9][0-9]{{{spec.width - zeros - 1}}}" for zeros in some)
        return LINE._replace(
            name=spec.field, pattern=pattern, expected=f"a line number, from 1, in {spec.width} digits"
        )
    pattern = f"0{{{spec.width - LINE_DIGITS}}}[0-9]{{{LINE_DIGITS}}}"
    return Column(spec.field, pattern, f"a whole number in {spec.width} digits")
