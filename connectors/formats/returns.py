"""Returned-payment files ``RTN_<agency>_<date>_<no>.txt`` (退票; contract section 2, rules section 6)."""

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
    parse_date,
    text,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, in_file_order
from hub.domain.ids import AgencyCode, ReceiptNo, ReturnNo
from hub.domain.money import ZERO, Fen, parse_yuan, print_yuan
from hub.domain.returned_payments import ReturnLine, ReturnsFile, ReturnsHeader, check_returns
from hub.ports import Refused

HEADER: Final = Record("H", constant("file type", "RETURNS"), VERSION, AGENCY_CODE, day("date"), FILE_NUMBER)
DETAIL: Final = Record(
    "D", LINE, identifier("return id"), identifier("receipt id"), amount("amount"), text("reason"), day("returned on")
)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER)


def read_returns(name: str, data: BinaryIO) -> Reading[ReturnsFile]:
    """What a returns file holds and every fault that shows without the books."""
    faults: list[Fault] = []
    lines: list[ReturnLine] = []
    amounts: list[Fen | None] = []

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        names = () if sound else {fault.field for fault in DETAIL.faults(number, fields)}
        _, return_no, receipt, paid, reason, returned_on = (
            "" if column.name in names else field for column, field in zip(DETAIL.columns, fields, strict=True)
        )
        fen, on = parse_yuan(paid), parse_date(returned_on)
        if sound and (fen is None or on is None):
            faults.extend(DETAIL.faults(number, fields))
        amounts.append(fen)
        # A day that cannot be read is before no other; its own fault is told.
        lines.append(
            ReturnLine(number - 1, ReturnNo(return_no), ReceiptNo(receipt), fen or ZERO, reason, on or date.max)
        )

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, amounts, faults)
    blocked = frozenset(blocked_fields(faults))
    day_of_file = parse_date(head.get("date", ""))
    if day_of_file is None:
        return Reading(None, in_file_order(faults), blocked)
    file = ReturnsFile(ReturnsHeader(AgencyCode(head.get("agency", "")), day_of_file, head.get("no", "")), lines)
    faults += unblocked(check_returns(file), blocked)
    return Reading(file, in_file_order(faults), blocked)


def parse_returns(name: str, data: BinaryIO) -> ReturnsFile | Refused:
    """A returns file that is complete and consistent in itself, or every fault of it."""
    return read_returns(name, data).outcome


def print_returns(file: ReturnsFile) -> bytes:
    """The bytes of a returns file."""
    header = file.header
    body = [HEADER.print("RETURNS", "1", header.agency, header.date.isoformat(), header.no)]
    body += [
        DETAIL.print(
            str(line.line),
            line.return_no,
            line.receipt_no,
            print_yuan(line.amount),
            line.reason,
            line.returned_on.isoformat(),
        )
        for line in file.lines
    ]
    total = Fen(sum(line.amount for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))
