"""What files, identifiers and funds are called in messages of ISO 20022, whose texts are shorter than ours."""

import re
from datetime import date
from functools import partial
from typing import Final, NamedTuple

import polars as pl

from connectors.formats.grammar import Column, amount, one_of, parse_compact_date, parse_date, shown
from connectors.formats.iso20022.document import HEAD
from connectors.formats.iso20022.elements import Element, group, leaf, money, nest
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES

PROVIDED_NOWHERE: Final = "NOTPROVIDED"
"""What ISO 20022 has a place for and our agreement with the bank settles: the city's own name and account."""

FUND_LINES: Final = tuple(fund.upper() for fund in FUND_NAMES)
"""How a fund's amount is named in remittance information, in statutory order."""

REQUEST, RESULT, NOTIFICATION = "PAIN008", "PAIN002", "CAMT054"
_NAME: Final = re.compile(
    r"(?P<kind>PAIN002|CAMT054)_(?P<bank>[A-Z0-9]{2,12})_(?P<day>[0-9]{8})_(?P<seq>[0-9]{1,9})\.xml", re.ASCII
)


def four_funds(amount_name: str) -> Element:
    """The four amounts of a line or a transaction, named and in statutory order, as its remittance information."""
    name = leaf("Nb", partial(one_of, texts=FUND_LINES, code=FaultCode.GRAMMAR))
    lines = group("LineDtls", nest("Id", name), nest("Amt", money(amount_name, amount)), most=len(FUND_LINES))
    return nest("RmtInf/Strd/RfrdDocInf", lines)


def funds_in_order(path: str) -> list[pl.Expr]:
    """Whether the names at a path, a column each, are those of the funds in statutory order."""
    return [pl.col(f"{path}Id/Nb[{place}]") == name for place, name in enumerate(FUND_LINES, start=1)]


class IncomingName(NamedTuple):
    """The parts of the name of a bank's file. ``seq`` is the bank's own; a gap is worth a warning, no more."""

    kind: str
    bank: str
    day: date
    seq: int

    @classmethod
    def parse(cls, name: str) -> "IncomingName | None":
        found = _NAME.fullmatch(name)
        day = None if found is None else parse_compact_date(found["day"])
        return None if found is None or day is None else cls(found["kind"], found["bank"], day, int(found["seq"]))


def same_grammar(column: Column, path: str) -> Column:
    """A column of the line files as the grammar of an element."""
    return column._replace(name=path)


_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(\+08:00)?", re.ASCII
)


def moment(path: str) -> Column:
    return Column(
        path,
        _MOMENT.pattern,
        "a real date and time, YYYY-MM-DDThh:mm:ss, of +08:00 where it names a zone",
        FaultCode.DATE,
        lambda text: parse_date(text[:10]),
    )


def reason(path: str) -> Column:
    return Column(path, r"[A-Z]{2}[0-9]{2}|[A-Z]{4}", "a reason of ISO's list, such as AM04", FaultCode.CODE)


def request_name_column(path: str) -> Column:
    return Column(path, r"PAIN008_[A-Z0-9]{2,12}_[0-9]{8}_[0-9]{4}\.xml", "PAIN008_<bank>_<YYYYMMDD>_<4 digits>.xml")


def max_text(path: str, longest: int) -> Column:
    """ISO's ``Max<n>Text``, as far as the books take it: no control characters, no separator, at least one character."""
    return Column(path, rf"[^|\x00-\x1f\x7f-\x9f]{{1,{longest}}}", f"1 to {longest} characters, no control character")


def message_id(path: str) -> Column:
    """``MsgId`` of ours: the number of a batch."""
    return Column(path, r"[A-Z0-9-]{1,35}", "1 to 35 of A-Z, 0-9 and -")


# -- instruction ids --------------------------------------------------------------------------------------------------
# ``EndToEndId`` has 35 characters at most, an instruction id ``<bill id>-<round>`` 36. One of 36 goes without the hyphen
# before its round. Read back, it has no hyphen in that place, where every id of 35 characters that went as it is has one;
# so the two cannot be mistaken unless the bill's id itself ends in a hyphen there, and such a one is not written.

_LONGEST: Final = 35
_UNWRITABLE: Final = r"\A.{33}--[12]\z"


def end_to_end_id(path: str) -> Column:
    return Column(path, r"[A-Z0-9-]{1,35}", "1 to 35 of A-Z, 0-9 and -")


def end_to_end_id_of(instruction_no: pl.Expr) -> pl.Expr:
    """``EndToEndId`` of instruction ids; null where it cannot have one."""
    whole = instruction_no.str.len_chars() <= _LONGEST
    short = instruction_no.str.replace(r"-([12])\z", "$1")
    fits = ~instruction_no.str.contains(_UNWRITABLE) & (short.str.len_chars() <= _LONGEST)
    return pl.when(whole).then(instruction_no).when(fits).then(short)


def instruction_no_from(end_to_end_id: pl.Expr) -> pl.Expr:
    """The instruction ids that go by texts known to be ``EndToEndId``."""
    is_short = (end_to_end_id.str.len_bytes() == _LONGEST) & (end_to_end_id.str.slice(_LONGEST - 2, 1) != "-")
    whole = pl.concat_str(end_to_end_id.str.slice(0, _LONGEST - 1), pl.lit("-"), end_to_end_id.str.slice(_LONGEST - 1))
    return pl.when(is_short).then(whole).otherwise(end_to_end_id)


def instruction_no_of(end_to_end_id: str) -> str:
    """The instruction id that goes by ``EndToEndId``."""
    if len(end_to_end_id) == _LONGEST and end_to_end_id[-2] != "-":
        return f"{end_to_end_id[:-1]}-{end_to_end_id[-1]}"
    return end_to_end_id


# -- where a file comes from ------------------------------------------------------------------------------------------


def check_name(name: str, kind: str, bank: str, faults: list[Fault]) -> IncomingName | None:
    """The name's parts, when it is one of a kind of file and names the bank and a real day; else its fault."""
    named = IncomingName.parse(name)
    if named is None or named.kind != kind or named.bank != bank:
        expected = f"{kind}_{bank}_<YYYYMMDD>_<seq>.xml with a real date"
        faults.append(Fault(None, "file name", FaultCode.NAME, expected, shown(name)))
    return named


def check_origin(
    named: IncomingName | None,
    bank: str,
    head: dict[str, str],
    faults: list[Fault],
    bank_path: str = "GrpHdr/CdtrAgt/FinInstnId/Othr/Id",
) -> None:
    """The bank and the day of the head against those of the file."""
    bank_found, moment_found = head.get(bank_path), head.get("GrpHdr/CreDtTm")
    if bank_found is not None and bank_found != bank:
        faults.append(Fault(HEAD, bank_path, FaultCode.NAME, bank, bank_found))
    if moment_found is not None and named is not None and moment_found[:10] != named.day.isoformat():
        faults.append(Fault(HEAD, "GrpHdr/CreDtTm", FaultCode.NAME, f"{named.day} as in the file name", moment_found))
