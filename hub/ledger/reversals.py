"""Reversals (冲销): money taken back from bills, each linked to what had brought it; the journal mirrors it per entry."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from hub.domain.changed_answers import ChangeLine, ChangesFile, Shared, StandingAnswer
from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.ids import AgencyCode, BillNo, InstructionNo, ReceiptNo, UnitNo
from hub.domain.periods import Period
from hub.domain.receipts import Method
from hub.domain.returned_payments import BookedReceipt, ReturnLine

_FUNDS = ", ".join(FUND_NAMES)


def receipts_by_number(conn: Connection, receipt_nos: Collection[str]) -> dict[str, BookedReceipt]:
    """The receipts among these numbers that were ever booked, with the money that each brought."""
    found = conn.execute(
        text(f"""
            select r.id, r.receipt_no, b.id, b.bill_no, r.agency, b.unit, b.shard, b.kind, b.period, r.method, r.received_on,
                   {", ".join(f"c.{fund}" for fund in FUND_NAMES)}, exists (select from reversal v where v.receipt_id = r.id)
            from receipt r join bill b on b.id = r.bill_id join collection c on c.receipt_id = r.id
            where r.receipt_no = any(:wanted)
        """),
        {"wanted": list(receipt_nos)},
    )
    return {
        row[1]: BookedReceipt(
            row[0], ReceiptNo(row[1]), row[2], BillNo(row[3]), AgencyCode(row[4]), UnitNo(row[5]), row[6], Kind(row[7]),
            Period(row[8]), Method(row[9]), row[10], FundAmounts(*row[11:15]), row[15],
        )
        for row in found
    }  # fmt: skip


def known_returns(conn: Connection, return_nos: Collection[str]) -> set[str]:
    """Return ids taken in before."""
    found = conn.execute(
        text("select return_no from reversal where return_no = any(:wanted)"), {"wanted": list(return_nos)}
    )
    return set(found.scalars())


def keep_returns(
    conn: Connection, *, file_id: int, at: datetime, booking_period: Period,
    lines: Iterable[tuple[ReturnLine, BookedReceipt]],
) -> None:  # fmt: skip
    """Stores accepted returns, each with the receipt that came back. That none comes back twice, its unique key says."""
    conn.execute(
        text("""
            insert into reversal (what, bill_id, receipt_id, return_no, amount, reason, dated_on, booking_period, file_id,
                                  file_line, accepted_at)
            values ('RETURNED_RECEIPT', :bill, :receipt, :return_no, :amount, :reason, :dated_on, :booking_period, :file_id,
                    :line, :at)
        """),
        [
            {
                "bill": receipt.bill_id, "receipt": receipt.receipt_id, "return_no": line.return_no,
                "amount": line.amount, "reason": line.reason, "dated_on": line.returned_on,
                "booking_period": str(booking_period), "file_id": file_id, "line": line.line, "at": at,
            }
            for line, receipt in lines
        ],
    )  # fmt: skip


def take_back_receipts(
    conn: Connection, return_nos: Sequence[str], *, booking_period: Period, business_date: date, entry_id: int
) -> None:
    """Takes the money of returned receipts off their bills: the very row that each had put there, negative."""
    taken = conn.execute(
        text(f"""
            insert into collection (bill_id, source, reversal_id, {_FUNDS}, booking_period, business_date, entry_id)
            select c.bill_id, 'RECEIPT_REVERSAL', v.id, {", ".join(f"-c.{fund}" for fund in FUND_NAMES)},
                   :booking_period, :business_date, :entry_id
            from reversal v join collection c on c.receipt_id = v.receipt_id
            where v.return_no = any(:returned)
        """),
        {
            "returned": list(return_nos), "booking_period": str(booking_period), "business_date": business_date,
            "entry_id": entry_id,
        },
    )  # fmt: skip
    assert taken.rowcount == len(return_nos), f"{taken.rowcount} of {len(return_nos)} receipts had money on a bill"


# ── changed answers ─────────────────────────────────────────────────────────────────────────────────────────────────
_STANDING_ANSWERS = f"""
    select t.id, t.batch_no, t.bank, r.line, i.instruction_no, b.unit, {", ".join(f"i.{fund}" for fund in FUND_NAMES)},
           t.partial and i.kind = 'M', b.id, b.bill_no, b.agency, b.shard, b.kind, b.period,
           coalesce(n.deducted, r.deducted), coalesce(n.version, 0)
    from unnest(cast(:bills as text[]), cast(:rounds as smallint[])) as w (bill_no, round)
    join bill b on b.bill_no = w.bill_no join instruction i on i.bill_id = b.id and i.round = w.round
    join batch_section s on s.instructions @> i.id join batch t on t.id = s.batch_id and t.bank = :bank
    join result_line r on r.batch_id = t.id and r.line = s.first_line + (i.id - lower(s.instructions))
    left join lateral (
        select v.version, c.deducted from reversal v join changed_answer c on c.reversal_id = v.id
        where v.batch_id = r.batch_id and v.line = r.line order by v.version desc limit 1) n on true
