"""Results as pain.002.001.10, bank to hub (银行扣款结果, customer payment status report).

| of an answer | element |
|---|---|
| the bank's own number | ``GrpHdr/MsgId`` |
| date | the day of ``GrpHdr/CreDtTm``, which is that of the file's name |
| bank | ``GrpHdr/CdtrAgt/FinInstnId/Othr/Id`` |
| batch number | ``OrgnlGrpInfAndSts/OrgnlMsgId`` and ``OrgnlPmtInfAndSts/OrgnlPmtInfId`` |
| request file name | ``OrgnlGrpInfAndSts/StsRsnInf/AddtlInf`` |
| count, requested | ``OrgnlGrpInfAndSts/OrgnlNbOfTxs``, ``OrgnlCtrlSum``: of the request and so of the answer |
| count, deducted by status | ``OrgnlGrpInfAndSts/NbOfTxsPerSts`` of each: ``DtldNbOfTxs``, ``DtldSts``, ``DtldCtrlSum`` |
| the request's line | ``TxInfAndSts/OrgnlInstrId`` |
| instruction id | ``TxInfAndSts/OrgnlEndToEndId`` |
| code | ``TxInfAndSts/TxSts``: ``ACSC`` paid in full; ``PART`` or ``ACWC`` part; ``RJCT`` nothing, for ``StsRsnInf/Rsn/Cd`` |
| bank reference | ``TxInfAndSts/AcctSvcrRef``, may be missing |
| deducted, requested | ``TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt`` and ``…/Amt/InstdAmt`` |
| the split | ``…/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls``, four in statutory order: ``Id/Nb``, ``Amt/RmtdAmt`` |
| unit | ``…/OrgnlTxRef/Dbtr/Pty/Id/OrgId/Othr/Id`` |

The split is the bank's to tell, of every transaction, since the hub holds it against the statutory one (C9-2); an answer
without is refused. A result that passes is complete and agrees with itself. Whether it fits what was asked is told
elsewhere (``hub.domain.bank_results``), which needs the request.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import date
from functools import partial
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.column_file import DoubtError
from connectors.formats.grammar import (
    BANK_CODE,
    LINE,
    UNIT_NO,
    Column,
    amount,
    constant,
    count,
    one_of,
    parse_date,
    sum_of,
)
from connectors.formats.iso20022 import request
from connectors.formats.iso20022.document import HEAD, Document, Record
from connectors.formats.iso20022.elements import Message, group, leaf, money, nest
from connectors.formats.iso20022.names import (
    FUND_LINES,
    RESULT,
    check_name,
    check_origin,
    end_to_end_id,
    four_funds,
    funds_in_order,
    instruction_no_from,
    instruction_no_of,
    max_text,
    message_id,
    moment,
    reason,
    request_name_column,
    same_grammar,
)
from connectors.formats.iso20022.record_columns import PLACE, RecordColumns
from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART
from hub.domain.bank_results_columns import ANSWERS, answers_of
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FUND_NAMES
from hub.domain.money import Fen, parse_yuan, print_yuan
from hub.domain.money_columns import fen_of
from hub.ports import Refused, ResultFile

NAME: Final = "pain.002.001.10"
PAID, REJECTED = "ACSC", "RJCT"
PARTS: Final = ("PART", "ACWC")
STATUSES: Final = (PAID, *PARTS, REJECTED)
REASONS: Final = {
    "AM04": "02",  # insufficient funds
    "AC01": "03",  # incorrect account number
    "AC04": "03",  # closed account number
    "AC06": "04",  # blocked account
    "BE01": "05",  # inconsistent with end customer
    "MD01": "06",  # no mandate
}
"""The hub's code for ISO's reasons. Every other one of ISO's list is ``99``: nothing was deducted, a person may ask why."""
OTHER: Final = "99"

_ROWS_A_PART: Final = 10_000


def _status(path: str) -> Column:
    return one_of(path, STATUSES, FaultCode.CODE)


