"""Explanations out of the books: the pieces of a bill, and an entry with the bills behind it, as values that can be printed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from hub.domain.bill_account import BillAccount, CarriedOut, Piece
from hub.domain.explanations import HOLDS, Part, Place, Said, say_posting
from hub.domain.funds import FUND_NAMES, NOTHING, Fund, FundAmounts, sum_of
from hub.domain.money import Fen
from hub.domain.posting import Account, EntryKind

BILLS_SHOWN: Final = 20
"""Bills behind an entry that are listed; the others are counted."""


def amounts(each: FundAmounts, fund: Fund | None) -> dict[str, int]:
    """Fen by fund and in total, or of the one fund that was asked for."""
    if fund is not None:
        return {fund.value: each[FUND_NAMES.index(fund.value)]}
    return {**each._asdict(), "total": each.total}


def of_account(account: BillAccount, fund: Fund | None = None) -> dict[str, Any]:
    """Where every fen of a bill is: what is due, and each place with its amounts. Suspense is beside what is due."""
    places = {place.value: amounts(held, fund) for place, held in account.places.items()}
    return {"due": amounts(account.due, fund), **places}


def of_pieces(pieces: Iterable[Piece], fund: Fund | None = None) -> list[dict[str, Any]]:
    """Pieces with rule, version, step and evidence; of one fund only those that hold some of it."""
    place = None if fund is None else FUND_NAMES.index(fund.value)
    return [_of_piece(piece, fund) for piece in pieces if place is None or piece.amounts[place]]


def _of_piece(piece: Piece, fund: Fund | None) -> dict[str, Any]:
    said = piece.said
    turns = [
        {"fund": turn.fund.value, "asked": turn.asked, "left": turn.left, "got": turn.got, "short": turn.short}
        for turn in piece.split
    ]
    return {
        "place": piece.place.value,
        "way": said.what,
        "part_of_due": piece.place is not Place.SUSPENSE,
        "amounts": amounts(piece.amounts, fund),
        **_of_said(said),
        **_of_step(piece.carried_out),
        "business_date": piece.day.isoformat(),
        "evidence": dict(piece.evidence),
        "split": turns,
        "because": [{"reason": each.what, **_of_said(each)} for each in piece.because],
    }


def _of_said(said: Said) -> dict[str, Any]:
    return {
        "rule": said.reading.rule.value,
        "version": said.reading.version,
        "in_force_from": said.reading.in_force_from.isoformat(),
        "articles": list(said.reading.articles),
        "our_reading": said.reading.ours,
        "zh": said.says.zh,
        "en": said.says.en,
    }


def _of_step(carried_out: CarriedOut) -> dict[str, Any]:
    return {
        "processor": carried_out.processor,
        "step": None if carried_out.step is None else carried_out.step.value,
        "round": carried_out.round or None,
        "at": None if carried_out.at is None else carried_out.at.isoformat(),
        "booking_period": carried_out.booking_period or None,
    }


# ── journal entries ─────────────────────────────────────────────────────────────────────────────────────────────────
def _money(table: str, joined: str, sign: str = "", into: str = "", where: str = "true") -> str:
    """SQL: rows (bill, part, four funds) of money behind an entry; ``sign`` '-' for what was taken back."""
    funds = ", ".join(f"{sign}c.{fund} as {fund}" for fund in FUND_NAMES)
    settles = (
        f"case when b.kind = 'A' or b.kind = 'M' and c.booking_period > b.period then '{Part.ARREARS}' "
        f"else '{Part.DUES}' end"
    )
    part = f"'{Part.SUSPENSE}'" if table == "suspense" else settles
    return (
        f"select b.bill_no, {part} as part, {funds} from {joined} join bill b on b.id = c.bill_id{into} where {where}"
    )


def _both(joined: str, sign: str = "", where: str = "true") -> str:
    return " union all ".join(
        _money(table, joined.format(table=table), sign, where=where) for table in ("collection", "suspense")
    )


_LINES: Final = """batch t join batch_section s on s.batch_id = t.id and s.agency = :agency
    cross join lateral (
        select * from {table} where batch_id = t.id and line >= greatest(s.first_line, :first) and line < :end
            and line < s.first_line + (upper(s.instructions) - lower(s.instructions)) offset 0) c"""
_FILE: Final = "file_intake f join {rows} r on r.file_id = f.id"
_ACCEPTED: Final = "f.identity = :identity and f.outcome = 'accepted'"
_CHANGES: Final = f"{_FILE.format(rows='reversal')} join {{table}} c on c.reversal_id = r.id and c.source = "
_OF_AGENCY: Final = f"{_ACCEPTED} and b.agency = :agency"
_BACK, _ANEW = (
    _both(f"{_CHANGES}'BANK_REVERSAL'", "-", where=_OF_AGENCY),
    _both(f"{_CHANGES}'BANK_CHANGE'", where=_OF_AGENCY),
)
_BILLED: Final = ", ".join(f"b.{fund}" for fund in FUND_NAMES)
BEHIND: Final[Mapping[EntryKind, str]] = {
    EntryKind.DUES_TAKEN_IN: f"""
        select b.bill_no, '{Part.DUES}' as part, {_BILLED} from {_FILE.format(rows="bill")} join bill b on b.id = r.id
        where {_ACCEPTED} and r.period = split_part(:identity, '/', 3)""",
    EntryKind.BANK_ARRIVAL: _both(_LINES, where="t.batch_no = :identity and c.entry_id = :entry"),
    EntryKind.AGENCY_ARRIVAL: _both(_LINES, where="t.batch_no = :identity"),
    EntryKind.RECEIPT: _money(
        "collection", f"{_FILE.format(rows='receipt')} join collection c on c.receipt_id = r.id", where=_ACCEPTED
    ),
    EntryKind.RECEIPT_RETURNED: _money(
        "collection", f"{_FILE.format(rows='reversal')} join collection c on c.reversal_id = r.id", "-", where=_ACCEPTED
    ),
    EntryKind.ANSWER_REVERSED: _BACK,
    EntryKind.ANSWER_CHANGED: _ANEW,
    EntryKind.AGENCY_ANSWER_REVERSED: _BACK,
    EntryKind.AGENCY_ANSWER_CHANGED: _ANEW,
    EntryKind.ARREARS_OPENED: f"""
        select b.bill_no, '{Part.OPENED}' as part, {", ".join(f"a.{fund}" for fund in FUND_NAMES)}
        from arrears a join bill b on b.id = a.bill_id
        where a.period = :booking_period and a.agency = :agency and a.entry_id = :entry""",
    EntryKind.CANCELLATION: f"""
        select b.bill_no, '{Part.DUES}' as part, {_BILLED} from cancellation x join bill b on b.id = x.bill_id
        where x.entry_id = :entry""",
}
"""SQL: the bills behind an entry of each kind, as rows (bill, part, four funds)."""
_BY_EVENT: Final = frozenset(
    {
        EntryKind.BANK_ARRIVAL,
        EntryKind.AGENCY_ARRIVAL,
        EntryKind.AGENCY_ANSWER_REVERSED,
        EntryKind.AGENCY_ANSWER_CHANGED,
    }
)
_SUBJECT: Final = text("""
    select coalesce(o.subject, d.subject), coalesce(o.lines, d.lines) from (select cast(:cause as uuid) as id) e
    left join outbox o on o.event_id = e.id
    left join lateral (select settles from inbox where event_id = e.id limit 1) n on o.event_id is null
    left join outbox d on d.event_id = n.settles
