"""The agency door: one entry for every file an agency sends (contract section 2), told apart by its name."""

from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

from connectors.formats.agency_frame import AgencyFileKind, AgencyFileName, Reading
from connectors.formats.dues import read_dues
from connectors.formats.incomes import read_incomes
from connectors.formats.members import read_members
from connectors.formats.receipts import read_receipts
from connectors.formats.returns import read_returns
from connectors.formats.second_collection import read_again
from connectors.formats.subsidies import read_subsidies
from hub.domain.dues import DuesFile
from hub.domain.faults import Fault
from hub.domain.members import MembersFile
from hub.domain.other_incomes import IncomesFile
from hub.domain.receipts import ReceiptsFile
from hub.domain.returned_payments import ReturnsFile
from hub.domain.second_collection import AgainFile
from hub.domain.subsidies import SubsidiesFile
from hub.ports import Refused

AgencyFile = DuesFile | AgainFile | ReceiptsFile | ReturnsFile | MembersFile | SubsidiesFile | IncomesFile


def parse(name: str, data: BinaryIO) -> AgencyFile | Refused:
    """A file that is complete and consistent in itself, or every fault of it.

    ``name`` is the file's name without directories. ``data`` is read once, from where it stands to its end. What needs
    the books (known agency, unit, bill; identity; sessions) is not judged here.
    """
    return read(name, data).outcome


AgencyReading = (
    Reading[DuesFile]
    | Reading[AgainFile]
    | Reading[ReceiptsFile]
    | Reading[ReturnsFile]
    | Reading[MembersFile]
    | Reading[SubsidiesFile]
    | Reading[IncomesFile]
)


_READERS: Final[Mapping[AgencyFileKind, Callable[[str, BinaryIO], AgencyReading]]] = {
    AgencyFileKind.DUES: read_dues,
    AgencyFileKind.AGAIN: read_again,
    AgencyFileKind.RECEIPTS: read_receipts,
    AgencyFileKind.RETURNS: read_returns,
    AgencyFileKind.MEMBERS: read_members,
    AgencyFileKind.SUBSIDIES: read_subsidies,
    AgencyFileKind.INCOMES: read_incomes,
}


def read(name: str, data: BinaryIO) -> AgencyReading:
    """As ``parse``, but keeps what could be read of a faulty file, so that the books can find its other faults."""
    kind = AgencyFileName.kind_of(name)
    if kind is not None:
        return _READERS[kind](name, data)
    named = AgencyFileName.parse(name)
    assert isinstance(named, Fault)
    return Reading(None, (named,), frozenset())