_BANK: Final = partial(same_grammar, BANK_CODE)
MESSAGE: Final = Message(
    NAME,
    group(
        "CstmrPmtStsRpt",
        group(
            "GrpHdr",
            leaf("MsgId", partial(max_text, longest=35)),
            leaf("CreDtTm", moment),
            nest("CdtrAgt/FinInstnId/Othr", leaf("Id", _BANK)),
        ),
        group(
            "OrgnlGrpInfAndSts",
            leaf("OrgnlMsgId", message_id),
            leaf("OrgnlMsgNmId", partial(constant, text=request.NAME)),
            leaf("OrgnlNbOfTxs", count),
            leaf("OrgnlCtrlSum", sum_of),
            nest("StsRsnInf", leaf("AddtlInf", request_name_column)),
            group(
                "NbOfTxsPerSts",
                leaf("DtldNbOfTxs", count),
                leaf("DtldSts", _status),
                leaf("DtldCtrlSum", sum_of),
                most=len(STATUSES),
            ),
        ),
        group(
            "OrgnlPmtInfAndSts",
            leaf("OrgnlPmtInfId", message_id),
            group(
                "TxInfAndSts",
                leaf("OrgnlInstrId", partial(same_grammar, LINE)),
                leaf("OrgnlEndToEndId", end_to_end_id),
                leaf("TxSts", _status),
                group("StsRsnInf", nest("Rsn", leaf("Cd", reason)), optional=True),
                leaf("AcctSvcrRef", partial(max_text, longest=35), optional=True),
                group(
                    "OrgnlTxRef",
                    money("IntrBkSttlmAmt", amount),
                    nest("Amt", money("InstdAmt", amount)),
                    four_funds("RmtdAmt"),
                    nest("Dbtr/Pty/Id/OrgId/Othr", leaf("Id", partial(same_grammar, UNIT_NO))),
                ),
            ),
        ),
    ),
    record="TxInfAndSts",
)

_TX: Final = "TxInfAndSts/"
_REASON_PATH: Final = f"{_TX}StsRsnInf/Rsn/Cd"
_REFERENCE: Final = f"{_TX}OrgnlTxRef/"
_FUND: Final = f"{_REFERENCE}RmtInf/Strd/RfrdDocInf/LineDtls/"
_GROUP: Final = "OrgnlGrpInfAndSts/"
_SHARES: Final = f"{_GROUP}NbOfTxsPerSts/"

_BY_COLUMNS: Final = RecordColumns(MESSAGE)
_STATUS_TEXT, _REASON_TEXT = pl.col(f"{_TX}TxSts"), pl.col(_REASON_PATH)
_ANSWER: Final = (
    (pl.col(PLACE) + HEAD + 1).cast(pl.Int32).alias("file_line"),
    pl.col(f"{_TX}OrgnlInstrId").cast(pl.Int32).alias("line"),
    instruction_no_from(pl.col(f"{_TX}OrgnlEndToEndId")).alias("instruction_no"),
    pl.col(f"{_REFERENCE}Dbtr/Pty/Id/OrgId/Othr/Id").alias("unit"),
    fen_of(pl.col(f"{_REFERENCE}Amt/InstdAmt")).alias("requested"),
    fen_of(pl.col(f"{_REFERENCE}IntrBkSttlmAmt")).alias("deducted"),
    *(
        fen_of(pl.col(f"{_FUND}Amt/RmtdAmt[{place}]")).alias(fund)
        for place, fund in enumerate(FUND_NAMES, start=1)
    ),
    pl.when(_STATUS_TEXT == PAID)
    .then(pl.lit(PAID_IN_FULL))
    .when(_STATUS_TEXT.is_in(PARTS))
    .then(pl.lit(PAID_IN_PART))
    .otherwise(_REASON_TEXT.replace_strict(REASONS, default=OTHER, return_dtype=pl.String))
    .alias("code"),
    pl.col(f"{_TX}AcctSvcrRef").fill_null("").alias("reference"),
)  # fmt: skip
"""An answer's columns out of the texts of transactions that keep their grammar."""
_AGREES: Final = (
    *funds_in_order(_FUND),
    (_STATUS_TEXT != REJECTED) | _REASON_TEXT.is_not_null(),
    (_STATUS_TEXT != PAID) | _REASON_TEXT.is_null(),
)
"""What ``_Reading.take`` demands of a transaction beyond its grammar."""

_Row = tuple[int | str, ...]


