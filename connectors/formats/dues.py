"""Dues files ``DUES_<agency>_<period>_<kind>_<no>.txt`` (应缴; 表八, 表五, 表十; contract section 2)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import BinaryIO, Final

from connectors.formats.agency_frame import (
    Blocked,
    Reading,
    blocked_fields,
    check_trailer,
    read_header,
    seal,
    unblocked,
)
from connectors.formats.grammar import (
    ACCOUNT_NO,
    AGENCY_CODE,
    AMOUNT_TOTAL,
    BANK_CODE,
    BILL_ID,
    FILE_NUMBER,
    FOUR_AMOUNTS,
    FOUR_SUMS,
    FUND_COLUMNS,
    LINE,
    MODE,
    SHA256,
    SUM_TOTAL,
    UNIT_NO,
    VERSION,
    Record,
    constant,
    count,
    day,
    month,
    one_of,
    optional,
    parse_date,
    text,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.dues import ControlLine, DuesFile, DuesHeader, DuesLine, Kind, Mode, check_dues
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BankCode, BillNo, UnitNo
from hub.domain.money import ZERO, Fen, parse_total, parse_yuan, print_yuan
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals
from hub.ports import Refused

HEADER: Final = Record(
    "H",
    constant("file type", "DUES"),
    VERSION,
    AGENCY_CODE,
    month("period"),
    one_of("kind", tuple(kind.value for kind in Kind), FaultCode.KIND),
    FILE_NUMBER,
    day("date"),
)
DETAIL: Final = Record(
    "D",
    LINE,
    BILL_ID,
    UNIT_NO,
    text("unit name"),
    MODE,
    optional(BANK_CODE),
    optional(ACCOUNT_NO),
    optional(text("account name")),
    *FOUR_AMOUNTS,
    AMOUNT_TOTAL,
    optional(month("refers to")),
)
CONTROL: Final = Record("C", MODE, optional(BANK_CODE), count("count"), *FOUR_SUMS, SUM_TOTAL)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER, CONTROL)

_NAMES: Final = tuple(column.name for column in DETAIL.columns)
_ANY_BANK: Final = "any"  # no bank's code, which is in capitals
_MODES: Final = {mode.value: mode for mode in Mode}


def read_dues(name: str, data: BinaryIO) -> Reading[DuesFile]:
    """What a dues file holds and every fault that shows without the books. Reads ``data`` once, as a stream."""
    faults: list[Fault] = []
    reading = DuesReading(faults)
    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), reading.take_bill, reading.take_control)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    reading.check_total(frame)
    header = header_of(head)
    if header is None:
        return Reading(None, in_file_order(faults), frozenset(blocked_fields(faults)))
    file = DuesFile(header, reading.lines, reading.controls)
    found = check_dues(file)
    if found:
        faults += unblocked(found, reading.blocked(frame, found))
    return Reading(file, in_file_order(faults), frozenset(reading.blocked(frame, found)))


def parse_dues(name: str, data: BinaryIO) -> DuesFile | Refused:
    """A dues file that is complete and consistent in itself, or every fault of it."""
    return read_dues(name, data).outcome


def header_of(head: Mapping[str, str]) -> DuesHeader | None:
    """The header of its good columns; None without period and kind, since no rule of the whole file can be told then."""
    if "kind" not in head or "period" not in head:
        return None
    return DuesHeader(
        AgencyCode(head.get("agency", "")),
        Period(head["period"]),
        Kind(head["kind"]),
        head.get("no", ""),
        parse_date(head.get("date", "")) or date.min,
    )


class DuesReading:
    """The bills and control lines of one file. A line at fault keeps its place, with a stand-in for what is unread."""

    def __init__(self, faults: list[Fault]) -> None:
        self.lines: list[DuesLine] = []
        self.controls: list[ControlLine] = []
        self._faults = faults
        self._total = 0  # fen, what the totals of the lines add up to
        self._total_known = True
        self._excess = 0  # fen, by which the funds of lines whose sum is wrong exceed their totals
        self._banks: dict[str, BankCode] = {}  # one object for each bank, however many lines name it
        self._at_fault: list[tuple[DuesLine, set[str]]] = []  # with the names of the columns at fault
        self._control_at_fault = False

    def take_bill(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line."""
        (_, bill, unit, unit_name, mode, bank, account, account_name, p, u, i, m, total, refers_to) = fields
        pension, unemployment, injury, maternity = parse_yuan(p), parse_yuan(u), parse_yuan(i), parse_yuan(m)
        written, refers = parse_yuan(total), Period.parse(refers_to) if refers_to else None
        if (
            not sound
            or pension is None
            or unemployment is None
            or injury is None
            or maternity is None
            or written is None
            or (refers_to and refers is None)
        ):
            self._take_bill_at_fault(number, fields, sound)
            return
        amounts = FundAmounts(pension, unemployment, injury, maternity)
        if amounts.total != written:
            self._note_sum(number, amounts, written)
        self._total += written
        self.lines.append(
            DuesLine(
                number - 1,  # the header stands before
                BillNo(bill),
                UnitNo(unit),
                unit_name,
                _MODES[mode],
                self._banks.setdefault(bank, BankCode(bank)),
                account,
                unit_name if account_name == unit_name else account_name,  # one object for both, mostly
                amounts,
                refers,
            )
        )

    def take_control(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``C`` line."""
        mode, bank, how_many, *sums, total = fields
        column_faults = CONTROL.faults(number, fields)
        if sound:
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        if at_fault & {"mode", "bank"}:
            self._control_at_fault = True
            return
        amounts = FundAmounts(*(parse_total(each) or ZERO for each in sums))
        written = parse_total(total)
        if not at_fault & {*FUND_COLUMNS, "total"} and written != amounts.total:
            expected = f"{print_yuan(amounts.total)}, the sum of the funds"
            self._faults.append(Fault(number, "total", FaultCode.SUM, expected, total))
        counted = 0 if "count" in at_fault else int(how_many)
        self.controls.append(ControlLine(number, _MODES[mode], BankCode(bank), ControlTotals(counted, amounts)))

    def check_total(self, frame: Frame) -> None:
        """The total of the ``T`` line, as far as the lines can be read; a line with a wrong sum has two readings."""
        declared = None if frame.trailer is None else parse_total(frame.trailer[1])
        if declared is None or frame.unreadable_details or not self._total_known:
            return
        if declared not in (self._total, self._total + self._excess):
            expected = print_yuan(Fen(self._total))
            self._faults.append(
                Fault(frame.trailer_line, "total", FaultCode.CONTROL_TOTAL, expected, print_yuan(declared))
            )

    def blocked(self, frame: Frame, found: Sequence[Fault]) -> Blocked:
        """Of what the whole-file rules found: the fields that only repeat a fault known, or rest on unread text."""
        blocked = blocked_fields(self._faults)
        for line, at_fault in self._at_fault:
            place = line.line + 1
            funds = at_fault & set(FUND_COLUMNS)
            if funds:
                blocked.add((place, "total"))
            if "mode" in at_fault:
                blocked |= {(place, "bank"), (place, "account"), (place, "account name")}
            same = [control for control in self.controls if (control.mode, control.bank) == (line.mode, line.bank)]
            blocked |= {(control.file_line, fund) for control in same for fund in funds}
        doubtful = self._doubtful_banks(frame, found)
        for control in self.controls:
            if doubtful & {control.bank, _ANY_BANK} or (doubtful and control.mode is Mode.SPORADIC):
                blocked |= {(control.file_line, field) for field in ("bank", "count", *FUND_COLUMNS)}
        if doubtful or self._control_at_fault or frame.unreadable_controls:
            blocked.add((None, "C"))
        return blocked

    def _doubtful_banks(self, frame: Frame, found: Sequence[Fault]) -> set[str]:
        """Banks whose control lines cannot be told, since it is open which of them, or sporadic, a line belongs to."""
        doubtful = {_ANY_BANK} if frame.unreadable_details else set()
        for line, at_fault in self._at_fault:
            if "bank" in at_fault:
                doubtful.add(_ANY_BANK)
            elif "mode" in at_fault:
                doubtful.add(line.bank)
        places = {fault.line for fault in found if fault.code is FaultCode.MODE and fault.field == "bank"}
        if places:
            doubtful |= {line.bank for line in self.lines if line.line + 1 in places}
        return doubtful

    def _take_bill_at_fault(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line of which a column cannot be read; nothing of it leaves the parser."""
        column_faults = DETAIL.faults(number, fields)
        if sound:
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        kept = dict(zip(_NAMES, fields, strict=True)) | dict.fromkeys(at_fault, "")
        amounts = FundAmounts(*(parse_yuan(kept[fund]) or ZERO for fund in FUND_COLUMNS))
        written = parse_yuan(kept["total"])
        if written is None:
            self._total_known = False
        else:
            self._total += written
            if not at_fault & set(FUND_COLUMNS) and amounts.total != written:
                self._note_sum(number, amounts, written)
        line = DuesLine(
            number - 1,
            BillNo(kept["bill id"]),
            UnitNo(kept["unit"]),
            kept["unit name"],
            _MODES.get(kept["mode"], Mode.BANK),
            BankCode(kept["bank"]),
            kept["account"],
            kept["account name"],
            amounts,
            Period.parse(kept["refers to"]),
        )
        self.lines.append(line)
        self._at_fault.append((line, at_fault))

    def _note_sum(self, number: int, amounts: FundAmounts, written: Fen) -> None:
        self._excess += amounts.total - written
        expected = f"{print_yuan(amounts.total)}, the sum of the funds"
        self._faults.append(Fault(number, "total", FaultCode.SUM, expected, print_yuan(written)))


def print_dues(file: DuesFile) -> bytes:
    """The bytes of a dues file, its control lines as they stand."""
    header = file.header
    body = [HEADER.print("DUES", "1", header.agency, header.period, header.kind, header.no, header.date.isoformat())]
    body += [
        DETAIL.print(
            str(line.line),
            line.bill_no,
            line.unit,
            line.unit_name,
            line.mode,
            line.bank,
            line.account,
            line.account_name,
            *map(print_yuan, line.amounts),
            print_yuan(line.amounts.total),
            line.refers_to or "",
        )
        for line in file.lines
    ]
    body += [
        CONTROL.print(
            control.mode,
            control.bank,
            str(control.totals.count),
            *map(print_yuan, control.totals.amounts),
            print_yuan(control.totals.total),
        )
        for control in file.controls
    ]
    total = Fen(sum(line.amounts.total for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))
