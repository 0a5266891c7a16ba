"""The forms in which the bench's banks take requests and give answers, by columns: the contract's own, and ISO 20022's.

What a form is in every detail the banks' programs check line by line (``simulators.bank_program``); here a million lines are
told as columns, so that the bank costs little beside the hub.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Final, NamedTuple

import polars as pl

from simulators import bank_iso20022
from simulators.amounts import FUNDS, yuan
from simulators.bank_program import CHARSET
from simulators.bench.books import columns
from simulators.bench.papers import four_sums, in_yuan, printed

_FIELDS: Final = (
    "record", "line", "instruction", "unit", "account", "account_name", *(f"text_{fund}" for fund in FUNDS), "text_total", "part",
)  # fmt: skip


class Told(NamedTuple):
    """A request as its bytes tell it: who and when, the lines' texts (``_FIELDS``), and the totals as they are written."""

    head: tuple[str, ...]  # bank, batch, period, round, day
    lines: pl.DataFrame
    totals: tuple[str, ...]


class Given(NamedTuple):
    """An answer to be printed. ``lines`` in the bank's order: what was asked and came, in fen, code and reference."""

    bank: str
    batch: str
    request: str
    day: date
    number: int
    lines: pl.DataFrame


@dataclass(frozen=True, slots=True)
class BankForm:
    """How one profile's files are told and printed. ``totals`` says what a request's must be, of its lines in fen."""

    requests: str
    answer: str
    told: Callable[[bytes], Told]
    totals: Callable[[pl.DataFrame], tuple[str, ...]]
    printed: Callable[[Given], bytes]

    def answer_name(self, bank: str, day: date, number: int) -> str:
        return self.answer.format(f"{bank}_{day:%Y%m%d}_{number:04d}")


# -- the contract's own form, sections 3 and 4 -------------------------------------------------------------------------


def _told_by_lines(data: bytes) -> Told:
    first, _, rest = data.partition(b"\n")
    body, _, last = rest.removesuffix(b"\n").rpartition(b"\n")
    header = first.decode(CHARSET).split("|")
    if header[:3] != ["H", "DEDUCT", "1"] or header[8:] != ["CNY"]:
        raise ValueError(f"header {header}")
    lines = pl.read_csv(
        BytesIO(body.decode(CHARSET).encode()),
        separator="|", has_header=False, quote_char=None, infer_schema=False, new_columns=list(_FIELDS),
    )  # fmt: skip
    return Told(tuple(header[3:8]), lines, tuple(last.decode(CHARSET).split("|")))


def _totals_of_lines(lines: pl.DataFrame) -> tuple[str, ...]:
    sums = (*four_sums(lines, "asked_"), int(lines["asked"].sum()))
    digits = lines["account"].str.slice(-10).cast(pl.Int64).sum() % 10**12
    return ("T", str(lines.height), *map(yuan, sums), f"{digits:012d}")


def _printed_by_lines(given: Given) -> bytes:
    lines = given.lines
    money = [in_yuan(pl.col(name)).alias(name) for name in ("asked", "money", *columns("came_"))]
    body = printed(lines.select(pl.lit("D"), "line", "instruction", "unit", *money, "code", "reference"))
    full = lines.filter(pl.col("code") == "00").height
    sums = (int(lines["asked"].sum()), int(lines["money"].sum()), *four_sums(lines, "came_"))
    header = f"H|RESULT|1|{given.bank}|{given.batch}|{given.request}|{given.day}\n".encode(CHARSET)
    trailer = f"T|{lines.height}|{full}|{'|'.join(yuan(part) for part in sums)}\n".encode(CHARSET)
    # Nothing in a result is Chinese, so its bytes are the same in GB18030.
    return header + body + trailer


# -- pain.008.001.08 and pain.002.001.10 -------------------------------------------------------------------------------

_LINE: Final = "".join(
    (
        r"^<DrctDbtTxInf><PmtId><InstrId>(?<line>[0-9]+)</InstrId><EndToEndId>(?<instruction>[^<]+)</EndToEndId></PmtId>",
        r'<InstdAmt Ccy="CNY">(?<text_total>[^<]+)</InstdAmt>',
        r"<DbtrAgt><FinInstnId><Othr><Id>[^<]+</Id></Othr></FinInstnId></DbtrAgt>",
        r"<Dbtr><Nm>(?<account_name>[^<]+)</Nm><Id><OrgId><Othr><Id>(?<unit>[^<]+)</Id></Othr></OrgId></Id></Dbtr>",
        r"<DbtrAcct><Id><Othr><Id>(?<account>[^<]+)</Id></Othr></Id></DbtrAcct>",
        r"<InstrForCdtrAgt>(?<part>PART|FULL)</InstrForCdtrAgt><RmtInf><Strd><RfrdDocInf>",
        *(
            rf"<LineDtls><Id><Nb>{fund.upper()}</Nb></Id>"
            rf'<Amt><DuePyblAmt Ccy="CNY">(?<text_{fund}>[^<]+)</DuePyblAmt></Amt></LineDtls>'
            for fund in FUNDS
        ),
        r"</RfrdDocInf></Strd></RmtInf></DrctDbtTxInf>$",
    )
)
_HEAD: Final = re.compile(
    r"<MsgId>(?P<batch>[^<]+)</MsgId>.*<NbOfTxs>(?P<count>[0-9]+)</NbOfTxs><CtrlSum>(?P<sum>[^<]+)</CtrlSum>.*"
    r"<PmtInf>.*<NbOfTxs>(?P<count_of_part>[0-9]+)</NbOfTxs><CtrlSum>(?P<sum_of_part>[^<]+)</CtrlSum>.*"
    r"<Prtry>(?P<period>[0-9-]{7})-(?P<round>[12])</Prtry>.*<ReqdColltnDt>(?P<day>[^<]+)</ReqdColltnDt>.*"
    r"<CdtrAgt><FinInstnId><Othr><Id>(?P<bank>[^<]+)</Id>",
    re.DOTALL,
)


