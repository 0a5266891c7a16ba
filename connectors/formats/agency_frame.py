"""What all agency files share (contract section 2): names, the header that repeats the name, the trailer's digest."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeVar

from connectors.formats.grammar import Record, parse_compact_date, shown
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.money import Fen, parse_total, print_yuan
from hub.domain.periods import Period
from hub.ports import Refused

_AGENCY, _PERIOD, _DATE, _NO = (
    "(?P<agency>[0-9]{6})",
    "(?P<period>[0-9]{4}-[0-9]{2})",
    "(?P<date>[0-9]{8})",
    "(?P<no>[0-9]{4})",
)


class AgencyFileKind(StrEnum):
    """What an agency sends; the value is what its file name begins with."""

    DUES = "DUES"  # 表八, 表五, 表十
    AGAIN = "AGAIN"  # second collection
    RECEIPTS = "RCPT"  # sporadic receipts
    RETURNS = "RTN"  # 退票
    INCOMES = "INC"  # 其他项目收入
    MEMBERS = "MEMB"  # 表四, 表四-1, 表四-3
    SUBSIDIES = "SUBS"  # 补贴划转


_PATTERNS: Final[Mapping[AgencyFileKind, tuple[re.Pattern[str], str]]] = {
    AgencyFileKind.DUES: (
        re.compile(f"DUES_{_AGENCY}_{_PERIOD}_(?P<kind>[MSA])_{_NO}\\.txt", re.ASCII),
        "DUES_<agency>_<YYYY-MM>_<M, S or A>_<4 digits>.txt",
    ),
    AgencyFileKind.AGAIN: (
        re.compile(f"AGAIN_{_AGENCY}_{_PERIOD}_{_NO}\\.txt", re.ASCII),
        "AGAIN_<agency>_<YYYY-MM>_<4 digits>.txt",
    ),
    AgencyFileKind.RECEIPTS: (
        re.compile(f"RCPT_{_AGENCY}_{_DATE}_{_NO}\\.txt", re.ASCII),
        "RCPT_<agency>_<YYYYMMDD>_<4 digits>.txt",
    ),
    AgencyFileKind.RETURNS: (
        re.compile(f"RTN_{_AGENCY}_{_DATE}_{_NO}\\.txt", re.ASCII),
        "RTN_<agency>_<YYYYMMDD>_<4 digits>.txt",
    ),
    AgencyFileKind.INCOMES: (
        re.compile(f"INC_{_AGENCY}_{_DATE}_{_NO}\\.txt", re.ASCII),
        "INC_<agency>_<YYYYMMDD>_<4 digits>.txt",
    ),
    AgencyFileKind.MEMBERS: (
        re.compile(f"MEMB_{_AGENCY}_{_PERIOD}_{_NO}\\.txt", re.ASCII),
        "MEMB_<agency>_<YYYY-MM>_<4 digits>.txt",
    ),
    AgencyFileKind.SUBSIDIES: (
        re.compile(f"SUBS_{_AGENCY}_{_DATE}_{_NO}\\.txt", re.ASCII),
        "SUBS_<agency>_<YYYYMMDD>_<4 digits>.txt",
    ),
}


class AgencyFileName(NamedTuple):
    """A file name's parts, by the name of the header column that repeats each, in the header's notation."""

    kind: AgencyFileKind
    parts: Mapping[str, str]

    @staticmethod
    def kind_of(name: str) -> AgencyFileKind | None:
        """The kind of file a name announces by its beginning, or None."""
        beginning = name.partition("_")[0] if "_" in name else ""
        return next((kind for kind in AgencyFileKind if kind.value == beginning), None)

    @classmethod
    def parse(cls, name: str) -> "AgencyFileName | Fault":
        """The parts of a file name (without directories), or what is wrong with it."""
        kind = cls.kind_of(name)
        if kind is None:
            beginnings = ", ".join(f"{each.value}_…" for each in AgencyFileKind)
            return Fault(None, "file name", FaultCode.NAME, f"one of {beginnings}", shown(name))
        pattern, form = _PATTERNS[kind]
        found = pattern.fullmatch(name)
        if found is None:
            return Fault(None, "file name", FaultCode.NAME, form, shown(name))
        parts = found.groupdict()
        if "period" in parts and Period.parse(parts["period"]) is None:
            return Fault(None, "file name", FaultCode.NAME, f"{form} with a real month", shown(name))
        if "date" in parts:
            day = parse_compact_date(parts["date"])
            if day is None:
                return Fault(None, "file name", FaultCode.NAME, f"{form} with a real date", shown(name))
            parts["date"] = day.isoformat()
        return cls(kind, parts)


def read_header(layout: Layout, header: Sequence[str] | None, name: str, faults: list[Fault]) -> dict[str, str]:
    """The header's good columns by name; a column missing or at fault is taken from the file name, to judge the rest.

    Notes what is wrong with the name, and each column that differs from it.
    """
    named = AgencyFileName.parse(name)
    if isinstance(named, Fault):
        faults.append(named)
        parts: dict[str, str] = {}
    else:
        parts = dict(named.parts)
    columns = zip(layout.header.columns, header or (), strict=False)
    for column, found in columns:
        expected = parts.get(column.name, found)
        if column.fault(1, found) is not None:
            continue
        if found != expected:
            faults.append(Fault(1, column.name, FaultCode.NAME, f"{expected} as in the file name", found))
        parts[column.name] = found
    return parts


def check_trailer(frame: Frame, faults: list[Fault]) -> None:
    """The count of the ``T`` line and its SHA-256 over all bytes before it."""
    if frame.trailer is None:
        return
    count, sha256 = frame.trailer[0], frame.trailer[-1]
    blocked = blocked_fields(faults)
    if (frame.trailer_line, "count") not in blocked:
        frame.check_count(count)
    if (frame.trailer_line, "sha256") not in blocked and sha256 != frame.sha256:
        faults.append(Fault(frame.trailer_line, "sha256", FaultCode.DIGEST, frame.sha256, sha256))


def check_money_total(frame: Frame, amounts: Iterable[Fen | None], faults: list[Fault]) -> None:
    """The total of the ``T`` line against the amounts of the lines, unless one of them could not be read (None)."""
    declared = None if frame.trailer is None else parse_total(frame.trailer[1])
    known = [amount for amount in amounts if amount is not None]
    if declared is None or len(known) != frame.details:
        return
    if declared != sum(known):
        expected = print_yuan(Fen(sum(known)))
        faults.append(Fault(frame.trailer_line, "total", FaultCode.CONTROL_TOTAL, expected, print_yuan(declared)))


Blocked = Set[tuple[int | None, str]]
"""Fields that are at fault already, as (line, field): what a later rule says of them would only repeat it."""


def blocked_fields(faults: Iterable[Fault]) -> set[tuple[int | None, str]]:
    return {(fault.line, fault.field) for fault in faults}


def unblocked(found: Iterable[Fault], blocked: Blocked) -> list[Fault]:
    """The faults of the whole-file rules that concern fields not at fault already."""
    return [fault for fault in found if (fault.line, fault.field) not in blocked]


FileT = TypeVar("FileT")


@dataclass(frozen=True, slots=True)
class Reading(Generic[FileT]):
    """What could be read of a file.

    ``file``: all its lines that have their columns, '' or zero or None standing in for what is at fault; None when its
    header cannot be told. It may be held against the books to find what else is wrong, with what they say of ``blocked``
    fields left out. It may be taken in only when there are no ``faults``: that is ``outcome``.
    """

    file: FileT | None
    faults: tuple[Fault, ...]
    blocked: frozenset[tuple[int | None, str]]

    @property
    def outcome(self) -> FileT | Refused:
        """The complete and consistent file, or every fault of it."""
        if self.faults:
            return Refused(self.faults)
        assert self.file is not None, "a file without a header has that fault"
        return self.file

    def more_faults(self, found: Iterable[Fault]) -> tuple[Fault, ...]:
        """The faults of the file and those the books found, in the order of the file, none told twice."""
        return in_file_order([*self.faults, *unblocked(found, self.blocked)])


def not_yet_taken(field: str, what: str) -> Fault:
    """A file that is right, or wrong, but of a kind this version does not carry out yet."""
    return Fault(None, field, FaultCode.NOT_SUPPORTED, "a kind of file that is taken in by now", what)


def seal(body: str, trailer: Record, count: int, total: str) -> bytes:
    """The bytes of an agency file: its body and the ``T`` line with the body's SHA-256."""
    encoded = body.encode("utf-8")
    return encoded + trailer.print(str(count), total, hashlib.sha256(encoded).hexdigest()).encode("ascii")
