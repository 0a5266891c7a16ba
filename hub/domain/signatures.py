"""Signatures (数字签名) on bank files: what is signed, what a bank and the hub have agreed, and which keys count.

One statement, two ways to sign it: the statement names the file, its size and its SHA-256, and the signature of Ed25519 or of
OpenPGP is over the statement. So a file of any length is signed and checked by its digest, and a signature holds for one
name and one content only. ``docs/banks/signatures.md`` says it for banks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.domain.faults import Fault, FaultCode

SIG_SUFFIX: Final = ".sig"
"""A signature lies beside its file, under the file's name and this."""
SIG_BYTES_MAX: Final = 16 << 10
"""A signature that is larger is not read; OpenPGP's have some hundred bytes."""
_DOMAIN: Final = "settlement-file-signature 1"
"""Sets these signatures apart from whatever else a key may sign."""


class Demand(StrEnum):
    """Whether files are signed; in the order of strictness."""

    NONE = "none"  # signatures are neither made nor looked at
    OPTIONAL = "optional"  # one that is there must be right
    REQUIRED = "required"  # nothing without one

    def is_less_than(self, other: "Demand") -> bool:
        order = list(Demand)
        return order.index(self) < order.index(other)


class Scheme(StrEnum):
    """How a statement is signed."""

    ED25519 = "ed25519"  # RFC 8032
    OPENPGP = "openpgp"  # RFC 4880 and RFC 9580, a detached signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for a bank's files: our requests, its answers, and the scheme of both."""

    request: Demand = Demand.NONE
    result: Demand = Demand.NONE
    scheme: Scheme = Scheme.ED25519

    @property
    def ask_nothing(self) -> bool:
        return self.request is self.result is Demand.NONE


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a signature is by none of the known keys over a statement: what was expected, and what was found."""

    expected: str
    found: str


def statement(name: str, size: int, sha256: str) -> bytes:
    """What is signed: a line that says what this is, then size in bytes, SHA-256 (hex) and name of the file; UTF-8, LF.

    The name stands last, so a blank in it cannot be mistaken for an edge.
    """
    assert "\n" not in name, "a name with a line end is no name of a bank file"
    assert size >= 0 and len(sha256) == 64, "a file has a size and a SHA-256"
    return f"{_DOMAIN}\n{size} {sha256} {name}\n".encode()


def agreed(terms: Terms, *, result: Demand | None = None, scheme: Scheme | None = None, signs: bool = False) -> Terms:
    """The terms of a profile with what hub.toml says beside them, once ``disagreements`` finds nothing.

    ``signs``: a key to sign requests with is there, and then they are signed.
    """
    request = Demand.REQUIRED if signs else terms.request
    return Terms(request=request, result=result or terms.result, scheme=scheme or terms.scheme)


def disagreements(
    terms: Terms, *, result: Demand | None, scheme: Scheme | None, signs: bool, verifies: bool
) -> Iterator[tuple[str, str]]:
    """Why hub.toml does not go with the profile, each with the key of ``[[banks]]`` that is at fault.

    hub.toml may ask for more than the profile, never for less. ``verifies``: the bank's keys are there.
    """
    whole = agreed(terms, result=result, scheme=scheme, signs=signs)
    if result is not None and result.is_less_than(terms.result):
        yield "signature", f"must not be less than the profile asks for, which is {terms.result.value}"
    if scheme is not None and scheme is not terms.scheme and not terms.ask_nothing:
        yield "signature_scheme", f"must be {terms.scheme.value}, as the profile says"
    if scheme is not None and not signs and not verifies and terms.ask_nothing:
        yield "signature_scheme", "has nothing to sign or check with: signing_key and verify_keys are missing"
    if whole.result is not Demand.NONE and not verifies:
        yield "verify_keys", f"is missing: the bank's signatures are {whole.result.value}, and its keys check them"
    if whole.result is Demand.NONE and verifies:
        yield "signature", "must be optional or required, for verify_keys check nothing else; or take verify_keys out"
    if terms.request is Demand.REQUIRED and not signs:
        yield "signing_key", "is missing: the profile wants requests signed"


def fault(expected: str, found: str) -> Fault:
    """A signature that does not hold; nobody may override it (``hub.domain.quarantine``)."""
    return Fault(None, SIG_SUFFIX, FaultCode.SIGNATURE, expected, found)
