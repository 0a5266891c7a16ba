"""Makes an agency's second-collection file out of the dunning list; handed in, it comes through the door every file comes by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from connectors.formats.second_collection import print_again
from hub.app.wiring import Hub
from hub.domain.dues import Mode
from hub.domain.dunning import DunningState
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.ids import AgencyCode, UnitNo
from hub.domain.periods import Period
from hub.domain.second_collection import AgainFile, AgainHeader, AgainLine, check_again
from hub.ledger import clock, dunning, files
from hub.ledger.dunning import Dunned
from hub.processors import take_in_second_collection

NUMBERS = 9999
"""A file's number has four digits."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was written, with its units; or why not."""

    path: Path | None
    units: int
    faults: Sequence[Fault] = ()


def make_file(
    hub: Hub,
    *,
    agency: str,
    period: Period,
    mode: Mode,
    pay_on: date,
    units: Collection[str],
    codes: Collection[str],
    into: Path,
) -> Made:
    """Writes ``AGAIN_…`` under the next number that is free, in the books and in the folder; nothing is handed in.

    ``units``: these, as the agency says; else everybody who is to be dunned and may pay in this mode, with one of
    ``codes`` as the bank's last answer when some are named. What the door would refuse is refused here, by the door's own rule.
    """
    with hub.engine.connect() as conn:
        chosen = list(units) or [
            each.unit for each in dunning.listed(conn, period, agency) if _wanted(each, mode, codes)
        ]
    with hub.engine.connect() as conn:
        number = _free_number(conn, agency, period, into)
        now = clock.now(conn)
        lines = [AgainLine(place, UnitNo(unit), mode, pay_on) for place, unit in enumerate(chosen, start=1)]
        file = AgainFile(AgainHeader(AgencyCode(agency), period, f"{number:04d}", now.date()), lines)
        faults = [*check_again(file), *take_in_second_collection.check(conn, file, hub.parties, now)]
        if not lines:
            faults.append(
                Fault(None, "unit", FaultCode.UNKNOWN_UNIT, f"a unit to be dunned that may pay by {mode.value}", "")
            )
        if faults:
            return Made(None, len(lines), faults)
    path = into / _name(agency, period, number)
    try:
        with path.open("xb") as out:
            out.write(print_again(file))
    except OSError as refused:
        raise HubError(f"Cannot write {path}: {refused.strerror}.", advice="Name a folder with --into.") from refused
    return Made(path, len(lines))


def _wanted(each: Dunned, mode: Mode, codes: Collection[str]) -> bool:
    may_pay_so = mode is Mode.SPORADIC or each.mode is Mode.BANK
    return each.state is DunningState.TO_DUN and may_pay_so and (not codes or each.code in codes)


def _name(agency: str, period: Period, number: int) -> str:
    return f"AGAIN_{agency}_{period}_{number:04d}.txt"


def _free_number(conn: Connection, agency: str, period: Period, into: Path) -> int:
    """The number after the last one taken: by a file accepted, or by one that lies in the folder."""
    identity = take_in_second_collection.identity(AgainHeader(AgencyCode(agency), period, "", date.min))
    taken = [int(each.rpartition("/")[2]) for each in files.identities_under(conn, identity)]
    lying = [
        int(path.stem.rpartition("_")[2]) for path in into.glob(f"AGAIN_{agency}_{period}_[0-9][0-9][0-9][0-9].txt")
    ]
    number = max([*taken, *lying], default=0) + 1
    if number > NUMBERS:
        raise HubError(
            f"{agency} has used up its numbers for {period}.", advice="Move files that were not handed in away."
        )
    return number