"""


def standing_answers(conn: Connection, bank: str, instructions: Collection[str]) -> dict[str, StandingAnswer]:
    """What a bank's answers to these instructions say by now; those that it has not answered are left out."""
    named = [number.rpartition("-") for number in instructions]
    asked = [(bill_no, int(round_)) for bill_no, _, round_ in named if round_ in ("1", "2")]
    found = conn.execute(
        text(_STANDING_ANSWERS),
        {"bills": [bill_no for bill_no, _ in asked], "rounds": [round_ for _, round_ in asked], "bank": bank},
    )
    return {
        row[4]: StandingAnswer(
            row[0], row[1], row[2], row[3], InstructionNo(row[4]), UnitNo(row[5]), FundAmounts(*row[6:10]), row[10], row[11],
            BillNo(row[12]), AgencyCode(row[13]), row[14], Kind(row[15]), Period(row[16]), row[17], row[18],
        )
        for row in found
    }  # fmt: skip


def keep_changes(
    conn: Connection, *, file: ChangesFile, file_id: int, at: datetime, booking_period: Period,
    pairs: Iterable[tuple[ChangeLine, StandingAnswer]],
) -> list[int]:  # fmt: skip
    """Stores accepted changes, each with the answer that it changes; their numbers. That a version of an answer is
    changed once, its unique key says."""
    made = []
    for change, answer in pairs:
        values = {
            "bill": answer.bill_id, "batch": answer.batch_id, "line": answer.line, "version": answer.version + 1,
            "amount": change.before, "reason": change.reason, "dated_on": file.date,
            "booking_period": str(booking_period), "file_id": file_id, "file_line": change.file_line - 1, "at": at,
        }  # fmt: skip
        number = conn.execute(_KEEP_CHANGE, values).scalar_one()
        answered = {
            "reversal": number, "before": change.before, "deducted": change.now, **change.split._asdict(),
            "code": change.code, "reference": change.reference,
        }  # fmt: skip
        conn.execute(_KEEP_ANSWER, answered)
        made.append(int(number))
    return made


_KEEP_CHANGE = text("""
    insert into reversal (what, bill_id, batch_id, line, version, amount, reason, dated_on, booking_period, file_id,
                          file_line, accepted_at)
    values ('CHANGED_ANSWER', :bill, :batch, :line, :version, :amount, :reason, :dated_on, :booking_period, :file_id,
            :file_line, :at)
    returning id
""")
_KEEP_ANSWER = text(f"""
    insert into changed_answer (reversal_id, deducted_before, deducted, {_FUNDS}, code, reference)
    values (:reversal, :before, :deducted, {", ".join(f":{fund}" for fund in FUND_NAMES)}, :code, :reference)
""")


class TakenBack(NamedTuple):
    """What a change took back of an answer: on its bill, and in suspense."""

    applied: FundAmounts
    suspense: FundAmounts


def take_back_answers(
    conn: Connection, changes: Sequence[int], *, booking_period: Period, business_date: date, entries: Mapping[str, int]
) -> dict[int, TakenBack]:
    """Takes back what the answers changed had booked: the very rows, negative. ``entries``: by agency.

    Returns what each change took back, by its number.
    """
    values = {
        "changes": list(changes), "booking_period": str(booking_period), "business_date": business_date,
        "agencies": list(entries), "entries": list(entries.values()),
    }  # fmt: skip
    applied = {row[0]: FundAmounts(*row[1:]) for row in conn.execute(_TAKE_BACK["collection"], values)}
    suspense = {row[0]: FundAmounts(*row[1:]) for row in conn.execute(_TAKE_BACK["suspense"], values)}
    return {
        change: TakenBack(*(NOTHING.minus(taken.get(change, NOTHING)) for taken in (applied, suspense)))
        for change in changes
    }


