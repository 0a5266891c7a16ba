"""Conformance of a bank's answer: held against its request without books, a network or a configuration.

What a bank runs at its desk before it sends. It is the reading and the checking that every answer goes through, so what passes
here is taken in there, as far as the request and the answer can tell.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path
from typing import Final

from connectors.formats import PROFILES
from connectors.formats.description import BankTerms, terms_of, words_of
from connectors.formats.grammar import shown
from connectors.signatures import verifier
from hub.app.bank_signatures import read_signature
from hub.domain.bank_results import RequestedLine, check_answers
from hub.domain.bank_results_columns import lines_of
from hub.domain.errors import ConfigurationError, HubError
from hub.domain.fault_words import said
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.signatures import SIG_SUFFIX, Scheme, Unfit, fault, statement
from hub.ports import BankFormat, Refused, RequestLine, Verifier

OK_SUFFIX: Final = ".ok"
LF: Final = "\n"
_OUR_CODE: Final = re.compile(r"with code ([0-9]{2})$")


class NoRequestError(HubError):
    """The first of the two files is no request of the profile; said to the bank, whose hub.toml there is none."""


def known_keys(scheme: Scheme, paths: Sequence[Path]) -> Verifier | None:
    """The bank's public keys that are named; ConfigurationError, in words for a bank, for a file of no use."""
    try:
        return verifier(scheme, paths) if paths else None
    except ConfigurationError as failure:
        advice = "Name the bank's own public key with --verify-key, and the way it signs with --scheme."
        raise ConfigurationError(str(failure), advice=advice) from failure


def profile_named(name: str) -> BankFormat:
    """The bank file profile of this name; ConfigurationError, which lists those there are."""
    if name not in PROFILES:
        raise ConfigurationError(f"there is no profile {name!r}", advice=f"One of {', '.join(sorted(PROFILES))}.")
    return PROFILES[name]


def examine(profile: BankFormat, request: Path, response: Path, known: Verifier | None = None) -> tuple[Fault, ...]:
    """Every fault of an answer, in its order: of its name, its ``.ok``, its own content, and against the request.

    With ``known`` keys, of its signature too. NoRequestError when the request is none of ours.
    """
    try:
        with request.open("rb") as asked:
            header, lines = profile.read_request(asked)
            requested = [_requested(line) for line in lines]
    except HubError as failure:
        raise NoRequestError(
            f"{shown(request.name)} cannot be read as a request of {profile.name}: {failure}",
            advice="Take the file as it came from the centre, byte for byte, and the profile that is agreed with it.",
        ) from failure
    faults = [*_name_faults(profile, response, header.bank), *_ok_faults(profile, response)]
    if known is not None:
        faults += _signature_faults(response, known)
    with response.open("rb") as data:
        parsed = profile.parse_result(response.name, header.bank, data)
    readable = parsed.readable if isinstance(parsed, Refused) else parsed
    found: list[Fault] = []
    if readable is not None:
        if readable.batch_no != header.batch_no:
            found.append(Fault(1, "batch no", FaultCode.UNKNOWN_BATCH, header.batch_no, readable.batch_no))
        if readable.request_name != request.name:
            found.append(Fault(1, "request file name", FaultCode.MISMATCH, shown(request.name), readable.request_name))
        terms = terms_of(profile)
        found += check_answers(requested, lines_of(readable.answers))
        found = [_in_terms_of_the_bank(terms, each) for each in found]
    faults += parsed.beside(found) if isinstance(parsed, Refused) else found
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
    return [Fault(None, "file name", FaultCode.NAME, f"the name of a result of {profile.name}", shown(response.name))]


def _ok_faults(profile: BankFormat, response: Path) -> Iterator[Fault]:
    """The ``.ok`` beside the answer has to agree; the hub does not touch a file without one."""
    beside = response.with_name(response.name + OK_SUFFIX)
    size, digest = _weighed(response)
    expected = _ok_shown(profile.ok_text(digest, size))
    if not beside.is_file():
        yield Fault(None, OK_SUFFIX, FaultCode.DIGEST, f"{shown(beside.name)} holding {expected}", "")
    elif not profile.ok_agrees(beside.read_bytes()[:1000], digest, size):
        yield Fault(None, OK_SUFFIX, FaultCode.DIGEST, expected, _ok_shown(beside.read_bytes()[:200]))


def _ok_shown(ok: bytes) -> str:
    """What an ``.ok`` holds, its line end in words, which nobody would see."""
    text = ok.decode("ascii", "replace")
    return f"{shown(text.removesuffix(LF))} and LF" if text.endswith(LF) else f"{shown(text)} without LF"


def _signature_faults(response: Path, known: Verifier) -> Iterator[Fault]:
    """The ``.sig`` beside the answer has to be by a known key, over this name and these bytes."""
    beside = response.with_name(response.name + SIG_SUFFIX)
    if not beside.is_file():
        yield fault(f"{shown(beside.name)}, a signature by {' or '.join(known.keys)}", "")
        return
    found = known.signer_of(statement(response.name, *_weighed(response)), read_signature(beside))
    if isinstance(found, Unfit):
        yield fault(found.expected, found.found)


def _weighed(file: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex)."""
    with file.open("rb") as data:
        return file.stat().st_size, file_digest(data, "sha256").hexdigest()
