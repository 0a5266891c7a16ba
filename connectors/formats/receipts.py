"""Sporadic-receipt files ``RCPT_<agency>_<date>_<no>.txt`` (零星缴费收款; contract section 2)."""

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
    optional,
    parse_date,
    text,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo
from hub.domain.money import ZERO, Fen, parse_yuan, print_yuan
from hub.domain.receipts import Method, ReceiptLine, ReceiptsFile, ReceiptsHeader, check_receipts
from hub.ports import Refused

HEADER: Final = Record("H", constant("file type", "RECEIPTS"), VERSION, AGENCY_CODE, day("date"), FILE_NUMBER)
DETAIL: Final = Record(
    "D",
    LINE,
    identifier("receipt id"),
    BILL_ID,
    one_of("method", tuple(method.value for method in Method), FaultCode.METHOD),
    optional(text("cheque no")),
    amount("amount"),
    day("received on"),
)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER)

_METHODS: Final = {method.value: method for method in Method}


def read_receipts(name: str, data: BinaryIO) -> Reading[ReceiptsFile]:
    """What a receipts file holds and every fault that shows without the books."""
    faults: list[Fault] = []
    lines: list[ReceiptLine] = []
    hanging: set[tuple[int | None, str]] = set()
    amounts: list[Fen | None] = []

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        names = () if sound else {fault.field for fault in DETAIL.faults(number, fields)}
        _, receipt, bill, method, cheque, paid, received_on = (
            "" if column.name in names else field for column, field in zip(DETAIL.columns, fields, strict=True)
        )
        fen, on, how = parse_yuan(paid), parse_date(received_on), _METHODS.get(method)
        if sound and (fen is None or on is None):
            faults.extend(DETAIL.faults(number, fields))
        if how is None:
            hanging.add((number, "cheque no"))  # whether one is due hangs on the method
        amounts.append(fen)
        lines.append(
            ReceiptLine(
                number - 1,
                ReceiptNo(receipt),
                BillNo(bill),
                how or Method.CASH,
                cheque,
                fen or ZERO,
                on or date.min,
            )
        )

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, amounts, faults)
    blocked = frozenset(blocked_fields(faults) | hanging)
    day_of_file = parse_date(head.get("date", ""))
    if day_of_file is None:
        return Reading(None, in_file_order(faults), blocked)
    file = ReceiptsFile(ReceiptsHeader(AgencyCode(head.get("agency", "")), day_of_file, head.get("no", "")), lines)
    faults += unblocked(check_receipts(file), blocked)
    return Reading(file, in_file_order(faults), blocked)


def parse_receipts(name: str, data: BinaryIO) -> ReceiptsFile | Refused:
    """A receipts file that is complete and consistent in itself, or every fault of it."""
    return read_receipts(name, data).outcome


def print_receipts(file: ReceiptsFile) -> bytes:
    """The bytes of a receipts file."""
    header = file.header
    body = [HEADER.print("RECEIPTS", "1", header.agency, header.date.isoformat(), header.no)]
    body += [
        DETAIL.print(
            str(line.line),
            line.receipt_no,
            line.bill_no,
            line.method,
            line.cheque_no,
            print_yuan(line.amount),
            line.received_on.isoformat(),
        )
        for line in file.lines
    ]
    total = Fen(sum(line.amount for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))
