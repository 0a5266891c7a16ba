"""Returns after success as camt.054.001.08, bank to hub (退回, bank to customer debit credit notification).

A bank that has to give back what it had deducted books it against the city's account and says so here: its answer is
another from then on, nothing deducted, which is how the hub takes it in (``parse_changes``).

| of a return | element |
|---|---|
| the bank's own number | ``GrpHdr/MsgId`` |
| date | the day of ``GrpHdr/CreDtTm``, which is that of the file's name |
| bank | ``Ntfctn/Acct/Svcr/FinInstnId/Othr/Id`` |
| count, total | ``Ntfctn/TxsSummry/TtlDbtNtries``: ``NbOfNtries``, ``Sum`` |
| amount, booked on | ``Ntry/Amt``, a ``DBIT`` that reverses and is ``BOOK``ed, and ``Ntry/BookgDt/Dt`` |
| bank reference | ``Ntry/AcctSvcrRef``, may be missing |
| batch number, instruction id | ``Ntry/NtryDtls/TxDtls/Refs``: ``MsgId``, ``EndToEndId`` |
| the four funds | ``…/TxDtls/RmtInf/Strd/RfrdDocInf/LineDtls``, four in statutory order: ``Id/Nb``, ``Amt/RmtdAmt`` |
| reason | ``…/TxDtls/RtrInf/Rsn/Cd`` |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import BinaryIO, Final, NamedTuple

from connectors.formats.grammar import BANK_CODE, amount, constant, count, day, one_of, parse_date, sum_of
from connectors.formats.iso20022.document import HEAD, Document, Record
from connectors.formats.iso20022.elements import Message, group, leaf, money, nest
from connectors.formats.iso20022.names import (
    FUND_LINES,
    NOTIFICATION,
    check_name,
    check_origin,
    end_to_end_id,
    instruction_no_of,
    max_text,
    message_id,
    moment,
    reason,
    same_grammar,
)
from hub.domain.changed_answers import ChangeLine, ChangesFile, check_changes
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.ids import InstructionNo
from hub.domain.money import ZERO, Fen, parse_yuan, print_yuan
from hub.ports import Refused

NAME: Final = "camt.054.001.08"
RETURNED: Final = "PMNT-RDDT-RTRN"
"""``BkTxCd/Prtry/Cd``: a direct debit given back."""

_DEBIT: Final = partial(constant, text="DBIT", code=FaultCode.KIND)
_BANK_PATH: Final = "Ntfctn/Acct/Svcr/FinInstnId/Othr/Id"
_TOTALS: Final = "Ntfctn/TxsSummry/TtlDbtNtries/"

MESSAGE: Final = Message(
    NAME,
    group(
        "BkToCstmrDbtCdtNtfctn",
        group("GrpHdr", leaf("MsgId", partial(max_text, longest=35)), leaf("CreDtTm", moment)),
        group(
            "Ntfctn",
            leaf("Id", partial(max_text, longest=35)),
            group(
                "Acct",
                nest("Id/Othr", leaf("Id", partial(max_text, longest=34))),
                nest("Svcr/FinInstnId/Othr", leaf("Id", partial(same_grammar, BANK_CODE))),
            ),
            nest("TxsSummry/TtlDbtNtries", leaf("NbOfNtries", count), leaf("Sum", sum_of)),
            group(
                "Ntry",
                money("Amt", amount),
                leaf("CdtDbtInd", _DEBIT),
                leaf("RvslInd", partial(one_of, texts=("true", "1"), code=FaultCode.KIND)),
                nest("Sts", leaf("Cd", partial(constant, text="BOOK", code=FaultCode.KIND))),
                nest("BookgDt", leaf("Dt", day)),
                leaf("AcctSvcrRef", partial(max_text, longest=35), optional=True),
                nest("BkTxCd/Prtry", leaf("Cd", partial(constant, text=RETURNED, code=FaultCode.KIND))),
                nest(
                    "NtryDtls/TxDtls",
                    group("Refs", leaf("MsgId", message_id), leaf("EndToEndId", end_to_end_id)),
                    nest(
                        "RmtInf/Strd/RfrdDocInf",
                        group(
                            "LineDtls",
                            nest("Id", leaf("Nb", partial(one_of, texts=FUND_LINES, code=FaultCode.GRAMMAR))),
                            nest("Amt", money("RmtdAmt", amount)),
                            most=len(FUND_LINES),
                        ),
                    ),
                    nest("RtrInf/Rsn", leaf("Cd", reason)),
                ),
            ),
        ),
    ),
    record="Ntry",
)

_DETAILS: Final = "Ntry/NtryDtls/TxDtls/"
_FUND: Final = f"{_DETAILS}RmtInf/Strd/RfrdDocInf/LineDtls/"


class LateReturn(NamedTuple):
    """What a bank gives back of one instruction that had succeeded. ``line`` is where it stands in the file."""

    line: int
    batch_no: str
    instruction_no: InstructionNo
    amounts: FundAmounts
    reason: str
    booked_on: date
    reference: str


@dataclass(frozen=True, slots=True)
class LateReturns:
    """A file of returns, complete and consistent in itself; not held against the books."""

    bank: str
    date: date
    returns: Sequence[LateReturn]

    @property
    def total(self) -> Fen:
        return Fen(sum(each.amounts.total for each in self.returns))


UNPAID: Final = "99"
"""The contract's code of an answer that deducts nothing for another reason; the message's own reason is kept beside it."""


def parse_changes(name: str, bank: str, data: BinaryIO) -> ChangesFile | Refused:
    """The returns as changed answers: what was deducted before is the amount given back, and now it is nothing.

    So a return of less than the whole is at fault against the books, which know what had been deducted.
    """
    outcome = parse_returns(name, bank, data)
    if isinstance(outcome, Refused):
        return outcome
    changes = [
        ChangeLine(
            each.line, each.batch_no, None, each.instruction_no, None, each.amounts.total, ZERO, NOTHING, UNPAID,
            each.reference, each.reason,
        )
        for each in outcome.returns
    ]  # fmt: skip
    file = ChangesFile(bank, outcome.date, changes)
    doubled = check_changes(file)
    return Refused(doubled) if doubled else file


def parse_returns(name: str, bank: str, data: BinaryIO) -> LateReturns | Refused:
    """A bank's returns that are complete and consistent in themselves, or every fault of the file."""
    faults: list[Fault] = []
    returns: list[LateReturn] = []
    entries, total, sound = 0, 0, True
    document = Document(MESSAGE, faults)
    for record in document.records(data):
        entries += 1
        sound = sound and record.sound
        if record.sound:
            total += parse_yuan(record.texts["Ntry/Amt"][0]) or 0
            returns += _return_of(record, faults)
    broken = {fault.field for fault in faults if fault.line == HEAD}
    head = {path: texts[0] for path, texts in document.head.items() if path not in broken}
    named = check_name(name, NOTIFICATION, bank, faults)
    check_origin(named, bank, head, faults, bank_path=_BANK_PATH)
    declared = [(f"{_TOTALS}NbOfNtries", FaultCode.COUNT, str(entries))]
    if sound:
        declared.append((f"{_TOTALS}Sum", FaultCode.CONTROL_TOTAL, print_yuan(Fen(total))))
    for field, code, expected in declared if document.whole else ():
        if head.get(field, expected) != expected:
            faults.append(Fault(HEAD, field, code, expected, head[field]))
    if faults:
        return Refused(in_file_order(faults))
    on = parse_date(head["GrpHdr/CreDtTm"][:10])
    assert on is not None, "the day has passed its grammar"
    return LateReturns(bank, on, returns)


