"""Subsidies files ``SUBS_<agency>_<date>_<no>.txt``: what unemployment finance booked for subsidised workers (补贴划转, C10).

Described for agencies in docs/agencies/files.md.
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
    BILL_ID,
    FILE_NUMBER,
    LINE,
    SHA256,
    SUM_TOTAL,
    VERSION,
    Record,
    amount,
    constant,
    count,
    day,
    identifier,
    one_of,
    parse_date,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import AgencyCode, BillNo, SubsidyNo
from hub.domain.money import ZERO, Fen, parse_yuan, print_yuan
from hub.domain.subsidies import (
    Movement,
    SubsidiesFile,
    SubsidiesHeader,
    SubsidyAmounts,
    SubsidyLine,
    check_subsidies,
)
from hub.ports import Refused

HEADER: Final = Record("H", constant("file type", "SUBSIDIES"), VERSION, AGENCY_CODE, day("date"), FILE_NUMBER)
DETAIL: Final = Record(
    "D",
    LINE,
    identifier("subsidy id"),
    BILL_ID,
    one_of("movement", tuple(movement.value for movement in Movement), FaultCode.KIND),
    *(amount(name) for name in SubsidyAmounts._fields),
    AMOUNT_TOTAL,
    day("booked on"),
)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER)

_MOVEMENTS: Final = {movement.value: movement for movement in Movement}
_HANG_ON_MOVEMENT: Final = ("bill id", "booked on", *SubsidyAmounts._fields)


def read_subsidies(name: str, data: BinaryIO) -> Reading[SubsidiesFile]:
    """What a subsidies file holds and every fault that shows without the books."""
    faults: list[Fault] = []
    lines: list[SubsidyLine] = []
    hanging: set[tuple[int | None, str]] = set()
    totals: list[Fen | None] = []

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        found = DETAIL.faults(number, fields)
        if sound:
            faults.extend(found)
        at_fault = {fault.field for fault in found}
        good = ["" if column.name in at_fault else field for column, field in zip(DETAIL.columns, fields, strict=True)]
        _, subsidy, bill, movement, *money, booked_on = good
        *parts, total = map(parse_yuan, money)
        amounts = SubsidyAmounts(*(fen or ZERO for fen in parts))
        if total is not None and None not in parts and amounts.total != total:
            faults.append(Fault(number, "total", FaultCode.SUM, print_yuan(amounts.total), print_yuan(total)))
        if movement not in _MOVEMENTS:
            hanging.update((number, field) for field in _HANG_ON_MOVEMENT)
        totals.append(total)
        # A day that cannot be read is before no other; its own fault is told.
        day_booked = parse_date(booked_on) or date.max
        kind = _MOVEMENTS.get(movement, Movement.UNIT)
        lines.append(SubsidyLine(number - 1, SubsidyNo(subsidy), BillNo(bill), kind, amounts, day_booked))

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, totals, faults)
    blocked = frozenset(blocked_fields(faults) | hanging)
    day_of_file = parse_date(head.get("date", ""))
    if day_of_file is None:
        return Reading(None, in_file_order(faults), blocked)
    file = SubsidiesFile(SubsidiesHeader(AgencyCode(head.get("agency", "")), day_of_file, head.get("no", "")), lines)
    faults += unblocked(check_subsidies(file), blocked)
    return Reading(file, in_file_order(faults), frozenset(blocked_fields(faults) | hanging))


def parse_subsidies(name: str, data: BinaryIO) -> SubsidiesFile | Refused:
    """A subsidies file that is complete and consistent in itself, or every fault of it."""
    return read_subsidies(name, data).outcome


def print_subsidies(file: SubsidiesFile) -> bytes:
    """The bytes of a subsidies file."""
    header = file.header
    body = [HEADER.print("SUBSIDIES", "1", header.agency, header.date.isoformat(), header.no)]
    body += [
        DETAIL.print(
            str(line.line), line.subsidy_no, line.bill_no, line.movement, *map(print_yuan, line.amounts),
            print_yuan(line.amounts.total), line.booked_on.isoformat(),
        )
        for line in file.lines
    ]  # fmt: skip
    total = Fen(sum(line.amounts.total for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))
