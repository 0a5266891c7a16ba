"""Other-income files ``INC_<agency>_<date>_<no>.txt`` (其他项目收入, C15), a kind of our own in the contract's grammar.

    H|INCOME|1|<agency>|<date>|<no>
    D|<line>|<income id>|<item>|<unit>|<period>|<p>|<u>|<i>|<m>|<total>|<received on>
    C|<item>|<count>|<p>|<u>|<i>|<m>|<total>
    T|<count>|<total>|<sha256 of all bytes before this line, hex>

Item: one of ``hub.domain.other_incomes.Item``. Unit: may be empty, but not for late fees; period: the one whose arrears a late
fee is for, else empty. One ``C`` line per item that occurs. Received on: by the day of the file.
"""

from datetime import date
from typing import BinaryIO, Final

from connectors.formats.agency_frame import (
    Reading,
    blocked_fields,
    check_money_total,
    check_trailer,
    read_header,
    seal,
    unblocked,
)
from connectors.formats.grammar import (
    AGENCY_CODE,
    AMOUNT_TOTAL,
    FILE_NUMBER,
    FOUR_AMOUNTS,
    FOUR_SUMS,
    FUND_COLUMNS,
    LINE,
    SHA256,
    SUM_TOTAL,
    UNIT_NO,
    VERSION,
    Record,
    constant,
    count,
    day,
    identifier,
    month,
    one_of,
    optional,
    parse_date,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, IncomeNo, UnitNo
from hub.domain.money import ZERO, Fen, parse_total, parse_yuan, print_yuan
from hub.domain.other_incomes import IncomeLine, IncomesFile, IncomesHeader, Item, ItemControl, check_incomes
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals
from hub.ports import Refused

ITEM: Final = one_of("item", tuple(item.value for item in Item), FaultCode.ITEM)
HEADER: Final = Record("H", constant("file type", "INCOME"), VERSION, AGENCY_CODE, day("date"), FILE_NUMBER)
DETAIL: Final = Record(
    "D",
    LINE,
    identifier("income id"),
    ITEM,
    optional(UNIT_NO),
    optional(month("period")),
    *FOUR_AMOUNTS,
    AMOUNT_TOTAL,
    day("received on"),
)
CONTROL: Final = Record("C", ITEM, count("count"), *FOUR_SUMS, SUM_TOTAL)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER, CONTROL)

_NAMES: Final = tuple(column.name for column in DETAIL.columns)
_ITEMS: Final = {item.value: item for item in Item}
_MONEY: Final = frozenset({*FUND_COLUMNS, "total"})


def read_incomes(name: str, data: BinaryIO) -> Reading[IncomesFile]:
    """What an incomes file holds and every fault that shows without the books."""
    faults: list[Fault] = []
    reading = _IncomesReading(faults)
    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), reading.take_income, reading.take_control)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, reading.totals, faults)
    blocked = frozenset(reading.blocked(frame))
    day_of_file = parse_date(head.get("date", ""))
    if day_of_file is None:
        return Reading(None, in_file_order(faults), blocked)
    header = IncomesHeader(AgencyCode(head.get("agency", "")), day_of_file, head.get("no", ""))
    file = IncomesFile(header, reading.lines, reading.controls)
    faults += unblocked(check_incomes(file), blocked)
    return Reading(file, in_file_order(faults), blocked)


def parse_incomes(name: str, data: BinaryIO) -> IncomesFile | Refused:
    """An incomes file that is complete and consistent in itself, or every fault of it."""
    return read_incomes(name, data).outcome


