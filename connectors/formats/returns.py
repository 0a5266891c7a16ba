"""Returned-payment files ``RTN_<agency>_<date>_<no>.txt`` (退票; contract section 2, rules section 6).

Read and checked to the end, but not taken in by this version: a right one is refused with that single fault. Taking
them in begins by making domain records of the lines here.
"""

from typing import BinaryIO, Final, Never

from connectors.formats.agency_frame import (
    Reading,
    blocked_fields,
    check_money_total,
    check_trailer,
    not_yet_taken,
    read_header,
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
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.money import Fen, parse_yuan

HEADER: Final = Record("H", constant("file type", "RETURNS"), VERSION, AGENCY_CODE, day("date"), FILE_NUMBER)
DETAIL: Final = Record(
    "D", LINE, identifier("return id"), identifier("receipt id"), amount("amount"), text("reason"), day("returned on")
)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER)


def read_returns(name: str, data: BinaryIO) -> Reading[Never]:
    """Every fault of a returns file; that it is not taken in yet is the last of the whole file."""
    faults: list[Fault] = []
    repeated: list[Fault] = []
    amounts: list[Fen | None] = []
    first: dict[tuple[str, str], int] = {}

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        _, return_id, receipt, paid, _, returned_on = fields
        fen = parse_yuan(paid)
        if sound and (fen is None or parse_date(returned_on) is None):
            faults.extend(DETAIL.faults(number, fields))
        if fen == 0:
            faults.append(Fault(number, "amount", FaultCode.AMOUNT, "more than 0.00", paid))
        amounts.append(fen)
        for field, found in (("return id", return_id), ("receipt id", receipt)):
            place = first.setdefault((field, found), number)
            if place != number:
                expected = f"a {field} not in D line {place - 1} already"
                repeated.append(Fault(number, field, FaultCode.DUPLICATE, expected, found))

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, amounts, faults)
    faults += unblocked(repeated, blocked_fields(faults))
    faults.append(not_yet_taken("file type", "returned payments"))
    return Reading(None, in_file_order(faults), frozenset(blocked_fields(faults)))
