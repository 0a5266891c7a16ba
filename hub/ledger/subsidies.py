"""Subsidies (补贴划转): what unemployment finance booked for subsidised workers, and what of it has to come back."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.domain.ids import AgencyCode, BillNo, SubsidyNo
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.subsidies import (
    TAKES_BACK,
    BookedSubsidy,
    Movement,
    SubsidiesFile,
    SubsidisedBill,
    SubsidyAmounts,
    SubsidyLine,
)
from hub.domain.work import Queue
from hub.ledger import work_items

_BILLS = text(f"""
    select b.id, b.bill_no, b.agency, b.shard, b.total, c.arrived, c.arrived_on, x.bill_id is not null as cancelled,
           l.unit_pension, l.unit_unemployment, l.medical_subsidy
    from bill b
    left join member_list l on l.bill_no = b.bill_no and l.agency = b.agency and l.variant = '1' and b.kind = 'S'
    left join cancellation x on x.bill_id = b.id
    cross join lateral (
        select coalesce(sum({" + ".join(f"c.{fund}" for fund in FUND_NAMES)}), 0)::bigint as arrived,
               max(coalesce(r.received_on, c.business_date)) as arrived_on
        from collection c left join receipt r on r.id = c.receipt_id where c.bill_id = b.id) c
    where b.bill_no = any(:wanted)
""")
_BOOKED = text("""
    select s.bill_id, s.movement, s.subsidy_no, abs(s.pension), abs(s.unemployment), abs(s.medical), s.booked_on
    from subsidy s where s.bill_id = any(:bills)
""")


def bills_by_number(conn: Connection, bill_nos: Collection[str]) -> dict[str, SubsidisedBill]:
    """The bills among these that are filed, each with what its 表四-1 says and what is booked of it."""
    rows = conn.execute(_BILLS, {"wanted": list(bill_nos)}).all()
    booked = _booked(conn, [row.id for row in rows])
    return {
        row.bill_no: SubsidisedBill(
            row.id, BillNo(row.bill_no), AgencyCode(row.agency), row.shard, row.total, row.arrived, row.arrived_on,
            row.cancelled,
            None if row.unit_pension is None else {
                Movement.UNIT: SubsidyAmounts(row.unit_pension, row.unit_unemployment, Fen(0)),
                Movement.MEDICAL: SubsidyAmounts(Fen(0), Fen(0), row.medical_subsidy),
            },
            booked.get(row.id, {}),
        )
        for row in rows
    }  # fmt: skip


def _booked(conn: Connection, bill_ids: Collection[int]) -> dict[int, dict[Movement, BookedSubsidy]]:
    """What is booked on these bills, amounts without the sign of what comes back."""
    booked: dict[int, dict[Movement, BookedSubsidy]] = {}
    for bill, movement, subsidy_no, *amounts, booked_on in conn.execute(_BOOKED, {"bills": list(bill_ids)}):
        row = BookedSubsidy(SubsidyNo(subsidy_no), SubsidyAmounts(*amounts), booked_on)
        booked.setdefault(bill, {})[Movement(movement)] = row
    return booked


def known(conn: Connection, subsidy_nos: Collection[str]) -> set[str]:
    """Subsidy ids taken in before."""
    found = conn.execute(
        text("select subsidy_no from subsidy where subsidy_no = any(:wanted)"), {"wanted": list(subsidy_nos)}
    )
    return set(found.scalars())


def keep(
    conn: Connection, file: SubsidiesFile, bills: Mapping[str, SubsidisedBill], entries: Mapping[bool, int], *,
    file_id: int, at: datetime, booking_period: Period, business_date: date,
) -> None:  # fmt: skip
    """Stores accepted lines; ``entries``: the journal's, of what goes out (False) and of what comes back (True)."""
    rows = []
    for line in file.lines:
        back = line.movement in TAKES_BACK
        amounts = {name: -fen if back else fen for name, fen in line.amounts._asdict().items()}
        rows.append(
            {
                "subsidy_no": line.subsidy_no, "bill": bills[line.bill_no].bill_id, "movement": line.movement.value,
                **amounts, "booked_on": line.booked_on, "period": str(booking_period), "day": business_date,
                "entry": entries[back], "file": file_id, "line": line.line, "at": at,
            }
        )  # fmt: skip
    conn.execute(_KEEP, rows)


_KEEP = text("""
    insert into subsidy (subsidy_no, bill_id, movement, pension, unemployment, medical, booked_on, booking_period,
                         business_date, entry_id, file_id, line, accepted_at)
    values (:subsidy_no, :bill, :movement, :pension, :unemployment, :medical, :booked_on, :period, :day, :entry, :file, :line, :at)
""")


def outstanding(booked: Mapping[Movement, BookedSubsidy]) -> dict[Movement, BookedSubsidy]:
    """The movements that are booked and not brought back."""
    back = {TAKES_BACK[movement] for movement in booked if movement in TAKES_BACK}
    return {movement: row for movement, row in booked.items() if movement not in TAKES_BACK and movement not in back}


def ask_for_their_return(conn: Connection, bills: Mapping[int, tuple[str, str]], at: datetime) -> None:
    """The personal parts of these bills came back (退票, 更正): a work item for each on which subsidies stand.

    ``bills``: agency and number, by id. Nothing is booked: the money is unemployment finance's to bring back.
    """
    for bill_id, booked in sorted(_booked(conn, bills.keys()).items()):
        standing = outstanding(booked)
        if standing:
            agency, bill_no = bills[bill_id]
            work_items.raise_item(
                conn, queue=Queue.SUBSIDY, agency=agency, field="bill id", about=bill_no, at=at,
                summary=_summary(bill_no, standing),
                detail={movement.value: row.subsidy_no for movement, row in standing.items()},
            )  # fmt: skip


def see_to_items(
    conn: Connection, lines: Collection[SubsidyLine], bills: Mapping[str, SubsidisedBill], at: datetime
) -> None:
    """What was brought back settles the item of its bill, or shortens what it still asks for."""
    numbers = {line.bill_no: bills[line.bill_no].bill_id for line in lines if line.movement in TAKES_BACK}
    booked = _booked(conn, numbers.values())
    for bill_no, bill_id in numbers.items():
        standing = outstanding(booked[bill_id])
        if standing:
            work_items.reword(conn, Queue.SUBSIDY, bill_no, _summary(bill_no, standing))
        else:
            work_items.settle(
                conn, Queue.SUBSIDY, bill_no, "unemployment finance has brought back what it had booked", at
            )


def _summary(bill_no: str, standing: Mapping[Movement, BookedSubsidy]) -> str:
    said = [
        f"{movement.value} {print_yuan(standing[movement].amounts.total)} ({standing[movement].subsidy_no})"
        if movement in standing
        else f"{movement.value} nothing"
        for movement in (Movement.UNIT, Movement.MEDICAL)
    ]
    return f"the personal part of bill {bill_no} came back; unemployment finance has to bring back: {', '.join(said)}"
