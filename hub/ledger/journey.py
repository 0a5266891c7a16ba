"""The whole journey of a bill, instruction, receipt, file, batch, unit or entry: rows, bytes, topic and offset, entries.

A journey is a tree of stops; each stop is one row of the books with what came of it. Amounts are fen. Account numbers
and holders' names are masked, in the rows and in the very lines of the files.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID, uuid5
from xml.sax.saxutils import unescape

from sqlalchemy import Connection, Row, text

import topics
from hub.domain.funds import FUND_NAMES, Fund
from hub.domain.other_incomes import Item
from hub.ledger import archived_lines, bill_accounts, explanations
from hub.ledger.archived_lines import Line
from hub.ledger.bills import HEADER_LINES
from hub.ports import BankFormat, FileArchive
from hub.wire.events import NAMESPACE

UNIT_BILLS_SHOWN: Final = 24
"""Bills of a unit that its journey follows, the latest first."""
MEMBERS_SHOWN: Final = 100
"""Lines of a supplement's members that its journey follows, as they stand in the file."""
_FAULTS_SHOWN: Final = 20
_DIGITS_SHOWN: Final = 4
_ENTRY_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stop:
    """One row of the books, and the stops that follow from it."""

    kind: str
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    then: tuple["Stop", ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"stop": self.kind, "name": self.name, **self.facts, "then": [stop.as_json() for stop in self.then]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Where the lines of files are read, and how each door's files are encoded.

    ``format_of``: the file profile of a bank's code; ``bank_encoding`` is that of a bank that is not configured any more.
    """

    archive: FileArchive
    agency_encoding: str
    bank_encoding: str
    format_of: Callable[[str], BankFormat | None] = lambda _: None

    def line(self, sha256: str, number: int, encoding: str, secrets: Sequence[str] = ()) -> dict[str, Any]:
        """One line of an archived file, from 1, as it stands there, with where its bytes are. ``secrets`` are masked."""

        def pieces(line: bytes) -> Sequence[str]:
            return re.split(r"(\|)", line.decode(encoding, errors="backslashreplace"))

        return {"line": _Wanted(sha256, number, pieces, secrets, _Layout(in_order=True))}

    def asked(self, sha256: str, number: int, bank: str, secrets: Sequence[str]) -> dict[str, Any]:
        """The same of a request file of a bank; the account name is masked as far as the file has room for it."""
        profile = self.format_of(bank)
        if profile is None:
            return self.line(sha256, number, self.bank_encoding, secrets)
        secrets = [*secrets, *map(profile.carried_name, secrets)]
        return {"line": _Wanted(sha256, number, profile.pieces, secrets, _Layout(profile.records, in_order=True))}

    def answered(self, sha256: str, number: int, bank: str) -> dict[str, Any]:
        """The same of a file that a bank sent: a result, or changed answers."""
        profile = self.format_of(bank)
        encoding, records = (self.bank_encoding, ()) if profile is None else (profile.encoding, profile.records)
        (wanted,) = self.line(sha256, number, encoding).values()
        return {"line": wanted._replace(layout=_Layout(records, in_order=False))}

    def read(self, wanted: Iterable["_Wanted"]) -> "_Read":
        """What is shown of these lines. Each file is opened once, however many of its lines are wanted."""
        files: dict[tuple[str, _Layout], set[int]] = {}
        for each in wanted:
            files.setdefault((each.sha256, each.layout), set()).add(each.number)
        return {(sha256, layout): self._found(sha256, layout, numbers) for (sha256, layout), numbers in files.items()}

    def _found(self, sha256: str, layout: "_Layout", numbers: Collection[int]) -> Mapping[int, Line] | None:
        """The lines that the file has, by number; None when it is not in the archive."""
        try:
            source = self.archive.find(sha256).path.open("rb")
        except FileNotFoundError:
            return None
        with source:
            return {line.number: line for line in layout.lines(source, numbers)}


class _Layout(NamedTuple):
    """What counts as a line of a file: a record, of a message (as ``BankFormat.records``), else what a line feed ends.

    ``in_order``: its ``D`` lines were found, or written, to be numbered one after the other behind the header.
    """

    records: tuple[str, ...] = ()
    in_order: bool = False

    def lines(self, source: BinaryIO, numbers: Collection[int]) -> Iterable[Line]:
        if self.records:
            return archived_lines.records(source, self.records, numbers)
        if self.in_order:
            return archived_lines.numbered_lines(source, numbers, HEADER_LINES + 1)
        return archived_lines.lines(source, numbers)


class _Wanted(NamedTuple):
    """A line that a journey shows: which of which file, how it is cut into pieces, and what of it is masked."""

    sha256: str
    number: int
    pieces: Callable[[bytes], Sequence[str]]
    secrets: Sequence[str]
    layout: _Layout

    def shown(self, files: "_Read") -> dict[str, Any]:
        """The facts of the line, once the files have been read."""
        found = files[self.sha256, self.layout]
        if found is None:
            return {"line": self.number, "text": None, "missing": f"{self.sha256} is not in the archive"}
        line = found.get(self.number)
        if line is None:
            return {"line": self.number, "text": None, "missing": "the file is shorter"}
        text = masked(self.pieces(line.data.rstrip(b"\n")), self.secrets)
        return {"line": self.number, "text": text, "offset": line.offset, "bytes": len(line.data)}


_Read = Mapping[tuple[str, _Layout], Mapping[int, Line] | None]
"""The lines that were found, by number, of each file and what counts as a line in it; None for a file that is gone."""


def _wanted(stop: Stop) -> Iterator[_Wanted]:
    """The lines that this stop shows, and those that follow from it."""
    yield from (fact for fact in stop.facts.values() if isinstance(fact, _Wanted))
    for each in stop.then:
        yield from _wanted(each)


def _shown(stop: Stop, files: _Read) -> Stop:
    """The stop, and all behind it, with the lines that were read in the place of those that were wanted."""
    facts: dict[str, Any] = {}
    for name, fact in stop.facts.items():
        facts |= fact.shown(files) if isinstance(fact, _Wanted) else {name: fact}
    return replace(stop, facts=facts, then=tuple(_shown(each, files) for each in stop.then))


def masked(pieces: Sequence[str], secrets: Sequence[str]) -> str:
    """The line of these pieces with the fields that are secret masked, and nothing else touched."""
    return "".join(_masked_piece(piece, secrets) for piece in pieces)


def _masked_piece(piece: str, secrets: Sequence[str]) -> str:
    if piece and (piece in secrets or unescape(piece) in secrets):  # a message writes some signs as references
        return mask(piece)
    bare = piece.rstrip(" ")  # a field of fixed width is filled up
    return mask(bare) + piece[len(bare) :] if bare and bare in secrets else piece


def mask(secret: str) -> str:
    """An account number keeps its last four digits, a name its first character."""
    if secret.isascii() and secret.isdigit():
        return "*" * max(len(secret) - _DIGITS_SHOWN, 0) + secret[-_DIGITS_SHOWN:]
    return secret[:1] + "*" * (len(secret) - 1)


def follow(conn: Connection, name: str, files: Bytes, fund: Fund | None = None) -> tuple[Stop, ...]:
    """Every journey that ``name`` names, with why its money is where it is; empty when the books know nothing of that name.

    ``fund`` narrows the explanations, not the journey. A number that is no other name is that of a journal entry.
    """
    search = _Search(conn, files, fund)
    found = tuple(stop for stops in search.ways() for stop in stops(name)) or tuple(search.entry(name))
    read = files.read(each for stop in found for each in _wanted(stop))
    return tuple(_shown(stop, read) for stop in found)


def _amounts(row: Row[Any], prefix: str = "") -> dict[str, int]:
    each = {fund: getattr(row, f"{prefix}{fund}") for fund in FUND_NAMES}
    return {**each, "total": sum(each.values())}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _facts(row: Row[Any], *names: str) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


class _Search:
    """Reads the books for one journey."""

    def __init__(self, conn: Connection, files: Bytes, fund: Fund | None) -> None:
        self._conn = conn
        self._files = files
        self._fund = fund

    def ways(self) -> tuple[Any, ...]:
        """How a name can be meant, each giving the stops it finds."""
        return (
            lambda name: map(self._why_bill, self._rows("select * from bill where bill_no = :name", name=name)),
            lambda name: map(self._why_of("instruction", self.instruction), self._instructions(name)),
            lambda name: map(
                self._why_of("receipt", self.receipt),
                self._rows("select * from receipt where receipt_no = :name", name=name),
            ),
            lambda name: map(
                self._why_of("return", self.reversal),
                self._rows("select * from reversal where return_no = :name", name=name),
            ),
            lambda name: map(self.income, self._rows("select * from other_income where income_no = :name", name=name)),
            lambda name: map(self.subsidy, self._rows("select * from subsidy where subsidy_no = :name", name=name)),
            lambda name: map(
                self.batch, self._rows("select * from batch where batch_no = :name or file_name = :name", name=name)
            ),
            lambda name: map(
                self.intake, self._rows("select * from file_intake where name = :name order by id", name=name)
            ),
            self.unit,
        )

    def _rows(self, query: str, **values: Any) -> Sequence[Row[Any]]:
        return self._conn.execute(text(query), values).all()

    # ── bills ───────────────────────────────────────────────────────────────────────────────────────────────────
    def unit(self, name: str) -> Iterator[Stop]:
        bills = self._rows(
            """
            select * from bill where unit = cast(:name as bpchar) and kind = 'M' union all
            select * from bill where unit = cast(:name as bpchar) and kind <> 'M'
            order by period desc, id desc limit :most
            """,
            name=name,
            most=UNIT_BILLS_SHOWN,
        )
        if bills:
            accounts = bill_accounts.accounts(self._conn, [bill.id for bill in bills])
            then = tuple(
                _with(self.bill(bill), account=explanations.of_account(accounts[bill.id], self._fund)) for bill in bills
            )
            facts = {"unit_name": bills[0].unit_name, "bills": len(then)}
            yield Stop("unit", name, facts, (*then, *self._hand_overs(name)))

    def _hand_overs(self, unit: str) -> Iterator[Stop]:
        """Its hand-overs to inspection and the labour administration, and back."""
        found = self._rows(
            "select * from hand_over where unit = cast(:unit as bpchar) order by agency, step", unit=unit
        )
        for row in found:
            facts = _facts(row, "agency", "from_desk", "to_desk", "handed_on", "by_whom", "note", "recorded_at")
            yield Stop("hand-over", row.unit, facts | {"amount": row.outstanding})

    def bill(self, bill: Row[Any]) -> Stop:
        facts = _facts(bill, "period", "kind", "agency", "unit", "unit_name", "mode", "bank", "accepted_at")
        facts |= {"refers_to": bill.refers_to} if bill.refers_to else {}
        facts |= {"account": mask(bill.account), "account_name": mask(bill.account_name), "due": _amounts(bill)}
        asked = self._rows("select * from instruction where bill_id = :bill order by period, round", bill=bill.id)
        paid = self._rows("select * from receipt where bill_id = :bill order by id", bill=bill.id)
        then = (
            self._file(bill.file_id, bill.line + HEADER_LINES, (bill.account, bill.account_name)),
            *map(self.instruction, asked),
            *self._second_collections(bill),
            *map(self.receipt, paid),
            *self._members(bill),
            *self._subsidies(bill),
            *self._cancellation(bill),
            *self._arrears(bill),
        )
        return Stop("bill", bill.bill_no, facts, then)

    def _second_collections(self, bill: Row[Any]) -> Iterator[Stop]:
        for row in self._rows("select * from second_collection where bill_id = :bill order by id", bill=bill.id):
            then = (self._file(row.file_id, row.line + HEADER_LINES),)
            yield Stop("second-collection", bill.bill_no, _facts(row, "period", "mode", "pay_on", "accepted_at"), then)

    def _members(self, bill: Row[Any]) -> Iterator[Stop]:
        """表四 of the bill: its members, masked as the books keep them for those who only look; never a line of the file."""
        query = """
            select l.*, f.name, f.sha256, f.received_at from member_list l join file_intake f on f.id = l.file_id
            where l.bill_no = :bill_no and l.agency = :agency and :kind = 'S'
        """
        for row in self._rows(query, **_facts(bill, "bill_no", "agency", "kind")):
            names = (
                "variant", "lines", "members", "approval_no", "unit_pension", "unit_unemployment", "medical_personal",
                "medical_subsidy", "file_line", "sha256", "received_at",
            )  # fmt: skip
            lines = self._rows(
                f"""
                select line, shown_no, shown_name, first_month, last_month, {", ".join(FUND_NAMES)}, unit_pension, unit_unemployment
                from member_line where list_id = :id order by line limit :most
                """,
                id=row.id,
                most=MEMBERS_SHOWN,
            )
            then = tuple(
                Stop(
                    "member", each.shown_no,
                    {"name_shown": each.shown_name, "file_line": each.line + HEADER_LINES, "amounts": _amounts(each),
                     **_facts(each, "first_month", "last_month", "unit_pension", "unit_unemployment")},
                )
                for each in lines
            )  # fmt: skip
            yield Stop("members", row.name, {**_facts(row, *names), "amounts": _amounts(row)}, then)

    def _subsidies(self, bill: Row[Any]) -> Iterator[Stop]:
        """What unemployment finance booked for the bill, and brought back."""
        return map(self.subsidy, self._rows("select * from subsidy where bill_id = :bill order by id", bill=bill.id))

    def subsidy(self, row: Row[Any]) -> Stop:
        facts = _facts(
            row, "movement", "pension", "unemployment", "medical", "booked_on", "booking_period", "accepted_at"
        )
        then = (self._file(row.file_id, row.line + HEADER_LINES), *self._entries(row.entry_id))
        return Stop("subsidy", row.subsidy_no, facts, then)

    def _cancellation(self, bill: Row[Any]) -> Iterator[Stop]:
        for row in self._rows("select * from cancellation where bill_id = :bill", bill=bill.id):
            then = tuple(self._entries(row.entry_id)) if row.entry_id is not None else ()
            yield Stop(
                "cancelled", bill.bill_no, _facts(row, "reason", "cause", "cancelled_at", "booking_period"), then
            )

    def _arrears(self, bill: Row[Any]) -> Iterator[Stop]:
        """Of a monthly bill the arrears it left, with the repayments filed for them; of a repayment those it repays."""
        repays = {
            "unit": bill.unit,
            "period": bill.refers_to if bill.kind == "A" else bill.period,
            "agency": bill.agency,
        }
        if bill.kind == "S":
            return
        found = self._rows(
            """
            select o.*, a.entry_id, b.bill_no from arrears_of_bill o
            join bill b on b.id = o.bill_id left join arrears a on a.bill_id = o.bill_id
            where b.unit = :unit and b.period = :period and b.agency = :agency
            """,
            **repays,
        )
        for row in found:
            facts = {"opened": _amounts(row), **_facts(row, "in_doubt", "opened_on")}
            entries = () if row.entry_id is None else self._entries(row.entry_id)
            then = (*entries, *(self._repayments(repays) if bill.kind == "M" else ()), *self._late_fees(repays))
            yield Stop("arrears", row.bill_no, facts, then)

    def _repayments(self, arrears: Mapping[str, Any]) -> Iterator[Stop]:
        query = """
            select * from bill
            where kind = 'A' and unit = :unit and refers_to = :period and agency = :agency order by id
        """
        for row in self._rows(query, **arrears):
            facts = {**_facts(row, "period", "mode", "bank", "accepted_at"), "claimed": _amounts(row)}
            settled = self._event(_event_id(topics.ARREARS_SETTLED, f"repayment/{row.bill_no}"))
            yield Stop("repayment", row.bill_no, facts, (*settled, *self._cancellation(row)))

    def _late_fees(self, arrears: Mapping[str, Any]) -> Iterator[Stop]:
        query = (
            "select * from other_income where item = :fee and unit = :unit and period = :period and agency = :agency"
        )
        yield from map(self.income, self._rows(f"{query} order by id", fee=Item.LATE_FEE.value, **arrears))

    # ── a deduction ─────────────────────────────────────────────────────────────────────────────────────────────
    def _instructions(self, name: str) -> Sequence[Row[Any]]:
        bill_no, _, round_ = name.rpartition("-")
        query = (
            "select i.* from bill b join instruction i on i.bill_id = b.id where b.bill_no = :bill and i.round = :round"
        )
        return self._rows(query, bill=bill_no, round=int(round_)) if round_ in ("1", "2") else ()

    def instruction(self, row: Row[Any]) -> Stop:
        facts = {**_facts(row, "period", "round", "kind", "agency", "bank", "shard"), "requested": _amounts(row)}
        then = (*self._city_line(row), *self._batch_line(row))
        return Stop("instruction", row.instruction_no, facts, then)

    def _city_line(self, instruction: Row[Any]) -> Iterator[Stop]:
        session = "period = :period and round = :round and agency = :agency and bank = :bank"
        received = self._rows(
            f"select * from city_line where {session} and instruction_id = :id",
            **_facts(instruction, "id", "period", "round", "agency", "bank"),
        )
        for row in received:
            facts = {"received": _amounts(row)}
            yield Stop("city-line", instruction.instruction_no, facts, tuple(self._event(row.event_id)))

    def _batch_line(self, instruction: Row[Any]) -> Iterator[Stop]:
        lines = self._rows(
            """
            select l.batch_id, l.line, t.batch_no, t.bank, t.file_name, t.state, t.request_sha256, b.account,
                   b.account_name, b.agency
            from batch_line l join batch t on t.id = l.batch_id
            join instruction i on i.id = l.instruction_id join bill b on b.id = i.bill_id
            where l.instruction_id = :id
            """,
            id=instruction.id,
        )
        for row in lines:
            facts = {"file": row.file_name, "request_line": row.line, "state": row.state}
            if row.request_sha256 is not None:
                secrets = (row.account, row.account_name)
                at = row.line + HEADER_LINES
                facts |= self._files.asked(row.request_sha256, at, row.bank, secrets)
            then = (*self._delivery(row.batch_id), *self._answer(row), *self._money(row), *self._notice(row))
            yield Stop("batch-line", row.batch_no, facts, then)

    def _delivery(self, batch_id: int) -> Iterator[Stop]:
        for row in self._rows("select * from bank_file_receipt where batch_id = :id", id=batch_id):
            yield Stop("delivery", row.name, _facts(row, "size", "sha256", "host_key", "signed_by", "sent_at"))

    def _answer(self, line: Row[Any]) -> Iterator[Stop]:
        answers = self._rows(
            """
            select r.*, f.name, f.sha256, f.received_at from result_line r
            join batch t on t.id = r.batch_id left join file_intake f on f.id = t.result_file_id
            where r.batch_id = :batch and r.line = :line
            """,
            batch=line.batch_id,
            line=line.line,
        )
        for row in answers:
            facts = {"code": row.code, "deducted": _amounts(row), **_facts(row, "reference", "received_at")}
            if row.sha256 is not None:
                facts |= self._files.answered(row.sha256, row.file_line, line.bank)
            changes = self._rows(
                "select * from reversal where batch_id = :batch and line = :line order by version",
                batch=line.batch_id,
                line=line.line,
            )
            yield Stop("answer", row.name or line.batch_no, facts, tuple(map(self.change, changes)))

    def _money(self, line: Row[Any]) -> Iterator[Stop]:
        place = {"batch": line.batch_id, "line": line.line}
        for table, kind in (("collection", "collected"), ("suspense", "in-suspense")):
            for row in self._rows(f"select * from {table} where batch_id = :batch and line = :line", **place):
                facts = {"amounts": _amounts(row), "booking_period": row.booking_period}
                yield Stop(kind, line.batch_no, facts, tuple(self._entries(row.entry_id)))

    def _notice(self, line: Row[Any]) -> Iterator[Stop]:
        notices = self._rows(
            "select * from notice where batch_id = :batch and agency = :agency", batch=line.batch_id, agency=line.agency
        )
        for row in notices:
            yield self._noticed(row, line.batch_no)

    def _noticed(self, row: Row[Any], batch_no: str) -> Stop:
        facts = {
            "supplementary": row.supplementary,
            **{
                measure: {
                    "count": getattr(row, f"{measure}_count"),
                    **dict(zip(FUND_NAMES, getattr(row, measure), strict=True)),
                }
                for measure in ("requested", "arrived", "unarrived")
            },
        }
        then = (*self._event(row.event_id), *self._entries_caused(str(row.event_id)))
        return Stop("notice", f"{batch_no} {row.agency}", facts, then)

    # ── receipts, files, batches ────────────────────────────────────────────────────────────────────────────────
    def receipt(self, row: Row[Any]) -> Stop:
        facts = _facts(row, "agency", "method", "cheque_no", "amount", "received_on", "accepted_at")
        bill = self._rows("select bill_no from bill where id = :id", id=row.bill_id)[0]
        money = self._rows("select * from collection where receipt_id = :id", id=row.id)
        then = (
            self._file(row.file_id, row.line + HEADER_LINES),
            *self._event(_event_id(topics.RECEIPT_RECORDED, row.receipt_no)),
            *(
                Stop("collected", row.receipt_no, {"amounts": _amounts(each)}, tuple(self._entries(each.entry_id)))
                for each in money
            ),
            *map(self.reversal, self._rows("select * from reversal where receipt_id = :id", id=row.id)),
        )
        return Stop("receipt", row.receipt_no, {"bill": bill.bill_no, **facts}, then)

    def reversal(self, row: Row[Any]) -> Stop:
        """Money taken back: where it was told, what it took off the bill, the entry that mirrors the one it reverses."""
        facts = _facts(row, "what", "amount", "reason", "dated_on", "booking_period", "accepted_at")
        reversed_ = self._rows("select receipt_no from receipt where id = :id", id=row.receipt_id)[0]
        taken = self._rows("select * from collection where reversal_id = :id", id=row.id)
        then = (
            self._file(row.file_id, row.file_line + HEADER_LINES),
            *self._event(_event_id(topics.CHEQUE_RETURNED, row.return_no)),
            *(
                Stop("collected", row.return_no, {"amounts": _amounts(each)}, tuple(self._entries(each.entry_id)))
                for each in taken
            ),
        )
        return Stop("reversal", row.return_no, {"receipt": reversed_.receipt_no, **facts}, then)

    def income(self, row: Row[Any]) -> Stop:
        """Another income: where it was told, what it is of, the entry that books its file."""
        facts = _facts(row, "agency", "item", "unit", "period", "received_on", "booking_period", "accepted_at")
        facts = {name: fact for name, fact in facts.items() if fact is not None}
        then = (self._file(row.file_id, row.line + HEADER_LINES), *self._entries(row.entry_id))
        return Stop("other-income", row.income_no, {**facts, "booked": _amounts(row)}, then)

    def change(self, row: Row[Any]) -> Stop:
        """An answer that its bank changed: what it says now, what that took back and put in its place."""
        query = """
            select n.*, f.name, f.sha256, f.identity, f.party, b.agency from changed_answer n
            join reversal v on v.id = n.reversal_id join file_intake f on f.id = v.file_id join bill b on b.id = v.bill_id
            where v.id = :id
        """
        now = self._rows(query, id=row.id)[0]
        facts = _facts(row, "version", "amount", "reason", "dated_on", "booking_period", "accepted_at")
        facts |= {"code": now.code, "deducted": _amounts(now), **_facts(now, "deducted_before", "reference")}
        facts |= self._files.answered(now.sha256, row.file_line + HEADER_LINES, now.party)
        moved = self._rows(
            f"""
            select source, {", ".join(FUND_NAMES)}, entry_id from collection where reversal_id = :id
            union all select source || ' of suspense', {", ".join(FUND_NAMES)}, entry_id from suspense where reversal_id = :id
            order by 1 desc
            """,
            id=row.id,
        )
        then = (
            *self._event(_event_id(topics.ANSWER_CHANGED, f"{now.identity}/{now.agency}")),
            *(
                Stop("booked", each.source, {"amounts": _amounts(each)}, tuple(self._entries(each.entry_id)))
                for each in moved
            ),
        )
        return Stop("changed-answer", now.name, facts, then)

    def _file(self, file_id: int, line: int, secrets: Sequence[str] = ()) -> Stop:
        row = self._rows("select * from file_intake where id = :id", id=file_id)[0]
        facts = {
            **_facts(row, "identity", "sha256", "received_at"),
            **self._files.line(row.sha256, line, self._files.agency_encoding, secrets),
        }
        entries = self._entries_caused(row.identity) if row.identity else ()
        return Stop("file", row.name, facts, tuple(entries))

    def intake(self, row: Row[Any]) -> Stop:
        facts = _facts(
            row, "door", "party", "outcome", "identity", "sha256", "received_at", "lines", "total", "signed_by"
        )
        if row.faults:
            facts |= {"fault_count": len(row.faults), "faults": row.faults[:_FAULTS_SHOWN]}
        batches = self._rows("select * from batch where result_file_id = :id", id=row.id)
        if row.stands_for is not None:
            facts |= _facts(row, "proposed_by", "approved_by", "stands_for")
        entries = self._entries_caused(row.identity) if row.identity else ()
        return Stop("file", row.name, facts, (*self._decisions(row), *entries, *map(self.batch, batches)))

    def _decisions(self, intake: Row[Any]) -> Iterator[Stop]:
        """What persons decided about a quarantined file; of one that they let in, about the file it stands for."""
        about = intake.stands_for or intake.id
        for row in self._rows("select * from quarantine_decision where file_id = :id order by id", id=about):
            facts = {"by": row.by_whom, "at": _plain(row.decided_at), **_facts(row, "note", "file", "sha256")}
            yield Stop("decision", row.act, facts)

    def batch(self, row: Row[Any]) -> Stop:
        names = (
            "bank", "period", "round", "business_date", "file_name", "lines", "hash_total", "state", "trouble",
            "request_sha256", "booking_period", "posting_date", "posted_lines", "late",
        )  # fmt: skip
        answered = self._rows("select name, sha256, received_at from file_intake where id = :id", id=row.result_file_id)
        notices = self._rows("select * from notice where batch_id = :id order by agency", id=row.id)
        then = (
            *self._event(_event_id(topics.DEDUCTION_BATCHED, row.batch_no)),
            *self._delivery(row.id),
            *self._event(_event_id(topics.BANK_FILE_SENT, row.batch_no)),
            *(Stop("answer", file.name, _facts(file, "sha256", "received_at")) for file in answered),
            *self._batch_entries(row.id),
            *(self._noticed(notice, row.batch_no) for notice in notices),
        )
        return Stop("batch", row.batch_no, {**_facts(row, *names), "requested": _amounts(row)}, then)

    def _batch_entries(self, batch_id: int) -> Iterator[Stop]:
        found = self._rows(
            """
            select entry_id from collection where batch_id = :id union select entry_id from suspense where batch_id = :id
            order by 1
            """,
            id=batch_id,
        )
        for row in found:
            yield from self._entries(row.entry_id)

    # ── why ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _why_bill(self, bill: Row[Any]) -> Stop:
        account = bill_accounts.accounts(self._conn, [bill.id])[bill.id]
        why = explanations.of_pieces((*account.pieces, *account.beyond), self._fund)
        return _with(self.bill(bill), account=explanations.of_account(account, self._fund), why=why)

    def _why_of(self, evidence: str, stop_of: Callable[[Row[Any]], Stop]) -> Callable[[Row[Any]], Stop]:
        """The stop of a row, with the pieces of its bill that rest on it; where none does, with what the bill lacks."""

        def explained(row: Row[Any]) -> Stop:
            stop = stop_of(row)
            account = bill_accounts.accounts(self._conn, [row.bill_id])[row.bill_id]
            pieces = [each for each in (*account.pieces, *account.beyond) if each.evidence.get(evidence) == stop.name]
            pieces = pieces or [each for each in account.pieces if each.because]
            return _with(stop, why=explanations.of_pieces(pieces, self._fund))

        return explained

    def entry(self, number: str) -> Iterator[Stop]:
        """A journal entry by its number: its cause, why it has its accounts, and the bills behind it."""
        if not _ENTRY_NUMBER.fullmatch(number):
            return
        for row in self._rows("select * from journal_entry where id = :id", id=int(number)):
            (stop,) = self._entries(row.id)
            postings = self._rows("select * from journal_posting where entry_id = :id order by n", id=row.id)
            yield _with(stop, **explanations.of_entry(self._conn, row, postings, self._fund))

    # ── events and journal ──────────────────────────────────────────────────────────────────────────────────────
    def _event(self, event_id: UUID) -> Iterator[Stop]:
        """The event where it waited (outbox) and where it was taken (inbox): topic, partition, offset."""
        said = self._rows("select * from outbox where event_id = :id", id=event_id)
        heard = self._rows("select * from inbox where event_id = :id order by taken_at", id=event_id)
        taken = tuple(
            Stop("taken", row.consumer, _facts(row, "topic", "partition", "offset", "taken_at")) for row in heard
        )
        if said:
            row = said[0]
            facts = {"topic": row.topic, "key": row.key, "event_id": str(event_id)}
            facts |= _facts(row, "occurred_at", "published_at", "published", "awaiting")
            yield Stop("event", row.subject, facts, taken)
        elif heard:  # derived by a stream processor: it has a source instead of a place in the outbox
            source = tuple(self._event(heard[0].settles)) if heard[0].settles != event_id else ()
            facts = {"topic": heard[0].topic, "event_id": str(event_id)}
            yield Stop("event", str(event_id), facts, (*taken, *source))

    def _entries(self, entry_id: int) -> Iterator[Stop]:
        return self._entry_stops("id = :value", entry_id)

    def _entries_caused(self, cause: str) -> Iterator[Stop]:
        return self._entry_stops("cause = :value", cause)

    def _entry_stops(self, where: str, value: object) -> Iterator[Stop]:
        """Entries with all their postings: an entry books a bundle or a file whole, not this one line of it."""
        for row in self._rows(f"select * from journal_entry where {where} order by id", value=value):
            postings = self._rows("select * from journal_posting where entry_id = :id order by n", id=row.id)
            facts = _facts(row, "level", "agency", "what", "cause", "booking_period", "business_date", "posted_at")
            facts["postings"] = [_facts(each, "account", "fund", "side", "amount_fen") for each in postings]
            cause = _as_event_id(row.cause)
            then = () if cause is None or where.startswith("cause") else tuple(self._event(cause))
            yield Stop("entry", str(row.id), facts, then)


def _with(stop: Stop, **facts: Any) -> Stop:
    return replace(stop, facts={**stop.facts, **facts})


def _event_id(topic: topics.Topic, subject: str) -> UUID:
    return uuid5(NAMESPACE, f"{topic.name}|{subject}")


def _as_event_id(cause: str) -> UUID | None:
    try:
        return UUID(cause)
    except ValueError:
        return None
