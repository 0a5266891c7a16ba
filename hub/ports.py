"""What processors ask of the outside world. Connectors fulfil these; the same contract tests hold fakes and real ones to them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from hub.domain.changed_answers import ChangesFile
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.money import Fen
from hub.domain.quarantine import hindering
from hub.domain.result_numbers import ResultNumber
from hub.domain.signatures import Unfit

if TYPE_CHECKING:  # looking commands know the ports and need no columns
    import polars as pl


@dataclass(frozen=True, slots=True)
class Archived:
    """A file in the archive: its SHA-256 (hex), size in bytes and path on this machine."""

    sha256: str
    size: int
    path: Path


class FileArchive(Protocol):
    """Keeps every byte that came in or went out, under its SHA-256. Storing the same bytes twice is one file."""

    def store(self, source: BinaryIO) -> Archived:
        """Streams ``source`` into the archive; on return the bytes are on disk (fsync)."""
        ...

    def find(self, sha256: str) -> Archived:
        """The archived file; FileNotFoundError when there is none."""
        ...

    def proven(self, sha256: str) -> Archived:
        """The archived file, read and found to be what was kept; HubError, not retriable, when it is gone or damaged."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A regular file in a bank's inbound directory. ``fingerprint`` changes when size or time of change do."""

    name: str
    size: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry of a bank's inbound directory that is not touched. ``name`` is "" where it must not be spelled.

    ``digest`` is the beginning of the name's SHA-256 and tells entries apart.
    """

    name: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Proof that a bank has a file: what was read back from its server after the rename."""

    name: str
    size: int
    host_key: str


@dataclass(frozen=True, slots=True)
class DoorReport:
    """What a look at a bank's server showed (``hub bank check``). Clock difference in seconds, bank minus hub."""

    host_key: str
    directories: dict[str, str]  # role → path as the server resolves it
    clock_difference_seconds: int | None


class Signature(NamedTuple):
    """A file's detached signature in the archive. ``by``: fingerprint of the key, None when the signature does not hold."""

    archived: Archived
    by: str | None


class Signer(Protocol):
    """Our private key for one bank. ConfigurationError when its file cannot be used."""

    @property
    def key(self) -> str:
        """Fingerprint of the public key."""
        ...

    def sign(self, statement: bytes) -> bytes:
        """The bytes of a signature file over ``hub.domain.signatures.statement``."""
        ...


class Verifier(Protocol):
    """A bank's public keys."""

    @property
    def keys(self) -> Sequence[str]:
        """Fingerprints, in the order in which the keys were given."""
        ...

    def signer_of(self, statement: bytes, signature: bytes) -> str | Unfit:
        """Fingerprint of the key that made this signature file over this statement, or why none of them did."""
        ...


class BankSignatures(Protocol):
    """What is agreed with one bank about signatures, with the keys to it. ConfigurationError for a key file of no use."""

    @property
    def signs(self) -> bool:
        """Whether requests go out with a signature."""
        ...

    def sign(self, name: str, archived: Archived) -> tuple[bytes, str]:
        """The bytes of a request's signature file, and the fingerprint of the key. Another call may give other bytes."""
        ...


class BankDoor(Protocol):
    """One bank's SFTP server. Failures are ``hub.domain.errors.HubError`` with ``retriable``; a changed host key is not."""

    def list_results(self) -> list[RemoteFile]:
        """Regular files of the inbound directory, ``.ok`` files among them; hostile names are left out and logged."""
        ...

    def left_out(self) -> list[LeftOut]:
        """What the last ``list_results()`` left out. Hidden files, as uploads under way are, are nobody's business."""
        ...

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        """The whole file as a spooled temporary file at position 0; caps size before reading.

        With a ``fingerprint``, only the file that was listed: another one under its name is a failure that is retriable.
        """
        ...

    def deliver(self, name: str, source: Path, ok_text: bytes, signature: bytes | None = None) -> Delivery:
        """Temporary name, write, size read back, rename that never overwrites, then ``<name>.ok`` the same way.

        With a ``signature``, ``<name>.sig`` goes the same way between the two, so that the ``.ok`` stays last.

        Look first: a final name that already holds these bytes is delivered already, one that holds others is
        a failure that is not retriable. So calling it again after an unknown outcome is safe. A failure says with
        ``outcome_unknown`` whether the file may have got its name all the same; None when nobody got as far as looking.
        """
        ...

    def is_unknown(self, name: str) -> bool:
        """Whether nobody can see if this file was delivered: ``deliver`` fails for good until ``settle`` is told."""
        ...

    def settle(self, name: str, *, arrived: bool) -> None:
        """What the bank says of such a file: it counts as delivered from now on, or is sent once more."""
        ...

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:
        """Moves an inbound file to the done directory; a name taken there gets .2, .3 …; a name gone already is done.

        With a ``fingerprint``, only the file that was listed: another one under its name is left where it is, which is
        a failure that is retriable.
        """
        ...

    def check(self, *, may_write: bool = True) -> DoorReport:
        """Tries everything a working day needs. Without ``may_write`` nothing is written, and the clock cannot be told."""
        ...

    def close(self) -> None: ...