""")
_LINES_MAX: Final = 2**31 - 1


def _about(conn: Connection, what: EntryKind, cause: str) -> dict[str, Any]:
    """The file behind an entry, or the batch and its lines: its cause is a file's identity, or an event about one of them."""
    whole = {"identity": cause, "first": 1, "end": _LINES_MAX}
    if what not in _BY_EVENT:
        return whole
    subject, lines = conn.execute(_SUBJECT, {"cause": UUID(cause)}).one()
    if what in (EntryKind.AGENCY_ANSWER_REVERSED, EntryKind.AGENCY_ANSWER_CHANGED):
        return {**whole, "identity": str(subject).rpartition("/")[0]}
    batch, _agency, *bundle = str(subject).split("/")
    if not bundle:  # an agency's notice is about all its lines
        return {**whole, "identity": batch}
    first = int(bundle[-1])
    return {"identity": batch, "first": first, "end": first + lines}


def of_entry(
    conn: Connection, entry: Row[Any], postings: Sequence[Row[Any]], fund: Fund | None = None
) -> dict[str, Any]:
    """Why an entry has each of its accounts, and the bills behind it: listed, counted, and added up against the postings."""
    what = EntryKind(entry.what)
    sums = ", ".join(f"sum({name})::bigint" for name in FUND_NAMES)
    found = conn.execute(
        text(f"""
            with k as materialized ({BEHIND[what]})
            select true, part, {sums}, 0 from k group by part union all (
            select false, bill_no, {sums}, count(*) over () from k group by bill_no order by bill_no collate "C" limit :most)
        """),
        {
            "entry": entry.id, "agency": entry.agency, "booking_period": entry.booking_period, "most": BILLS_SHOWN,
            **_about(conn, what, entry.cause),
        },
    ).all()  # fmt: skip
    held = {Part(row[1]): FundAmounts(*row[2:6]) for row in found if row[0]}
    listed = [row for row in found if not row[0]]
    bills = [{"bill": row[1], "amounts": amounts(FundAmounts(*row[2:6]), fund)} for row in listed]
    return {
        "why": [_of_posted(entry, what, each, held, fund) for each in _by_account(postings)],
        "bills_behind": {"count": listed[0][6] if listed else 0, "bills": bills},
    }


def _by_account(postings: Sequence[Row[Any]]) -> list[tuple[Account, str, FundAmounts]]:
    """An entry has an account on one side only."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in postings:
        found.setdefault((row.account, row.side), {})[row.fund] = row.amount_fen
    return [
        (Account(account), side, FundAmounts(*(Fen(funds.get(name, 0)) for name in FUND_NAMES)))
        for (account, side), funds in found.items()
    ]


def _of_posted(
    entry: Row[Any], what: EntryKind, posted: tuple[Account, str, FundAmounts], held: Mapping[Part, FundAmounts],
    fund: Fund | None,
) -> dict[str, Any]:  # fmt: skip
    account, side, booked = posted
    behind = sum_of(held.get(part, NOTHING) for part in HOLDS[account])
    return {
        "account": account.value,
        "side": side,
        "amounts": amounts(booked, fund),
        **_of_said(say_posting(what, account, entry.business_date)),
        "behind": amounts(behind, fund),
        "agrees": behind == booked,
    }