def _told_by_message(data: bytes) -> Told:
    head_end, tail = data.index(b"<DrctDbtTxInf>"), data.rindex(b"</DrctDbtTxInf>") + len(b"</DrctDbtTxInf>")
    head = _HEAD.search(data[:head_end].decode())
    if head is None or data[tail:].strip() != b"</PmtInf></CstmrDrctDbtInitn></Document>":
        raise ValueError("no message of direct debits")
    texts = pl.read_csv(
        BytesIO(data[head_end:tail]), separator="\x01", has_header=False, quote_char=None, infer_schema=False
    ).to_series()
    lines = texts.str.extract_groups(_LINE).struct.unnest()
    lines = lines.with_columns(
        pl.lit("D").alias("record"),
        pl.when(pl.col("part") == "PART").then(pl.lit("P")).otherwise(pl.lit("F")).alias("part"),
        pl.col("account_name").str.replace_all("&amp;", "&", literal=True),
    )
    said = (head["count"], head["sum"], head["count_of_part"], head["sum_of_part"])
    return Told((head["bank"], head["batch"], head["period"], head["round"], head["day"]), lines.select(_FIELDS), said)


def _totals_of_message(lines: pl.DataFrame) -> tuple[str, ...]:
    each = (str(lines.height), yuan(int(lines["asked"].sum())))
    return (*each, *each)


_SPLIT: Final = "".join(
    f'<LineDtls><Id><Nb>{fund.upper()}</Nb></Id><Amt><RmtdAmt Ccy="CNY">{{}}</RmtdAmt></Amt></LineDtls>'
    for fund in FUNDS
)


def transactions(names: Mapping[str, str]) -> pl.Expr:
    """The text of each line's transaction. ``names``: what the frame calls instruction, asked, money and the four ``came_``."""
    rejected = pl.format(
        "<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>{}</Cd></Rsn></StsRsnInf>",
        pl.col("code").replace(bank_iso20022.REASONS),
    )
    status = (
        pl.when(pl.col("code") == "00")
        .then(pl.lit("<TxSts>ACSC</TxSts>"))
        .when(pl.col("code") == "01")
        .then(pl.lit("<TxSts>PART</TxSts>"))
        .otherwise(rejected)
    )
    return pl.format(
        "<TxInfAndSts><OrgnlInstrId>{}</OrgnlInstrId><OrgnlEndToEndId>{}</OrgnlEndToEndId>{}<AcctSvcrRef>{}</AcctSvcrRef>"
        '<OrgnlTxRef><IntrBkSttlmAmt Ccy="CNY">{}</IntrBkSttlmAmt><Amt><InstdAmt Ccy="CNY">{}</InstdAmt></Amt>'
        f"<RmtInf><Strd><RfrdDocInf>{_SPLIT}</RfrdDocInf></Strd></RmtInf>"
        "<Dbtr><Pty><Id><OrgId><Othr><Id>{}</Id></Othr></OrgId></Id></Pty></Dbtr></OrgnlTxRef></TxInfAndSts>",
        "line",
        names["instruction"],
        status,
        "reference",
        *(in_yuan(pl.col(names[each])) for each in ("money", "asked", *columns("came_"))),
        "unit",
    )


def _printed_as_message(given: Given) -> bytes:
    lines = given.lines
    status = pl.col("code").replace_strict({"00": "ACSC", "01": "PART"}, default="RJCT")
    told = lines.group_by(status.alias("status"), maintain_order=True).agg(pl.len(), pl.col("money").sum())
    shares = {row[0]: (row[1], row[2]) for row in told.iter_rows()}
    header = ["H", "RESULT", "1", given.bank, given.batch, given.request, str(given.day)]
    sums = (int(lines["asked"].sum()), int(lines["money"].sum()), *four_sums(lines, "came_"))
    trailer = ["T", str(lines.height), str(shares.get("ACSC", (0, 0))[0]), *map(yuan, sums)]
    names = {name: name for name in ("instruction", "asked", "money", *columns("came_"))}
    text = lines.select(transactions(names).alias("text"))["text"].str.join("\n").cast(pl.Binary).item()
    head = bank_iso20022.head_of_result(header, trailer, shares, f"PAIN002_{given.number:04d}.xml")
    return b"".join((head.encode(), text, b"\n", bank_iso20022.TAIL_OF_RESULT.encode()))


FORMS: Final[Mapping[str, BankForm]] = {
    "pipe-gb18030": BankForm("DK_*.txt", "HD_{}.txt", _told_by_lines, _totals_of_lines, _printed_by_lines),
    "iso20022": BankForm("PAIN008_*.xml", "PAIN002_{}.xml", _told_by_message, _totals_of_message, _printed_as_message),
}
"""By the name of the hub's profile."""
