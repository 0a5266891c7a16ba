"""Invariant 3: debits = credits in every entry; control accounts = the sum of their sub-ledger."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

import topics
from hub.domain.funds import FUND_NAMES
from hub.domain.posting import MEMORANDUM, Account, EntryKind, Level, Side
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets, fund_sums, nothing

_BY_FUND = ", ".join(f"coalesce(sum(amount_fen) filter (where fund = '{fund}' and {{0}}), 0)" for fund in FUND_NAMES)
_MEMORANDUM = ", ".join(f"'{account.value}'" for account in sorted(MEMORANDUM))


def entries_balance(conn: Connection, _evidence: Evidence) -> Outcome:
    """Debits (expected) = credits (found) of every entry, per fund, money and memorandum apart."""
    query = f"""
        select 'journal_entry' as place, entry_id::text as key,
            array[{_BY_FUND.format("side = 'D'")}]::bigint[] as expected,
            array[{_BY_FUND.format("side = 'C'")}]::bigint[] as found
        from journal_posting group by entry_id, account in ({_MEMORANDUM})
    """
    return compare_sets(conn, "entries-balance", "journal entries", FUND_NAMES, query)


_NOTICED = f"""
    select n.batch_id, n.agency from notice n join inbox x on x.event_id = n.event_id
    where x.consumer = '{topics.ARRIVAL_NOTIFIED.settled_by[0]}'
"""
"""Batches that an agency has booked. Until it takes its notice, its books rightly lag behind the city's."""

_CHANGES_TAKEN = f"""
    select v.id from reversal v join bill b on b.id = v.bill_id join file_intake f on f.id = v.file_id
    join outbox o on o.topic = '{topics.ANSWER_CHANGED.name}' and o.subject = f.identity || '/' || b.agency
    join inbox x on x.event_id = o.event_id and x.consumer = '{topics.ANSWER_CHANGED.settled_by[0]}'
"""
"""Changed answers that the agency has booked."""

_OF_BILLS = "select b.agency, {0} from {1} c join bill b on b.id = c.bill_id where {2}"
_FUNDS = ", ".join(FUND_NAMES)
_C_FUNDS = ", ".join(f"c.{fund}" for fund in FUND_NAMES)
_MINUS_FUNDS = ", ".join(f"-c.{fund}" for fund in FUND_NAMES)
_SPORADIC = "c.source in ('RECEIPT', 'RECEIPT_REVERSAL')"
_FROM_CITY = f"((c.batch_id, b.agency) in ({_NOTICED}) or c.reversal_id in ({_CHANGES_TAKEN}))"
_AT_AGENCY = f"({_SPORADIC} or {_FROM_CITY})"
_SETTLES_ARREARS = "(b.kind = 'A' or b.kind = 'M' and c.booking_period > b.period)"

BANK_MONEY: Final = _OF_BILLS.format(_C_FUNDS, "collection", f"not {_SPORADIC}")
RECEIPTS: Final = _OF_BILLS.format(_C_FUNDS, "collection", _SPORADIC)
NOTICED_MONEY: Final = _OF_BILLS.format(_C_FUNDS, "collection", _FROM_CITY)
AGENCY_MONEY: Final = _OF_BILLS.format(_C_FUNDS, "collection", _AT_AGENCY)
BEYOND: Final = _OF_BILLS.format(_C_FUNDS, "suspense", "true")
NOTICED_BEYOND: Final = _OF_BILLS.format(_C_FUNDS, "suspense", _FROM_CITY)
IN_TIME: Final = _OF_BILLS.format(_MINUS_FUNDS, "collection", f"{_AT_AGENCY} and not {_SETTLES_ARREARS}")
SETTLED: Final = _OF_BILLS.format(_MINUS_FUNDS, "collection", f"{_AT_AGENCY} and {_SETTLES_ARREARS}")
OTHER_INCOMES: Final = f"select agency, {_FUNDS} from other_income"
ARREARS: Final = f"select agency, {_FUNDS} from arrears"
ARREARS_OFF: Final = f"select agency, {', '.join(f'-{fund}' for fund in FUND_NAMES)} from arrears"
BILLS: Final = f"select agency, {_FUNDS} from bill where kind <> 'A'"
CANCELLED: Final = f"""
    select b.agency, {", ".join(f"-b.{fund}" for fund in FUND_NAMES)}
    from cancellation x join bill b on b.id = x.bill_id where b.kind <> 'A'
"""
UNIT_PARTS: Final = _OF_BILLS.format("c.pension, c.unemployment, 0, 0", "subsidy", "true")
UNIT_PARTS_PAID: Final = _OF_BILLS.format("0, c.pension + c.unemployment, 0, 0", "subsidy", "true")
MEDICAL_PAID: Final = _OF_BILLS.format("0, c.medical, 0, 0", "subsidy", "true")