class _IncomesReading:
    """The incomes and control lines of one file. A line at fault keeps its place, with a stand-in for what is unread."""

    def __init__(self, faults: list[Fault]) -> None:
        self.lines: list[IncomeLine] = []
        self.controls: list[ItemControl] = []
        self.totals: list[Fen | None] = []  # of the lines; None where it cannot be read or is not the sum of the funds
        self._faults = faults
        self._hanging: set[tuple[int | None, str]] = set()  # fields whose rules rest on a field that is at fault
        self._doubtful: set[Item | None] = set()  # items whose lines cannot be added up; None: it may be any
        self._control_at_fault = False

    def take_income(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line."""
        column_faults = DETAIL.faults(number, fields)
        if sound:  # the frame has told the others
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        kept = dict(zip(_NAMES, fields, strict=True)) | dict.fromkeys(at_fault, "")
        item = _ITEMS.get(kept["item"])
        amounts = FundAmounts(*(parse_yuan(kept[fund]) or ZERO for fund in FUND_COLUMNS))
        written = parse_yuan(kept["total"])
        is_sum = not at_fault & _MONEY and written == amounts.total
        if written is not None and not at_fault & _MONEY and not is_sum:
            expected = f"{print_yuan(amounts.total)}, the sum of the funds"
            self._faults.append(Fault(number, "total", FaultCode.SUM, expected, print_yuan(written)))
        self.totals.append(written if is_sum else None)
        if item is None:
            self._hanging |= {(number, "unit"), (number, "period")}
        if at_fault & {"received on", "period", "unit"}:
            self._hanging |= {(number, fund) for fund in FUND_COLUMNS}  # what has accrued by then cannot be known
        if at_fault & _MONEY:
            self._hanging.add((number, "total"))
        if item is None or at_fault & set(FUND_COLUMNS):
            self._doubtful.add(item)
        self.lines.append(
            IncomeLine(
                number - 1,  # the header stands before
                IncomeNo(kept["income id"]),
                item or Item.OTHER,
                UnitNo(kept["unit"]),
                Period.parse(kept["period"]),
                amounts,
                parse_date(kept["received on"]) or date.min,
            )
        )

    def take_control(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``C`` line."""
        item, how_many, *sums, total = fields
        column_faults = CONTROL.faults(number, fields)
        if sound:
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        if "item" in at_fault:
            self._control_at_fault = True
            return
        amounts = FundAmounts(*(parse_total(each) or ZERO for each in sums))
        if not at_fault & _MONEY and parse_total(total) != amounts.total:
            expected = f"{print_yuan(amounts.total)}, the sum of the funds"
            self._faults.append(Fault(number, "total", FaultCode.SUM, expected, total))
        counted = 0 if "count" in at_fault else int(how_many)
        self.controls.append(ItemControl(number, _ITEMS[item], ControlTotals(counted, amounts)))

    def blocked(self, frame: Frame) -> set[tuple[int | None, str]]:
        """Fields of which the whole-file rules could only repeat a fault known, or that rest on what is unread."""
        blocked = blocked_fields(self._faults) | self._hanging
        any_item = None in self._doubtful or frame.unreadable_details > 0
        for control in self.controls:
            if any_item or control.item in self._doubtful:
                blocked |= {(control.file_line, field) for field in ("item", "count", *FUND_COLUMNS)}
        if any_item or self._control_at_fault or frame.unreadable_controls:
            blocked.add((None, "C"))
        return blocked


def print_incomes(file: IncomesFile) -> bytes:
    """The bytes of an incomes file, its control lines as they stand."""
    header = file.header
    body = [HEADER.print("INCOME", "1", header.agency, header.date.isoformat(), header.no)]
    body += [
        DETAIL.print(
            str(line.line),
            line.income_no,
            line.item,
            line.unit,
            line.period or "",
            *map(print_yuan, line.amounts),
            print_yuan(line.amounts.total),
            line.received_on.isoformat(),
        )
        for line in file.lines
    ]
    body += [
        CONTROL.print(
            control.item,
            str(control.totals.count),
            *map(print_yuan, control.totals.amounts),
            print_yuan(control.totals.total),
        )
        for control in file.controls
    ]
    total = Fen(sum(line.amounts.total for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))
