"""What a check finds: rows compared, and the culprits by table, key, expected and found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn

from sqlalchemy import Connection, text

from hub.domain.dues import DuesFile
from hub.domain.funds import FUND_NAMES
from hub.domain.members import MembersFile
from hub.domain.other_incomes import IncomesFile
from hub.domain.receipts import ReceiptsFile
from hub.domain.returned_payments import ReturnsFile
from hub.domain.subsidies import SubsidiesFile
from hub.ports import BankFormat, FileArchive, Refused

CULPRITS_NAMED: Final = 20
"""Culprits a check names; it always tells how many there are."""

COUNTED: Final = ("count", *FUND_NAMES)


def _nobody_reads(name: str, _data: BinaryIO) -> NoReturn:
    raise AssertionError(f"{name} is to be read, and whoever verifies has given no reader for it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What books are held against besides themselves: the archive's bytes, and who can read them."""

    archive: FileArchive
    read_dues: Callable[[str, BinaryIO], DuesFile | Refused]
    read_receipts: Callable[[str, BinaryIO], ReceiptsFile | Refused]
    read_returns: Callable[[str, BinaryIO], ReturnsFile | Refused]
    read_incomes: Callable[[str, BinaryIO], IncomesFile | Refused]
    format_of: Callable[[str], BankFormat | None]
    """The file profile of a bank's code; None when the bank is not configured any more."""
    read_members: Callable[[str, BinaryIO], MembersFile | Refused] = _nobody_reads
    read_subsidies: Callable[[str, BinaryIO], SubsidiesFile | Refused] = _nobody_reads


class Culprit(NamedTuple):
    """A row that is not what it must be."""

    table: str
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.table} {self.key}: expected {self.expected}, found {self.found}"


class Outcome(NamedTuple):
    """The answer of one check."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        return self._asdict()


@dataclass(slots=True)
class Findings:
    """Gathers what one check compares. Millions of rows may pass; only the first culprits are kept."""

    checked: int = 0
    wrong: int = 0
    named: list[Culprit] = field(default_factory=list)

    def compare(self, table: str, key: object, expected: object, found: object) -> None:
        """One comparison; sequences of the same length are told apart member by member."""
        self.checked += 1
        if expected != found:
            self.blame(table, key, expected, found)

    def blame(self, table: str, key: object, expected: object, found: object) -> None:
        self.wrong += 1
        if len(self.named) < CULPRITS_NAMED:
            self.named.append(Culprit(table, str(key), _shown(expected), _shown(found)))

    def outcome(self, name: str, what: str) -> Outcome:
        """``what`` names the things compared, in the plural."""
        if not self.wrong:
            return Outcome(name, True, f"{self.checked:,} {what}")
        more = self.wrong - len(self.named)
        listed = "; ".join(map(str, self.named)) + (f"; and {more:,} more" if more else "")
        return Outcome(name, False, f"{self.wrong:,} of {self.checked:,} {what} differ: {listed}")


def _shown(value: object) -> str:
    return "nothing" if value is None or value == "" else str(value)


def compare_sets(conn: Connection, name: str, what: str, labels: Sequence[str], query: str, **values: Any) -> Outcome:
    """Compares two sides of the books in one statement.

    ``query`` yields place, key, expected, found; the last two are arrays whose members ``labels`` names, or null where
    a side has no row at all.
    """
    statement = f"""
        with compared as materialized ({query}),
             wrong as materialized (select * from compared where expected is distinct from found)
        select (select count(*) from compared), (select count(*) from wrong), w.place, w.key, w.expected, w.found
        from (select) one left join (select * from wrong order by place, key limit {CULPRITS_NAMED}) w on true
    """
    findings = Findings()
    for checked, wrong, place, key, expected, found in conn.execute(text(statement), values):
        findings.checked = checked
        if wrong:
            findings.blame(place, key, *_differing(labels, expected, found))
            findings.wrong = wrong
    return findings.outcome(name, what)


def _differing(labels: Sequence[str], expected: Sequence[Any] | None, found: Sequence[Any] | None) -> tuple[str, str]:
    """Only the members that differ, with their names."""
    if expected is None or found is None:
        return _listed(labels, expected), _listed(labels, found)
    differ = [at for at, (one, other) in enumerate(zip(expected, found, strict=True)) if one != other]
    names = [labels[at] for at in differ]
    return _listed(names, [expected[at] for at in differ]), _listed(names, [found[at] for at in differ])


def _listed(labels: Sequence[str], values: Sequence[Any] | None) -> str:
    if values is None:
        return "nothing"
    return ", ".join(
        f"{label} {'none' if value is None else value}" for label, value in zip(labels, values, strict=True)
    )


def funds(source: str) -> str:
    """The four funds of a row as an array."""
    return f"array[{', '.join(f'{source}.{fund}' for fund in FUND_NAMES)}]"


def fund_sums(source: str, where: str = "", *, counted: str = "") -> str:
    """The four funds added up, as an array of bigint; ``counted`` puts a count before them."""
    only = f" filter (where {where})" if where else ""
    sums = [f"coalesce(sum({source}.{fund}){only}, 0)" for fund in FUND_NAMES]
    return f"array[{', '.join([counted, *sums] if counted else sums)}]::bigint[]"


def nothing(count: int) -> str:
    """An array of zeros, for a side that has no rows."""
    return f"array_fill(0::bigint, array[{count}])"


@contextmanager
def opened(evidence: Evidence, digest: str, findings: Findings, what: str) -> Iterator[BinaryIO | None]:
    """The archived bytes of a digest, proven first; None when they are gone or others, and ``findings`` say so."""
    try:
        path = evidence.archive.find(digest).path
        with path.open("rb") as source:
            if digest_of(source) == digest:
                source.seek(0)
                yield source
                return
        findings.blame("archived_file", f"{digest[:12]}… ({what})", "the bytes it is named after", "other bytes")
    except FileNotFoundError:
        findings.blame("archived_file", f"{digest[:12]}… ({what})", "a file in the archive", "")
    yield None


def digest_of(source: BinaryIO) -> str:
    """SHA-256 of what is left of a stream, in hex."""
    digest = sha256()
    while block := source.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
