"""Conformance of a bank's answer: held against its request without books, a network or a configuration.

What a bank runs at its desk before it sends. It is the reading and the checking that every answer goes through, so what passes
here is taken in there, as far as the request and the answer can tell.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from connectors.formats import PROFILES
from connectors.formats.description import BankTerms, terms_of, words_of
from connectors.formats.grammar import shown
from hub.domain.bank_results import RequestedLine, check_answers
from hub.domain.bank_results_columns import lines_of
from hub.domain.errors import ConfigurationError
from hub.domain.fault_words import said
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import InstructionNo, UnitNo
from hub.ports import BankFormat, Refused, RequestLine

OK_SUFFIX: Final = ".ok"
LF: Final = "\n"
_OUR_CODE: Final = re.compile(r"with code ([0-9]{2})$")


def profile_named(name: str) -> BankFormat:
    """The bank file profile of this name; ConfigurationError, which lists those there are."""
    if name not in PROFILES:
        raise ConfigurationError(f"there is no profile {name!r}", advice=f"One of {', '.join(sorted(PROFILES))}.")
    return PROFILES[name]


def examine(profile: BankFormat, request: Path, response: Path) -> tuple[Fault, ...]:
    """Every fault of an answer, in its order: of its name, its ``.ok``, its own content, and against the request.

    Raises HubError when the request is none of ours.
    """
    with request.open("rb") as asked:
        header, lines = profile.read_request(asked)
        requested = [_requested(line) for line in lines]
    faults = [*_name_faults(profile, response, header.bank), *_ok_faults(profile, response)]
    with response.open("rb") as data:
        parsed = profile.parse_result(response.name, header.bank, data)
    readable = parsed.readable if isinstance(parsed, Refused) else parsed
    if isinstance(parsed, Refused):
        faults += parsed.faults
    if readable is not None:
        told = {(fault.line, fault.field) for fault in faults}
        found: list[Fault] = []
        if readable.batch_no != header.batch_no:
            found.append(Fault(1, "batch no", FaultCode.UNKNOWN_BATCH, header.batch_no, readable.batch_no))
        if readable.request_name != request.name:
            found.append(Fault(1, "request file name", FaultCode.MISMATCH, request.name, readable.request_name))
        found += check_answers(requested, lines_of(readable.answers))
        terms = terms_of(profile)
        found = [_in_terms_of_the_bank(terms, fault) for fault in found]
        # A line that could not be read is not missing: it has its own fault.
        whole = not isinstance(parsed, Refused)
        faults += [
            fault
            for fault in found
            if (whole or fault.code is not FaultCode.MISSING_LINE) and (fault.line, fault.field) not in told
        ]
    return in_file_order(faults)


def in_words(profile: BankFormat, fault: Fault) -> tuple[str, str]:
    """The fault as a sentence in Chinese and in English, its field by the name it has in this profile."""
    words = words_of(profile, fault.field)
    return said(fault, "" if words is None else words.chinese)


def _in_terms_of_the_bank(terms: BankTerms, fault: Fault) -> Fault:
    """The same fault with the bank's own names of fields and codes: it knows nothing of the hub's."""
    expected = _OUR_CODE.sub(lambda code: f"with code {terms.codes.get(code[1], code[1])}", fault.expected)
    return replace(fault, field=terms.fields.get(fault.field, fault.field), expected=expected)


def _requested(line: RequestLine) -> RequestedLine:
    return RequestedLine(line.line, InstructionNo(line.instruction_no), UnitNo(line.unit), line.amounts, line.partial)


def _name_faults(profile: BankFormat, response: Path, bank: str) -> Sequence[Fault]:
    if profile.is_result_name(response.name, bank):
        return ()
    return [Fault(None, "file name", FaultCode.NAME, f"the name of a result of {profile.name}", response.name)]


def _ok_faults(profile: BankFormat, response: Path) -> Iterator[Fault]:
    """The ``.ok`` beside the answer has to agree; the hub does not touch a file without one."""
    beside = response.with_name(response.name + OK_SUFFIX)
    with response.open("rb") as data:
        digest, size = sha256(), 0
        while block := data.read(1 << 20):
            digest.update(block)
            size += len(block)
    expected = _ok_shown(profile.ok_text(digest.hexdigest(), size))
    if not beside.is_file():
        yield Fault(None, OK_SUFFIX, FaultCode.DIGEST, f"{beside.name} holding {expected}", "")
    elif not profile.ok_agrees(beside.read_bytes()[:1000], digest.hexdigest(), size):
        yield Fault(None, OK_SUFFIX, FaultCode.DIGEST, expected, _ok_shown(beside.read_bytes()[:200]))


def _ok_shown(ok: bytes) -> str:
    """What an ``.ok`` holds, its line end in words, which nobody would see."""
    text = ok.decode("ascii", "replace")
    return f"{shown(text.removesuffix(LF))} and LF" if text.endswith(LF) else f"{shown(text)} without LF"