def _return_of(record: Record, faults: list[Fault]) -> list[LateReturn]:
    """The return of a sound entry; none, and a fault, when its funds are not the four or do not add up."""
    texts = record.texts
    names = tuple(texts[f"{_FUND}Id/Nb"])
    if names != FUND_LINES:
        expected, found = ", ".join(FUND_LINES), ", ".join(names)
        faults.append(Fault(record.line, f"{_FUND}Id/Nb", FaultCode.GRAMMAR, expected, found))
        return []
    split = FundAmounts(*(Fen(parse_yuan(text) or 0) for text in texts[f"{_FUND}Amt/RmtdAmt"]))
    whole, booked_on = parse_yuan(texts["Ntry/Amt"][0]), parse_date(texts["Ntry/BookgDt/Dt"][0])
    assert whole is not None and booked_on is not None, "amount and day have passed their grammar"
    if not split.total == whole > 0:
        expected = f"{print_yuan(split.total)}, the sum of its funds, more than 0.00"
        faults.append(Fault(record.line, "Ntry/Amt", FaultCode.SUM, expected, print_yuan(whole)))
        return []
    number = InstructionNo(instruction_no_of(texts[f"{_DETAILS}Refs/EndToEndId"][0]))
    reference = texts.get("Ntry/AcctSvcrRef", ("",))[0]
    return [
        LateReturn(
            record.line,
            texts[f"{_DETAILS}Refs/MsgId"][0],
            number,
            split,
            texts[f"{_DETAILS}RtrInf/Rsn/Cd"][0],
            booked_on,
            reference,
        )
    ]