def parse_result(name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
    """A bank's answer that is complete and consistent in itself, or every fault of it.

    Reads ``data`` as a stream by columns and, when the message is in any doubt, once more by its elements.
    """
    start = data.tell()
    try:
        return read_columns(name, bank, data)
    except DoubtError:
        data.seek(start)
        return read_elements(name, bank, data)


def read_columns(name: str, bank: str, data: BinaryIO) -> ResultFile:
    """The message by columns; DoubtError unless ``read_elements`` would certainly find no fault in it."""
    texts: dict[str, list[str]] = {}
    totals, parts = _Totals(), [answers_of(())]
    for part in _BY_COLUMNS.read(data, texts):
        if part.select(pl.all_horizontal(_AGREES).all(ignore_nulls=False)).item() is not True:
            raise DoubtError("not the four funds, or a reason where none is")
        answers = part.select(_ANSWER)
        totals.add_columns(part[f"{_TX}TxSts"], answers)
        # Polars' texts are views of what they were cut from: without texts of their own, they would keep the whole file.
        own = (pl.concat_str(pl.col(name), pl.lit("")) for name in ("instruction_no", "unit", "reference", "code"))
        parts.append(answers.sort("file_line").with_columns(own))
    answers = pl.concat(parts)
    head, faults = {path: found[0] for path, found in texts.items()}, list[Fault]()
    _check_head(name, bank, head, faults)
    totals.check(head, texts, faults)
    if faults or answers["line"].n_unique() != len(answers):
        raise DoubtError("the head is in doubt, or a line is answered twice")
    return _file_of(bank, head, answers)


def read_elements(name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
    """The message by its elements, which tell every fault."""
    faults: list[Fault] = []
    document, reading = Document(MESSAGE, faults), _Reading(faults)
    for record in document.records(data):
        reading.take(record)
    head = {path: texts[0] for path, texts in document.head.items()}
    broken = {fault.field for fault in faults if fault.line == HEAD}
    good = {path: text for path, text in head.items() if path not in broken}
    _check_head(name, bank, good, faults)
    if document.whole:
        reading.totals.check(good, document.head, faults, broken, sums=not reading.unsound)
    if f"{_GROUP}OrgnlMsgId" not in good:
        return Refused(in_file_order(faults))
    file = _file_of(bank, good, reading.answers())
    if not faults:
        return file
    return Refused(in_file_order(faults), readable=file if file.request_name else None)


def _file_of(bank: str, head: Mapping[str, str], answers: pl.DataFrame) -> ResultFile:
    """The answer, as far as its head could be read; the batch could."""
    on = parse_date(head.get("GrpHdr/CreDtTm", "")[:10]) or date.min
    return ResultFile(bank, head[f"{_GROUP}OrgnlMsgId"], head.get(f"{_GROUP}StsRsnInf/AddtlInf", ""), on, answers)


class _Totals:
    """What the transactions of one answer add up to, in fen, and by their status."""

    def __init__(self) -> None:
        self._requested = 0
        self._shares: dict[str, tuple[int, int]] = {}  # status → count, deducted
        self.unread = 0
        """Transactions that are there but cannot be read."""

    def add(self, status: str, number: int, requested: int, deducted: int) -> None:
        count_before, deducted_before = self._shares.get(status, (0, 0))
        self._shares[status] = (count_before + number, deducted_before + deducted)
        self._requested += requested

    def add_columns(self, statuses: pl.Series, answers: pl.DataFrame) -> None:
        sums = answers.group_by(statuses).agg(pl.len(), pl.col("requested", "deducted").cast(pl.Int128).sum())
        for status, number, requested, deducted in sums.iter_rows():
            self.add(status, number, requested, deducted)

    def check(
        self,
        head: Mapping[str, str],
        texts: Mapping[str, Sequence[str]],
        faults: list[Fault],
        broken: Set[str] = frozenset(),
        *,
        sums: bool = True,
    ) -> None:
        """The counts and sums of the head, each as far as it and the transactions (``sums``) could be read."""
        transactions = self.unread + sum(number for number, _ in self._shares.values())
        _compare(head, f"{_GROUP}OrgnlNbOfTxs", FaultCode.COUNT, str(transactions), faults)
        if not sums:
            return
        _compare(head, f"{_GROUP}OrgnlCtrlSum", FaultCode.CONTROL_TOTAL, print_yuan(Fen(self._requested)), faults)
        if any(field.startswith(_SHARES.rstrip("/")) for field in broken):
            return
        said: dict[str, tuple[str, str]] = {}
        columns = (texts.get(f"{_SHARES}{each}", []) for each in ("DtldSts", "DtldNbOfTxs", "DtldCtrlSum"))
        for status, number, deducted in zip(*columns, strict=True):
            if status in said:
                faults.append(Fault(HEAD, f"{_SHARES}DtldSts", FaultCode.DUPLICATE, "each status once", status))
            said[status] = (number, deducted)
        for status in {**said, **self._shares}:
            number_of, sum_of_status = self._shares.get(status, (0, 0))
            expected = (str(number_of), print_yuan(Fen(sum_of_status)))
            found = said.get(status, ("0", "0.00"))
            for field, code, wanted, given in (
                ("DtldNbOfTxs", FaultCode.COUNT, expected[0], found[0]),
                ("DtldCtrlSum", FaultCode.CONTROL_TOTAL, expected[1], found[1]),
            ):
                if wanted != given:
                    faults.append(Fault(HEAD, f"{_SHARES}{field}", code, f"{wanted} of {status}", given))


def _compare(head: Mapping[str, str], field: str, code: FaultCode, expected: str, faults: list[Fault]) -> None:
    if head.get(field, expected) != expected:
        faults.append(Fault(HEAD, field, code, expected, head[field]))


class _Reading:
    """The transactions of one answer, element by element."""

    def __init__(self, faults: list[Fault]) -> None:
        self.totals = _Totals()
        self.unsound = False
        self._faults = faults
        self._rows: list[_Row] = []
        self._parts: list[pl.DataFrame] = [answers_of(())]
        self._places: dict[str, int] = {}  # request line → line of this file

    def take(self, record: Record) -> None:
        """Takes a transaction; one at fault is counted, and its request line noted as answered."""
        texts = record.texts
        place = texts.get(f"{_TX}OrgnlInstrId", ("",))[0]
        first = self._places.setdefault(place, record.line)
        if first != record.line and place:
            expected = f"a request line not answered in line {first} already"
            self._note(record.line, f"{_TX}OrgnlInstrId", FaultCode.DUPLICATE, expected, place)
        if not record.sound:
            self.unsound = True
            self.totals.unread += 1
            return
        status, names = texts[f"{_TX}TxSts"][0], tuple(texts[f"{_FUND}Id/Nb"])
        requested = _fen(texts[f"{_REFERENCE}Amt/InstdAmt"][0])
        deducted = _fen(texts[f"{_REFERENCE}IntrBkSttlmAmt"][0])
        why = texts.get(_REASON_PATH, ("",))[0]
        if names != FUND_LINES:
            self._note(record.line, f"{_FUND}Id/Nb", FaultCode.GRAMMAR, ", ".join(FUND_LINES), ", ".join(names))
        if status == REJECTED and not why:
            self._note(record.line, _REASON_PATH, FaultCode.COLUMNS, f"the reason of {REJECTED}", "")
        if status == PAID and why:
            self._note(record.line, _REASON_PATH, FaultCode.CODE, f"no reason with {PAID}", why)
        self.totals.add(status, 1, requested, deducted)
        if names == FUND_LINES:
            split = map(_fen, texts[f"{_FUND}Amt/RmtdAmt"])
            self._keep(record, (requested, deducted, *split), _code_of(status, why))

    def _keep(self, record: Record, amounts: tuple[int, ...], code: str) -> None:
        texts = record.texts
        self._rows.append(
            (
                record.line,
                int(texts[f"{_TX}OrgnlInstrId"][0]),
                instruction_no_of(texts[f"{_TX}OrgnlEndToEndId"][0]),
                texts[f"{_REFERENCE}Dbtr/Pty/Id/OrgId/Othr/Id"][0],
                *amounts,
                code,
                texts.get(f"{_TX}AcctSvcrRef", ("",))[0],
            )
        )
        if len(self._rows) == _ROWS_A_PART:
            self._put_by()

    def _put_by(self) -> None:
        self._parts.append(pl.DataFrame(self._rows, schema=dict(ANSWERS), orient="row"))
        self._rows = []

    def answers(self) -> pl.DataFrame:
        """The transactions that could be read, in the order of the file."""
        self._put_by()
        return pl.concat(self._parts)

    def _note(self, line: int, field: str, code: FaultCode, expected: str, found: str) -> None:
        self._faults.append(Fault(line, field, code, expected, found))


def _fen(text: str) -> Fen:
    """An amount of a sound transaction."""
    fen = parse_yuan(text)
    assert fen is not None, "the amounts of a sound transaction have passed their grammar"
    return fen


def _code_of(status: str, why: str) -> str:
    """The hub's code (contract section 4) for a status and its reason."""
    if status == PAID:
        return PAID_IN_FULL
    return PAID_IN_PART if status in PARTS else REASONS.get(why, OTHER)


def _check_head(name: str, bank: str, head: dict[str, str], faults: list[Fault]) -> None:
    """The file's name, and the head against it, the bank it came from and itself."""
    named = check_name(name, RESULT, bank, faults)
    check_origin(named, bank, head, faults)
    batch_no = head.get(f"{_GROUP}OrgnlMsgId")
    payment = head.get("OrgnlPmtInfAndSts/OrgnlPmtInfId")
    if batch_no is not None and payment is not None and payment != batch_no:
        faults.append(Fault(HEAD, "OrgnlPmtInfAndSts/OrgnlPmtInfId", FaultCode.MISMATCH, batch_no, payment))
