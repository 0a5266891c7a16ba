"""Deduction requests as pain.008.001.08, hub to bank (银行扣款数据, customer direct debit initiation).

| of a request | element |
|---|---|
| batch number | ``GrpHdr/MsgId`` and ``PmtInf/PmtInfId``: a file is one payment |
| count, total | ``NbOfTxs`` and ``CtrlSum``, of ``GrpHdr`` and of ``PmtInf`` |
| business date | ``PmtInf/ReqdColltnDt``, and the day of ``GrpHdr/CreDtTm`` |
| period and round | ``PmtInf/PmtTpInf/CtgyPurp/Prtry``: ``<period>-<round>`` |
| bank | ``PmtInf/CdtrAgt`` and each line's ``DbtrAgt``, ``FinInstnId/Othr/Id`` |
| line | ``DrctDbtTxInf/PmtId/InstrId`` |
| instruction id | ``DrctDbtTxInf/PmtId/EndToEndId`` (``names`` on ids that are too long) |
| total of the line | ``DrctDbtTxInf/InstdAmt`` |
| account name, unit | ``DrctDbtTxInf/Dbtr/Nm`` and ``…/Id/OrgId/Othr/Id`` |
| account | ``DrctDbtTxInf/DbtrAcct/Id/Othr/Id`` |
| whether part may be deducted | ``DrctDbtTxInf/InstrForCdtrAgt``: ``PART`` or ``FULL`` |
| the four funds | ``DrctDbtTxInf/RmtInf/Strd/RfrdDocInf/LineDtls``, four in statutory order: ``Id/Nb``, ``Amt/DuePyblAmt`` |

A line of the request is a line of the file, the first behind the head. The count and the total of the head are known
when the lines are written, so the lines wait in a spool, which is on disk when it is large.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

import polars as pl

from connectors.formats.column_file import DoubtError
from connectors.formats.grammar import (
    ACCOUNT_NO,
    BANK_CODE,
    LINE,
    UNIT_NO,
    Column,
    amount,
    constant,
    count,
    day,
    one_of,
    parse_date,
    sum_of,
    text,
)
from connectors.formats.iso20022.document import Document, Record
from connectors.formats.iso20022.elements import CURRENCY, NAMESPACE, Message, group, leaf, money, nest
from connectors.formats.iso20022.names import (
    FUND_LINES,
    PROVIDED_NOWHERE,
    end_to_end_id,
    end_to_end_id_of,
    four_funds,
    funds_in_order,
    instruction_no_from,
    instruction_no_of,
    max_text,
    message_id,
    same_grammar,
)
from connectors.formats.iso20022.record_columns import PLACE, RecordColumns
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import MAX_AMOUNT, Fen, parse_yuan, print_yuan
from hub.domain.money_columns import added_up, fen_of, yuan_of
from hub.domain.periods import Period
from hub.domain.reconciliation import HASH_TOTAL_MODULUS, HASHED_DIGITS, NO_LINES, ControlTotals
from hub.ports import BatchHeader, RequestLine, WrittenTotals

NAME: Final = "pain.008.001.08"
PART, FULL = "PART", "FULL"
LONGEST_NAME: Final = 140
"""Characters of ``Dbtr/Nm``."""

_LINES_A_PART: Final = 10_000  # written in one go
_SPOOL_BYTES: Final = 16 << 20  # kept in memory
_COPIED_BYTES: Final = 1 << 20


def _fixed(text: str) -> partial[Column]:
    return partial(constant, text=text)


def _purpose(path: str) -> Column:
    return Column(path, r"[0-9]{4}-[0-9]{2}-[12]", "<period>-<round>", value=lambda text: Period.parse(text[:-2]))


def _moment(path: str) -> Column:
    return Column(
        path, r"[0-9-]{10}T00:00:00", "the day, at T00:00:00", FaultCode.DATE, lambda text: parse_date(text[:10])
    )


_BANK: Final = partial(same_grammar, BANK_CODE)
_NOWHERE: Final = _fixed(PROVIDED_NOWHERE)

MESSAGE: Final = Message(
    NAME,
    group(
        "CstmrDrctDbtInitn",
        group(
            "GrpHdr",
            leaf("MsgId", message_id),
            leaf("CreDtTm", _moment),
            leaf("NbOfTxs", count),
            leaf("CtrlSum", sum_of),
            nest("InitgPty", leaf("Nm", _NOWHERE)),
        ),
        group(
            "PmtInf",
            leaf("PmtInfId", message_id),
            leaf("PmtMtd", _fixed("DD")),
            leaf("NbOfTxs", count),
            leaf("CtrlSum", sum_of),
            nest("PmtTpInf/CtgyPurp", leaf("Prtry", _purpose)),
            leaf("ReqdColltnDt", day),
            nest("Cdtr", leaf("Nm", _NOWHERE)),
            nest("CdtrAcct/Id/Othr", leaf("Id", _NOWHERE)),
            nest("CdtrAgt/FinInstnId/Othr", leaf("Id", _BANK)),
            group(
                "DrctDbtTxInf",
                group(
                    "PmtId",
                    leaf("InstrId", partial(same_grammar, LINE)),
                    leaf("EndToEndId", end_to_end_id),
                ),
                money("InstdAmt", amount),
                nest("DbtrAgt/FinInstnId/Othr", leaf("Id", _BANK)),
                group(
                    "Dbtr",
                    leaf("Nm", partial(max_text, longest=LONGEST_NAME)),
                    nest("Id/OrgId/Othr", leaf("Id", partial(same_grammar, UNIT_NO))),
                ),
                nest("DbtrAcct/Id/Othr", leaf("Id", partial(same_grammar, ACCOUNT_NO))),
                leaf("InstrForCdtrAgt", partial(one_of, texts=(PART, FULL), code=FaultCode.GRAMMAR)),
                four_funds("DuePyblAmt"),
            ),
        ),
    ),
    record="DrctDbtTxInf",
)

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{namespace}"><CstmrDrctDbtInitn>'
    "<GrpHdr><MsgId>{batch_no}</MsgId><CreDtTm>{day}T00:00:00</CreDtTm><NbOfTxs>{count}</NbOfTxs>"
    "<CtrlSum>{total}</CtrlSum><InitgPty><Nm>{nowhere}</Nm></InitgPty></GrpHdr>"
    "<PmtInf><PmtInfId>{batch_no}</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    "<PmtTpInf><CtgyPurp><Prtry>{period}-{round}</Prtry></CtgyPurp></PmtTpInf><ReqdColltnDt>{day}</ReqdColltnDt>"
    "<Cdtr><Nm>{nowhere}</Nm></Cdtr><CdtrAcct><Id><Othr><Id>{nowhere}</Id></Othr></Id></CdtrAcct>"
    "<CdtrAgt><FinInstnId><Othr><Id>{bank}</Id></Othr></FinInstnId></CdtrAgt>\n"
)
_TAIL: Final = "</PmtInf></CstmrDrctDbtInitn></Document>\n"

_TEXTS_OF_LINES: Final = (
    ("instruction_no", r"\A[A-Z0-9-]{1,34}-[12]\z"),
    ("unit", rf"\A{UNIT_NO.pattern}\z"),
    ("account", rf"\A{ACCOUNT_NO.pattern}\z"),
    ("account_name", rf"\A{text('account name').pattern}\z"),
)


_ID, _AGENT = "DrctDbtTxInf/PmtId/", "DrctDbtTxInf/DbtrAgt/FinInstnId/Othr/Id"
_FUND: Final = "DrctDbtTxInf/RmtInf/Strd/RfrdDocInf/LineDtls/"
_BY_COLUMNS: Final = RecordColumns(MESSAGE)
_LINE: Final = (
    pl.col(f"{_ID}InstrId").cast(pl.Int64).alias("line"),
    instruction_no_from(pl.col(f"{_ID}EndToEndId")).alias("instruction_no"),
    pl.col("DrctDbtTxInf/Dbtr/Id/OrgId/Othr/Id").alias("unit"),
    pl.col("DrctDbtTxInf/DbtrAcct/Id/Othr/Id").alias("account"),
    pl.col("DrctDbtTxInf/Dbtr/Nm").alias("account_name"),
    *(fen_of(pl.col(f"{_FUND}Amt/DuePyblAmt[{place}]")).alias(fund) for place, fund in enumerate(FUND_NAMES, start=1)),
    (pl.col("DrctDbtTxInf/InstrForCdtrAgt") == PART).alias("partial"),
)
"""A line out of the texts of a record that keeps its grammar."""
_AGREES: Final = (
    *funds_in_order(_FUND),
    pl.col(f"{_ID}InstrId").cast(pl.Int64) == pl.col(PLACE) + 1,
    fen_of(pl.col("DrctDbtTxInf/InstdAmt")) == pl.sum_horizontal(each for each in _LINE[5:9]),
)
"""What ``_line`` demands of a record beyond its grammar, but for the bank."""


class UnwritableRequestError(HubError):
    """A line does not fit into a message of ISO 20022."""

    def __init__(self, place: int, what: str) -> None:
        super().__init__(
            f"line {place} of the request cannot be written as {NAME}: {what}",
            advice="the agency files the bill again with what fits, or the bank's profile is changed in hub.toml",
        )


class UnreadableDocumentError(HubError):
    """A bank request of ours cannot be read back."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__(
            f"the request file differs from {NAME} as we write it: {'; '.join(fault.message for fault in faults)}",
            advice="compare the file with the archive: hub verify",
        )