@dataclass(frozen=True, slots=True)
class ControlAccount:
    """An account of the journal and the rows it must equal, by agency and fund. ``side``: where its balance stands."""

    level: Level
    account: Account
    side: Side
    sub_ledger: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"control-account-{self.level.value}-{self.account.value}".lower().replace("_", "-")

    def __call__(self, conn: Connection, _evidence: Evidence) -> Outcome:
        signed = ", ".join(
            f"coalesce(sum(case when p.side = :side then p.amount_fen else -p.amount_fen end)"
            f" filter (where p.fund = '{fund}'), 0)"
            for fund in FUND_NAMES
        )
        query = f"""
            select 'journal_posting' as place, :level || ' ' || :account || ' of ' || agency as key,
                coalesce(s.amounts, {nothing(len(FUND_NAMES))}) as expected,
                coalesce(a.amounts, {nothing(len(FUND_NAMES))}) as found
            from (
                select e.agency, array[{signed}]::bigint[] as amounts
                from journal_posting p join journal_entry e on e.id = p.entry_id
                where e.level = :level and p.account = :account group by e.agency) a
            full join (
                select l.agency, {fund_sums("l")} as amounts
                from ({" union all ".join(self.sub_ledger)}) l (agency, {_FUNDS}) group by l.agency) s
            using (agency)
        """
        bound = {"level": self.level.value, "account": self.account.value, "side": self.side}
        return compare_sets(conn, self.name, "agencies", FUND_NAMES, query, **bound)


CONTROL_ACCOUNTS: Final = (
    ControlAccount(Level.CITY, Account.INCOME_ACCOUNT, "D", (BANK_MONEY, BEYOND)),
    ControlAccount(Level.CITY, Account.FUND_INCOME, "C", (BANK_MONEY,)),
    ControlAccount(Level.CITY, Account.SUSPENSE, "C", (BEYOND,)),
    ControlAccount(Level.AGENCY, Account.INCOME_ACCOUNT, "D", (RECEIPTS, OTHER_INCOMES, UNIT_PARTS)),
    ControlAccount(Level.AGENCY, Account.OTHER_INCOME, "C", (OTHER_INCOMES,)),
    ControlAccount(Level.AGENCY, Account.CITY_CLEARING, "D", (NOTICED_MONEY, NOTICED_BEYOND)),
    ControlAccount(Level.AGENCY, Account.FUND_INCOME, "C", (AGENCY_MONEY,)),
    ControlAccount(Level.AGENCY, Account.SUSPENSE, "C", (NOTICED_BEYOND,)),
    ControlAccount(Level.AGENCY, Account.MEMO_DUES, "D", (BILLS, IN_TIME, ARREARS_OFF, CANCELLED)),
    ControlAccount(Level.AGENCY, Account.MEMO_ARREARS, "D", (ARREARS, SETTLED)),
    ControlAccount(Level.AGENCY, Account.SUBSIDY_INCOME, "C", (UNIT_PARTS,)),
    ControlAccount(Level.AGENCY, Account.UNIT_SUBSIDY, "D", (UNIT_PARTS_PAID,)),
    ControlAccount(Level.AGENCY, Account.MEDICAL_SUBSIDY, "D", (MEDICAL_PAID,)),
    ControlAccount(Level.AGENCY, Account.EXPENDITURE_ACCOUNT, "C", (UNIT_PARTS_PAID, MEDICAL_PAID)),
)