def _take_back(table: str, columns: str, values: str) -> TextClause:
    """A first change takes back what the answer itself had booked, each further one what the change before it had."""
    return text(f"""
        insert into {table} (bill_id, source, reversal_id, {_FUNDS}, booking_period, entry_id{columns})
        select c.bill_id, 'BANK_REVERSAL', v.id, {", ".join(f"-c.{fund}" for fund in FUND_NAMES)}, :booking_period,
               e.entry_id{values}
        from reversal v join bill b on b.id = v.bill_id
        join unnest(cast(:agencies as text[]), cast(:entries as bigint[])) as e (agency, entry_id) on e.agency = b.agency
        left join reversal w on w.batch_id = v.batch_id and w.line = v.line and w.version = v.version - 1
        join {table} c on (v.version = 1 and c.batch_id = v.batch_id and c.line = v.line)
            or (c.reversal_id = w.id and c.source = 'BANK_CHANGE')
        where v.id = any(:changes)
        returning reversal_id, {_FUNDS}
    """)


_TAKE_BACK = {
    "collection": _take_back("collection", ", business_date", ", :business_date"),
    "suspense": _take_back("suspense", "", ""),
}


def put_in_place(
    conn: Connection, shared: Sequence[tuple[int, int, Shared, int]], *, booking_period: Period, business_date: date
) -> None:
    """Books the money of changed answers: (number of the change, bill, what it takes and what is beyond, entry)."""
    whole = {"booking_period": str(booking_period), "business_date": business_date}
    for table, part in (("collection", 0), ("suspense", 1)):
        rows = [
            {**whole, "change": change, "bill": bill, "entry": entry, **money[part]._asdict()}
            for change, bill, money, entry in shared
            if money[part].total
        ]
        if rows:
            conn.execute(_PUT_IN_PLACE[table], rows)


def _put_in_place(table: str, columns: str, values: str) -> TextClause:
    return text(f"""
        insert into {table} (bill_id, source, reversal_id, {_FUNDS}, booking_period, entry_id{columns})
        values (:bill, 'BANK_CHANGE', :change, {", ".join(f":{fund}" for fund in FUND_NAMES)}, :booking_period,
                :entry{values})
    """)


_PUT_IN_PLACE = {
    "collection": _put_in_place("collection", ", business_date", ", :business_date"),
    "suspense": _put_in_place("suspense", "", ""),
}


class ChangedMoney(NamedTuple):
    """What the changes of a file come to for an agency: taken back and put in place, each four funds."""

    reversed_dues: FundAmounts
    reversed_arrears: FundAmounts
    reversed_suspense: FundAmounts
    dues: FundAmounts
    arrears: FundAmounts
    suspense: FundAmounts


def changed_money(conn: Connection, agency: str, identity: str) -> ChangedMoney:
    """What the books hold of an accepted file of changes for an agency: what the agency checks its event against."""
    into_arrears = "(b.kind = 'A' or b.kind = 'M' and c.booking_period > b.period)"
    booked = f"""
        select c.source, {into_arrears} as into_arrears, false as beyond, {", ".join(f"c.{fund}" for fund in FUND_NAMES)}
        from file_intake f join reversal v on v.file_id = f.id join bill b on b.id = v.bill_id and b.agency = :agency
        join collection c on c.reversal_id = v.id where f.identity = :identity and f.outcome = 'accepted'
        union all
        select c.source, false, true, {", ".join(f"c.{fund}" for fund in FUND_NAMES)}
        from file_intake f join reversal v on v.file_id = f.id join bill b on b.id = v.bill_id and b.agency = :agency
        join suspense c on c.reversal_id = v.id where f.identity = :identity and f.outcome = 'accepted'
    """
    sums = ", ".join(
        f"coalesce(sum({sign}{fund}) filter (where source = '{source}' and {where}), 0)::bigint"
        for source, sign in (("BANK_REVERSAL", "-"), ("BANK_CHANGE", ""))
        for where in ("not into_arrears and not beyond", "into_arrears", "beyond")
        for fund in FUND_NAMES
    )
    row = conn.execute(text(f"select {sums} from ({booked}) booked"), {"agency": agency, "identity": identity}).one()
    return ChangedMoney(*(FundAmounts(*row[at : at + len(FUND_NAMES)]) for at in range(0, len(row), len(FUND_NAMES))))