class BatchHeader(NamedTuple):
    """What heads a bank file."""

    bank: str
    batch_no: str
    period: str
    round: int
    business_date: date


class RequestLine(NamedTuple):
    """One deduction asked for, as it is read back."""

    line: int
    instruction_no: str
    unit: str
    account: str
    account_name: str
    amounts: FundAmounts
    partial: bool


class WrittenTotals(NamedTuple):
    """Control totals of the bytes as written."""

    lines: int
    amounts: FundAmounts
    total: Fen
    hash_total: int


class ResultFile(NamedTuple):
    """A bank's answer, parsed and consistent in itself; not yet held against the request.

    ``answers``: one row a line in the order of the file, with the columns of ``hub.domain.bank_results_columns.ANSWERS``.
    """

    bank: str
    batch_no: str
    request_name: str
    business_date: date
    answers: "pl.DataFrame"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not taken, with every fault that shows without the books.

    ``readable``: what of a bank's answer could be read all the same, so that the books can find its other faults.
    """

    faults: tuple[Fault, ...]
    readable: ResultFile | None = None

    @property
    def releasable(self) -> ResultFile | None:
        """The answer as two persons may release it: read whole, with no fault but such as they may override."""
        return None if hindering(self.faults) else self.readable

    def beside(self, found: Iterable[Fault]) -> tuple[Fault, ...]:
        """All faults together with those ``found`` against the request, each field of a line told once.

        A line that could not be read is not missing: it has its own fault.
        """
        told = {(fault.line, fault.field) for fault in self.faults}
        read_whole = self.releasable is not None
        more = (fault for fault in found if read_whole or fault.code is not FaultCode.MISSING_LINE)
        return in_file_order([*self.faults, *(fault for fault in more if (fault.line, fault.field) not in told)])


class BankFormat(Protocol):
    """A bank file profile (contract sections 3 and 4).

    ``encoding``: what its bytes are shown in. ``max_lines``: the most lines a request of it may have; hub.toml may ask
    for fewer. ``deducts_parts``: whether a bank may deduct part; hub.toml may say that a bank does not.
    ``records``: the elements that count as a line each, the head before them as line 1, where its files are messages of
    XML; empty for files of lines.
    """

    name: str
    encoding: str
    records: tuple[str, ...]
    max_lines: int
    deducts_parts: bool

    def request_name(self, bank: str, day: date, seq: int) -> str: ...

    def write_request(self, header: BatchHeader, parts: Iterable["pl.DataFrame"], out: BinaryIO) -> WrittenTotals:
        """Writes a request as a stream; the lines are numbered from 1 through all parts.

        Columns of a part: line (i32), instruction_no, unit, account, account_name (text), pension, unemployment, injury,
        maternity (i64, fen), partial (bool: the bank may deduct part).
        """
        ...

    def read_request(self, data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
        """Reads back a request of ours (verify, trace, conformance)."""
        ...

    def pieces(self, line: bytes) -> Sequence[str]:
        """A line of a request for people, cut at the edges of its fields; joined, the pieces are the whole line."""
        ...

    def carried_name(self, name: str) -> str:
        """An account name as ``read_request`` gives it back: whole, or as much of it as the form has room for."""
        ...

    def is_result_name(self, name: str, bank: str) -> bool: ...

    def result_number(self, name: str, bank: str) -> ResultNumber | None:
        """The bank's own number in a result's name; None for a name that is not this bank's or has none."""
        ...

    def ok_text(self, sha256: str, size: int) -> bytes: ...

    def ok_agrees(self, ok: bytes, sha256: str, size: int) -> bool: ...

    def is_change_name(self, name: str, bank: str) -> bool:
        """Whether a file in a bank's inbound directory claims to change answers; no other file is given to parse_change."""
        ...

    def parse_change(self, name: str, bank: str, data: BinaryIO) -> ChangesFile | Refused:
        """A bank's file of changed answers (更正), complete and consistent in itself, or every fault of it."""
        ...

    def parse_result(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        """``data`` is read from where it stands, perhaps twice."""
        ...