def write_request(header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
    """Writes a request and returns the control totals of what was written (财表七).

    The lines must be numbered from 1 and be as the agency door lets them in; anything else is a broken assumption. What
    the door lets in and ISO 20022 has no room for is an UnwritableRequestError: nothing is cut or replaced.
    """
    assert message_id("batch no").fault(1, header.batch_no) is None, header
    assert Period.parse(header.period) is not None and header.round in (1, 2), header
    totals, hashed = NO_LINES, 0
    line_of = _line_of(header.bank)
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        for part in (piece for each in parts for piece in each.iter_slices(_LINES_A_PART)):
            _check_lines(part, totals.count)
            lines = part.select(line_of)["line"]
            spool.write(lines.str.join("\n").cast(pl.Binary).item())
            spool.write(b"\n")
            totals = totals.plus(ControlTotals(len(part), FundAmounts(*(added_up(part[fund]) for fund in FUND_NAMES))))
            hashed = (hashed + added_up(part["account"].str.tail(HASHED_DIGITS).cast(pl.Int64))) % HASH_TOTAL_MODULUS
        assert totals.count, "a file asks something of the bank"
        head = _HEAD.format(
            namespace=NAMESPACE + NAME,
            batch_no=header.batch_no,
            day=header.business_date.isoformat(),
            count=totals.count,
            total=print_yuan(totals.total),
            nowhere=PROVIDED_NOWHERE,
            period=header.period,
            round=header.round,
            bank=header.bank,
        )
        out.write(head.encode("ascii"))
        spool.seek(0)
        shutil.copyfileobj(cast(BinaryIO, spool), out, _COPIED_BYTES)
    out.write(_TAIL.encode("ascii"))
    return WrittenTotals(totals.count, totals.amounts, totals.total, hashed)


def _line_of(bank: str) -> pl.Expr:
    """The ``DrctDbtTxInf`` of a request line, without its LF. All but the name is of signs that XML takes as they are."""
    assert BANK_CODE.fault(1, bank) is None, bank
    funds = [
        part
        for fund, name in zip(FUND_NAMES, FUND_LINES, strict=True)
        for part in (
            pl.lit(f'<LineDtls><Id><Nb>{name}</Nb></Id><Amt><DuePyblAmt Ccy="{CURRENCY}">'),
            yuan_of(pl.col(fund)),
            pl.lit("</DuePyblAmt></Amt></LineDtls>"),
        )
    ]
    return pl.concat_str(
        pl.lit("<DrctDbtTxInf><PmtId><InstrId>"),
        pl.col("line").cast(pl.String),
        pl.lit("</InstrId><EndToEndId>"),
        end_to_end_id_of(pl.col("instruction_no")),
        pl.lit(f'</EndToEndId></PmtId><InstdAmt Ccy="{CURRENCY}">'),
        yuan_of(pl.sum_horizontal(FUND_NAMES)),
        pl.lit(f"</InstdAmt><DbtrAgt><FinInstnId><Othr><Id>{bank}</Id></Othr></FinInstnId></DbtrAgt><Dbtr><Nm>"),
        pl.col("account_name").str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"]),
        pl.lit("</Nm><Id><OrgId><Othr><Id>"),
        pl.col("unit"),
        pl.lit("</Id></Othr></OrgId></Id></Dbtr><DbtrAcct><Id><Othr><Id>"),
        pl.col("account"),
        pl.lit("</Id></Othr></Id></DbtrAcct><InstrForCdtrAgt>"),
        pl.when("partial").then(pl.lit(PART)).otherwise(pl.lit(FULL)),
        pl.lit("</InstrForCdtrAgt><RmtInf><Strd><RfrdDocInf>"),
        *funds,
        pl.lit("</RfrdDocInf></Strd></RmtInf></DrctDbtTxInf>"),
    ).alias("line")


def _check_lines(part: pl.DataFrame, before: int) -> None:
    """The grammar of the lines, which the doors have seen to, then what ISO 20022 has no room for."""
    in_range = (pl.col(fund).is_between(0, MAX_AMOUNT) for fund in FUND_NAMES)
    good = part.select(
        pl.all_horizontal(
            pl.col("line") == pl.int_range(before + 1, before + len(part) + 1, eager=True),
            *(pl.col(name).str.contains(pattern) for name, pattern in _TEXTS_OF_LINES),
            *in_range,
            pl.sum_horizontal(FUND_NAMES) <= MAX_AMOUNT,
            pl.col("partial").is_not_null(),
        )
    ).to_series()
    assert good.all(ignore_nulls=False) is True, f"not line {before + _first_false(good) + 1} of a request"
    names = part["account_name"]
    for what, fits in (
        (f"an account name has at most {LONGEST_NAME} characters", names.str.len_chars() <= LONGEST_NAME),
        ("XML has no U+FFFE and no U+FFFF", ~names.str.contains("[\ufffe\uffff]")),
        (
            "an instruction id has at most 35 characters, or 36 of a bill id that does not end in a hyphen",
            part.select(end_to_end_id_of(pl.col("instruction_no"))).to_series().is_not_null(),
        ),
    ):
        if not fits.all():
            raise UnwritableRequestError(before + _first_false(fits) + 1, what)


def _first_false(truths: pl.Series) -> int:
    return int(truths.fill_null(value=False).arg_min() or 0)


def read_request(data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
    """Reads a request back: the header at once, the lines as they are asked for.

    UnreadableDocumentError at the first thing that is not as we write it, the totals at the end among them. Reads ``data`` as
    a stream by columns and, from where there is any doubt, by its elements.
    """
    start, head = data.tell(), dict[str, list[str]]()
    parts = _BY_COLUMNS.read(data, head)
    try:
        first = next(parts)
    except DoubtError:
        data.seek(start)
        return _read_elements(data)
    header, declared = _header_of(head)
    return header, _read_columns(chain([first], parts), header.bank, declared, partial(_from, data, start))


def _from(data: BinaryIO, start: int) -> Iterator[RequestLine]:
    data.seek(start)
    return _read_elements(data)[1]


def _read_columns(
    parts: Iterator[pl.DataFrame],
    bank: str,
    declared: tuple[str, str],
    by_elements: Callable[[], Iterator[RequestLine]],
) -> Iterator[RequestLine]:
    count, total = 0, 0
    try:
        for part in parts:
            lines = part.select(_LINE)
            if (
                part.select(pl.all_horizontal(*_AGREES, pl.col(_AGENT) == bank).all(ignore_nulls=False)).item()
                is not True
            ):
                raise DoubtError("a line does not add up, or is none of this bank's")
            for place, number, unit, account, name, p, u, i, m, in_part in lines.iter_rows():
                yield RequestLine(place, number, unit, account, name, FundAmounts(p, u, i, m), in_part)
                count += 1
            total += sum(added_up(lines[fund]) for fund in FUND_NAMES)
        if declared != (str(count), print_yuan(Fen(total))):
            raise DoubtError("the count or the sum is in doubt")
    except DoubtError:
        yield from islice(by_elements(), count, None)


def _read_elements(data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
    faults: list[Fault] = []
    document = Document(MESSAGE, faults)
    records = document.records(data)
    first = next(records, None)
    if faults or first is None:
        raise UnreadableDocumentError(faults or [Fault(None, MESSAGE.record, FaultCode.COUNT, "at least one", "")])
    header, declared = _header_of(document.head)
    return header, _read_lines(first, records, header.bank, declared, faults)


def _header_of(texts: Mapping[str, Sequence[str]]) -> tuple[BatchHeader, tuple[str, str]]:
    """The header of a head that keeps its grammar, and the count and the total that it declares."""
    head = {path: found[0] for path, found in texts.items()}
    business_date = parse_date(head["PmtInf/ReqdColltnDt"])
    assert business_date is not None, "the date has passed its grammar"
    purpose = head["PmtInf/PmtTpInf/CtgyPurp/Prtry"]
    bank = head["PmtInf/CdtrAgt/FinInstnId/Othr/Id"]
    header = BatchHeader(bank, head["GrpHdr/MsgId"], purpose[:-2], int(purpose[-1]), business_date)
    for field, expected in (
        ("PmtInf/PmtInfId", header.batch_no),
        ("PmtInf/NbOfTxs", head["GrpHdr/NbOfTxs"]),
        ("PmtInf/CtrlSum", head["GrpHdr/CtrlSum"]),
        ("GrpHdr/CreDtTm", f"{business_date}T00:00:00"),
    ):
        if head[field] != expected:
            raise UnreadableDocumentError([Fault(1, field, FaultCode.MISMATCH, expected, head[field])])
    return header, (head["GrpHdr/NbOfTxs"], head["GrpHdr/CtrlSum"])


def _read_lines(
    first: Record, others: Iterator[Record], bank: str, declared: tuple[str, str], faults: list[Fault]
) -> Iterator[RequestLine]:
    place, total = 1, 0
    line = _line(first, place, bank, faults)
    total += line.amounts.total
    yield line
    for place, record in enumerate(others, start=2):
        line = _line(record, place, bank, faults)
        total += line.amounts.total
        yield line
    if faults:
        raise UnreadableDocumentError(faults)
    if declared != (str(place), print_yuan(Fen(total))):
        expected = f"{place} and {print_yuan(Fen(total))}"
        found = " and ".join(declared)
        raise UnreadableDocumentError([Fault(1, "GrpHdr/NbOfTxs, CtrlSum", FaultCode.CONTROL_TOTAL, expected, found)])


def _line(record: Record, place: int, bank: str, faults: list[Fault]) -> RequestLine:
    """One line, checked as strictly as it was written."""
    if faults:
        raise UnreadableDocumentError(faults)
    texts = record.texts
    funds = FundAmounts(*(Fen(parse_yuan(each) or 0) for each in texts[f"{_FUND}Amt/DuePyblAmt"]))
    found = (texts[f"{_ID}InstrId"][0], parse_yuan(texts["DrctDbtTxInf/InstdAmt"][0]), texts[_AGENT][0])
    names = tuple(texts[f"{_FUND}Id/Nb"])
    expected = (str(place), funds.total, bank)
    if found != expected or names != FUND_LINES:
        wrong = Fault(record.line, MESSAGE.record, FaultCode.SUM, f"{expected}, {FUND_LINES}", f"{found}, {names}")
        raise UnreadableDocumentError([wrong])
    return RequestLine(
        place,
        instruction_no_of(texts[f"{_ID}EndToEndId"][0]),
        texts["DrctDbtTxInf/Dbtr/Id/OrgId/Othr/Id"][0],
        texts["DrctDbtTxInf/DbtrAcct/Id/Othr/Id"][0],
        texts["DrctDbtTxInf/Dbtr/Nm"][0],
        funds,
        texts["DrctDbtTxInf/InstrForCdtrAgt"][0] == PART,
    )