_BOOKS_LINES: Final[tuple[tuple[EntryKind, Account, Side, int], ...]] = (
    (EntryKind.BANK_ARRIVAL, Account.FUND_INCOME, "C", 1),
    (EntryKind.BANK_ARRIVAL, Account.SUSPENSE, "C", 1),
    (EntryKind.RECEIPT, Account.FUND_INCOME, "C", 1),
    (EntryKind.RECEIPT_RETURNED, Account.FUND_INCOME, "D", -1),
    (EntryKind.ANSWER_REVERSED, Account.FUND_INCOME, "D", -1),
    (EntryKind.ANSWER_REVERSED, Account.SUSPENSE, "D", -1),
    (EntryKind.ANSWER_CHANGED, Account.FUND_INCOME, "C", 1),
    (EntryKind.ANSWER_CHANGED, Account.SUSPENSE, "C", 1),
    (EntryKind.ARREARS_OPENED, Account.MEMO_ARREARS, "D", 1),
    (EntryKind.DUES_TAKEN_IN, Account.MEMO_DUES, "D", 1),
    (EntryKind.CANCELLATION, Account.MEMO_CONTRA, "D", 1),
    (EntryKind.OTHER_INCOME, Account.OTHER_INCOME, "C", 1),
    (EntryKind.SUBSIDY, Account.SUBSIDY_INCOME, "C", 1),
    (EntryKind.SUBSIDY, Account.MEDICAL_SUBSIDY, "D", 1),
    (EntryKind.SUBSIDY_BACK, Account.SUBSIDY_INCOME, "D", -1),
    (EntryKind.SUBSIDY_BACK, Account.MEDICAL_SUBSIDY, "C", -1),
)
"""Which posting of an entry has rows of its own behind it, and the sign of those rows: what is taken back is negative."""


def entries_equal_their_lines(conn: Connection, _evidence: Evidence) -> Outcome:
    """Each entry against the very rows it booked: money on bills, suspense, arrears opened, bills taken in, cancelled."""
    booked = ", ".join(
        f"coalesce(sum(k.sign * p.amount_fen) filter (where p.fund = '{fund}'), 0)" for fund in FUND_NAMES
    )
    of_entry = f"select entry_id, '{{0}}' as account, {fund_sums('l')} as amounts from {{1}} l group by entry_id"
    booking = ", ".join(f"('{kind}', '{account}', '{side}', {sign})" for kind, account, side, sign in _BOOKS_LINES)
    query = f"""
        with booked as (
            select p.entry_id, p.account, array[{booked}]::bigint[] as amounts
            from journal_posting p join journal_entry e on e.id = p.entry_id
            join (values {booking}) k (what, account, side, sign)
                on k.what = e.what and k.account = p.account and k.side = p.side
            group by p.entry_id, p.account),
        lines as (
            {of_entry.format(Account.FUND_INCOME, "collection")}
            union all {of_entry.format(Account.SUSPENSE, "suspense")}
            union all {of_entry.format(Account.MEMO_ARREARS, "arrears")}
            union all {of_entry.format(Account.OTHER_INCOME, "other_income")}
            union all select e.id, '{Account.MEMO_DUES}', {fund_sums("b")}
                from bill b join file_intake f on f.id = b.file_id
                left join journal_entry e on e.cause = f.identity and e.what = '{EntryKind.DUES_TAKEN_IN}'
                where b.kind <> 'A' group by e.id
            union all select entry_id, '{Account.SUBSIDY_INCOME}', array[sum(pension), sum(unemployment), 0, 0]::bigint[]
                from subsidy where medical = 0 group by entry_id
            union all select entry_id, '{Account.MEDICAL_SUBSIDY}', array[0, sum(medical), 0, 0]::bigint[]
                from subsidy where medical <> 0 group by entry_id
            union all select x.entry_id, '{Account.MEMO_CONTRA}', {fund_sums("b")}
                from cancellation x join bill b on b.id = x.bill_id where b.kind <> 'A' group by x.entry_id)
        select 'journal_entry' as place, coalesce(entry_id::text, 'missing') || ' ' || account as key,
            lines.amounts as expected, booked.amounts as found
        from booked full join lines using (entry_id, account)
    """
    return compare_sets(conn, "entries-equal-their-lines", "entries", FUND_NAMES, query)


def agency_books_equal_notices(conn: Connection, _evidence: Evidence) -> Outcome:
    """表二十七 = agency books: each notice that an agency took is booked with what it says arrived."""
    booked = ", ".join(f"coalesce(sum(p.amount_fen) filter (where p.fund = '{fund}'), 0)" for fund in FUND_NAMES)
    query = f"""
        select 'notice' as place, b.batch_no || ' ' || n.agency as key, n.arrived as expected,
            coalesce(e.amounts, {nothing(len(FUND_NAMES))}) as found
        from ({_NOTICED}) t join notice n using (batch_id, agency) join batch b on b.id = n.batch_id
        left join (
            select e.cause, e.agency, array[{booked}]::bigint[] as amounts
            from journal_entry e join journal_posting p on p.entry_id = e.id
            where e.level = '{Level.AGENCY}' and p.account = '{Account.CITY_CLEARING}' and p.side = 'D'
            group by e.cause, e.agency) e on e.cause = n.event_id::text and e.agency = n.agency
    """
    return compare_sets(conn, "agency-books-equal-notices", "notices", FUND_NAMES, query)
