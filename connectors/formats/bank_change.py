"""Changed answers as lines, bank to hub (更正), in the form that a profile's ``[change]`` gives them.

``H|CHANGE|1|<bank>|<date>``, a ``D`` line for each answer that is another now, and a ``T`` line with their count and sums:
a file of the grammar of results (contract sections 1 and 4), beside its ``.ok``.
"""

import re
from functools import partial
from operator import itemgetter
from typing import BinaryIO, Final

from connectors.formats.grammar import parse_compact_date, shown
from connectors.formats.line_file import LineFile
from connectors.formats.profile_file import Profile
from connectors.formats.profile_records import Form
from connectors.formats.sections import Frame, Layout
from hub.domain.changed_answers import ChangeLine, ChangesFile, check_changes
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.ports import Refused

SUMS: Final = ("deducted before", "deducted", *FUND_NAMES)
_READ: Final = ("batch no", "request line", "instruction id", "unit", *SUMS, "code", "bank reference", "reason")


class BankChanges:
    """The files of changes of one profile that has them."""

    def __init__(self, profile: Profile) -> None:
        assert profile.change is not None, f"profile {profile.name} has no file of changes"
        self.header: Final = Form(profile, "change.header")
        self.detail: Final = Form(profile, "change.detail")
        self.trailer: Final = Form(profile, "change.trailer")
        self._layout = Layout(self.header.record, self.detail.record, self.trailer.record, numbered=False)
        self._codes = profile.our_codes
        self._encoding = profile.encoding
        self._by_bytes = profile.fixed
        self._file = profile.change
        self._name = re.compile(profile.change.name_pattern, re.ASCII)
        self._fields = itemgetter(*map(self.detail.at, _READ))

    @property
    def forms(self) -> tuple[Form, ...]:
        return self.header, self.detail, self.trailer

    def claims(self, name: str) -> bool:
        """As for results: another bank's name or an unreal date is refused by ``parse``, and a person sees it."""
        return name.startswith(self._file.name_begins) and name.endswith(self._file.name_ends)

    def parse(self, name: str, bank: str, data: BinaryIO) -> ChangesFile | Refused:
        """The changes, complete and consistent in themselves, or every fault of the file."""
        faults: list[Fault] = []
        changes: list[ChangeLine] = []
        frame = Frame(self._layout, faults)
        frame.read(
            LineFile(data, self._encoding, faults, by_bytes=self._by_bytes), partial(self._take, changes, faults)
        )
        found = self._name.fullmatch(name)
        day = None if found is None else parse_compact_date(found["day"])
        if found is None or day is None or found["bank"] != bank:
            expected = f"{self._file.name.replace('<bank>', bank)} with a real date"
            faults.append(Fault(None, "file name", FaultCode.NAME, expected, shown(name)))
        elif frame.header is not None:
            for field, expected in (("bank", bank), ("date", day.isoformat())):
                said = frame.header[self.header.at(field)]
                if said != expected and (1, field) not in {(fault.line, fault.field) for fault in faults}:
                    faults.append(Fault(1, field, FaultCode.NAME, f"{expected} as in the file name", said))
        self._check_trailer(frame, changes, faults)
        if frame.trailer is not None and frame.details == 0:
            faults.append(Fault(None, "count", FaultCode.COUNT, "a changed answer", "none"))
        if faults or day is None:
            return Refused(in_file_order(faults))
        file = ChangesFile(bank, day, changes)
        doubled = check_changes(file)
        return Refused(doubled) if doubled else file

    def _take(
        self, changes: list[ChangeLine], faults: list[Fault], number: int, fields: tuple[str, ...], sound: bool
    ) -> None:
        batch_no, line, instruction_no, unit, *amounts, code, reference, reason = self._fields(fields)
        before, now, *split = map(self.detail.money, amounts)
        funds = [amount for amount in split if amount is not None]
        if not sound or before is None or now is None or len(funds) != len(FUND_NAMES):
            faults.extend(self.detail.record.faults(number, fields) if sound else ())
            return
        changes.append(
            ChangeLine(
                number, batch_no, int(line), InstructionNo(instruction_no), UnitNo(unit), before, now, FundAmounts(*funds),
                self._codes[code], reference, reason,
            )
        )  # fmt: skip

    def _check_trailer(self, frame: Frame, changes: list[ChangeLine], faults: list[Fault]) -> None:
        """The count and the sums of the ``T`` line; the sums only where every line could be read."""
        if frame.trailer is None:
            return
        form, number = self.trailer, frame.trailer_line
        at_fault = {fault.field for fault in form.record.faults(number, frame.trailer)}
        if "count" not in at_fault:
            frame.check_count(frame.trailer[form.at("count")], partial(form.printed, "count"))
        if len(changes) != frame.details:
            return
        rows = [(change.before, change.now, *change.split) for change in changes]
        for place, field in enumerate(SUMS):
            total = Fen(sum(row[place] for row in rows))
            declared = frame.trailer[form.at(field)]
            if field not in at_fault and form.money(declared) != total:
                faults.append(Fault(number, field, FaultCode.CONTROL_TOTAL, form.printed(field, total), declared))
