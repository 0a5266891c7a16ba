"""Second-collection files ``AGAIN_<agency>_<period>_<no>.txt`` (再次扣款; contract section 2)."""

from datetime import date
from typing import BinaryIO, Final

from connectors.formats.agency_frame import Reading, blocked_fields, check_trailer, read_header, seal, unblocked
from connectors.formats.grammar import (
    AGENCY_CODE,
    FILE_NUMBER,
    LINE,
    MODE,
    SHA256,
    UNIT_NO,
    VERSION,
    Record,
    constant,
    count,
    day,
    month,
    parse_date,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.dues import Mode
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import AgencyCode, UnitNo
from hub.domain.periods import Period
from hub.domain.second_collection import AgainFile, AgainHeader, AgainLine, check_again
from hub.ports import Refused

HEADER: Final = Record(
    "H", constant("file type", "AGAIN"), VERSION, AGENCY_CODE, month("period"), FILE_NUMBER, day("date")
)
DETAIL: Final = Record("D", LINE, UNIT_NO, MODE, day("pay on"))
TRAILER: Final = Record("T", count("count"), constant("total", "", FaultCode.GRAMMAR), SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER)

_MODES: Final = {mode.value: mode for mode in Mode}


def read_again(name: str, data: BinaryIO) -> Reading[AgainFile]:
    """What a second-collection file holds and every fault that shows without the books."""
    faults: list[Fault] = []
    lines: list[AgainLine] = []

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        _, unit, mode, pay_on = fields
        on = parse_date(pay_on)
        if sound and on is None:
            faults.extend(DETAIL.faults(number, fields))
        if not sound and UNIT_NO.fault(number, unit) is not None:
            unit = ""
        lines.append(AgainLine(number - 1, UnitNo(unit), _MODES.get(mode, Mode.BANK), on or date.min))

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    blocked = frozenset(blocked_fields(faults))
    if "period" not in head:
        return Reading(None, in_file_order(faults), blocked)
    header = AgainHeader(
        AgencyCode(head.get("agency", "")),
        Period(head["period"]),
        head.get("no", ""),
        parse_date(head.get("date", "")) or date.min,
    )
    file = AgainFile(header, lines)
    faults += unblocked(check_again(file), blocked)
    return Reading(file, in_file_order(faults), blocked)


def parse_again(name: str, data: BinaryIO) -> AgainFile | Refused:
    """A second-collection file that is complete and consistent in itself, or every fault of it."""
    return read_again(name, data).outcome


def print_again(file: AgainFile) -> bytes:
    """The bytes of a second-collection file."""
    header = file.header
    body = [HEADER.print("AGAIN", "1", header.agency, header.period, header.no, header.date.isoformat())]
    body += [DETAIL.print(str(line.line), line.unit, line.mode, line.pay_on.isoformat()) for line in file.lines]
    return seal("".join(body), TRAILER, len(file.lines), "")
