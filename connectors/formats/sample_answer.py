"""Prints an answer as a bank would (contract section 4), for the examples that banks build by; a hub itself never answers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final
from xml.sax.saxutils import escape

from connectors.formats.description import terms_of
from connectors.formats.iso20022 import answer, request
from connectors.formats.iso20022.elements import CURRENCY, Place
from connectors.formats.iso20022.names import FUND_LINES, RESULT
from connectors.formats.line_profile import LineProfile
from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART, AnswerLine
from hub.domain.funds import FUND_NAMES
from hub.domain.money import Fen, print_yuan
from hub.ports import BankFormat, BatchHeader

OTHER_REASON: Final = "MS03"  # ISO: reason not specified

Texts = Mapping[str, Sequence[str]]
"""The texts of leaves by path, as many as the leaf is there."""


def answer_name(profile: BankFormat, bank: str, day: date, seq: int) -> str:
    """The name of an answer; ``seq`` is the bank's own, from 1 each day."""
    if isinstance(profile, LineProfile):
        file = profile.profile.result
        return f"{file.name_begins}{bank}_{day:%Y%m%d}_{seq:04d}{file.name_ends}"
    return f"{RESULT}_{bank}_{day:%Y%m%d}_{seq:04d}.xml"


def print_answer(
    profile: BankFormat, header: BatchHeader, request_name: str, answers: Sequence[AnswerLine], day: date, name: str
) -> bytes:
    """The bytes of an answer to a request; ``answers`` bear the contract's codes, and references in ASCII."""
    if isinstance(profile, LineProfile):
        return _lines(profile, header, request_name, answers, day)
    return _message(header, request_name, answers, day, name)


# -- files of lines ---------------------------------------------------------------------------------------------------


def _lines(
    profile: LineProfile, header: BatchHeader, request_name: str, answers: Sequence[AnswerLine], day: date
) -> bytes:
    form, codes = profile.results, terms_of(profile).codes
    texts = [
        form.header.print(
            {"bank": header.bank, "batch no": header.batch_no, "request file name": request_name, "date": str(day)}
        )
    ]
    for each in answers:
        texts.append(
            form.detail.print(
                {
                    "line": each.line,
                    "instruction id": each.instruction_no,
                    "unit": each.unit,
                    "requested": each.requested,
                    "deducted": each.deducted,
                    **dict(zip(FUND_NAMES, each.split, strict=True)),
                    "code": codes[each.code],
                    "bank reference": each.reference,
                }
            )
        )
    sums = {fund: sum(each.split[place] for each in answers) for place, fund in enumerate(FUND_NAMES)}
    texts.append(
        form.trailer.print(
            {
                "count": len(answers),
                "count paid in full": sum(each.code == PAID_IN_FULL for each in answers),
                "requested": sum(each.requested for each in answers),
                "deducted": sum(each.deducted for each in answers),
                **sums,
            }
        )
    )
    return "".join(texts).encode(profile.encoding)


# -- messages ---------------------------------------------------------------------------------------------------------

_GROUP: Final = "OrgnlGrpInfAndSts"
_TX: Final = "TxInfAndSts"
_FUND: Final = f"{_TX}/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls"


def _status(code: str) -> str:
    return {PAID_IN_FULL: answer.PAID, PAID_IN_PART: answer.PARTS[0]}.get(code, answer.REJECTED)


def _message(header: BatchHeader, request_name: str, answers: Sequence[AnswerLine], day: date, name: str) -> bytes:
    shares: dict[str, tuple[int, int]] = {}
    for each in answers:
        count, deducted = shares.get(_status(each.code), (0, 0))
        shares[_status(each.code)] = (count + 1, deducted + each.deducted)
    head: Texts = {
        "GrpHdr/MsgId": [name.removesuffix(".xml")],
        "GrpHdr/CreDtTm": [f"{day}T18:30:00+08:00"],
        "GrpHdr/CdtrAgt/FinInstnId/Othr/Id": [header.bank],
        f"{_GROUP}/OrgnlMsgId": [header.batch_no],
        f"{_GROUP}/OrgnlMsgNmId": [request.NAME],
        f"{_GROUP}/OrgnlNbOfTxs": [str(len(answers))],
        f"{_GROUP}/OrgnlCtrlSum": [print_yuan(Fen(sum(each.requested for each in answers)))],
        f"{_GROUP}/StsRsnInf/AddtlInf": [request_name],
        f"{_GROUP}/NbOfTxsPerSts/DtldNbOfTxs": [str(count) for count, _ in shares.values()],
        f"{_GROUP}/NbOfTxsPerSts/DtldSts": list(shares),
        f"{_GROUP}/NbOfTxsPerSts/DtldCtrlSum": [print_yuan(Fen(deducted)) for _, deducted in shares.values()],
        "OrgnlPmtInfAndSts/OrgnlPmtInfId": [header.batch_no],
    }
    root = answer.MESSAGE.root
    (inner,) = root.children.values()
    body = "\n".join(_printed(inner, head, [_transaction(each) for each in answers], 0, "  "))
    namespace = answer.MESSAGE.namespace
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{namespace}">\n{body}\n</Document>\n'
    return text.encode()


def _transaction(each: AnswerLine) -> Texts:
    reasons = {ours: reason for reason, ours in reversed(answer.REASONS.items())}
    rejected = _status(each.code) == answer.REJECTED
    short = (
        each.instruction_no if len(each.instruction_no) <= 35 else each.instruction_no[:34] + each.instruction_no[35]
    )
    return {
        f"{_TX}/OrgnlInstrId": [str(each.line)],
        f"{_TX}/OrgnlEndToEndId": [short],
        f"{_TX}/TxSts": [_status(each.code)],
        f"{_TX}/StsRsnInf/Rsn/Cd": [reasons.get(each.code, OTHER_REASON)] if rejected else [],
        f"{_TX}/AcctSvcrRef": [each.reference] if each.reference else [],
        f"{_TX}/OrgnlTxRef/IntrBkSttlmAmt": [print_yuan(each.deducted)],
        f"{_TX}/OrgnlTxRef/Amt/InstdAmt": [print_yuan(each.requested)],
        f"{_FUND}/Id/Nb": FUND_LINES,
        f"{_FUND}/Amt/RmtdAmt": [print_yuan(part) for part in each.split],
        f"{_TX}/OrgnlTxRef/Dbtr/Pty/Id/OrgId/Othr/Id": [each.unit],
    }


def _printed(place: Place, texts: Texts, records: Sequence[Texts], nth: int, indent: str) -> Iterator[str]:
    """The lines of one element of the tree: the nth of its kind, its records where it has some."""
    if place.column is not None:
        money = f' Ccy="{CURRENCY}"' if place.takes_money else ""
        yield f"{indent}<{place.name}{money}>{escape(texts[place.path][nth])}</{place.name}>"
        return
    yield f"{indent}<{place.name}>"
    for child in place.children.values():
        if child.is_record:
            for record in records:
                yield from _printed(child, record, (), 0, f"{indent}  ")
            continue
        times = _times(child, texts)
        assert times > 0 or child not in place.required, f"{child.path} has no text"
        numbers = range(times) if child.most > 1 else range(nth, nth + min(times, 1))
        for number in numbers:
            yield from _printed(child, texts, records, number, f"{indent}  ")
    yield f"{indent}</{place.name}>"


def _times(place: Place, texts: Texts) -> int:
    """How often an element is there: as often as the first leaf in it that has a text; a group without leaves once."""
    if place.column is not None:
        found = len(texts.get(place.path, ()))
    else:
        counts = [_times(child, texts) for child in place.children.values() if not child.is_record]
        found = next(
            (count for count in counts if count), int(any(child.is_record for child in place.children.values()))
        )
    return found
