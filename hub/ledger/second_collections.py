"""Second collections (再次扣款): which bills an agency asks the banks for again, and which it takes off their list."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy import Connection, text


def unanswered(conn: Connection, bill_ids: Collection[int]) -> set[int]:
    """Bills with an instruction that the bank has not answered; an answer is taken for a whole file or not at all."""
    found = conn.execute(
        text("""
            select distinct i.bill_id from instruction i
            where i.bill_id = any(:bills) and not exists (
                select from batch_section s join batch t on t.id = s.batch_id
                where s.instructions @> i.id and t.result_file_id is not null)
        """),
        {"bills": list(bill_ids)},
    )
    return set(found.scalars())


def about_to_be_asked(conn: Connection, bill_ids: Collection[int], closed_at: datetime) -> set[int]:
    """Bills that the first upload, whose hour was ``closed_at``, asks for, whether or not it is drawn up yet."""
    found = conn.execute(
        text("""
            select b.id from bill b
            where b.id = any(:bills) and b.mode = 'B' and b.accepted_at < :closed_at and not exists (
                select from second_collection s
                where s.bill_id = b.id and s.mode = 'S' and s.accepted_at < :closed_at)
        """),
        {"bills": list(bill_ids), "closed_at": closed_at},
    )
    return set(found.scalars())


def ended(conn: Connection, bill_ids: Collection[int]) -> set[int]:
    """Bills whose bank requests an agency has ended for the month (mode S)."""
    found = conn.execute(
        text("select distinct bill_id from second_collection where mode = 'S' and bill_id = any(:bills)"),
        {"bills": list(bill_ids)},
    )
    return set(found.scalars())


def keep(
    conn: Connection,
    *,
    file_id: int,
    period: str,
    agency: str,
    at: datetime,
    lines: Iterable[tuple[int, int, str, date]],
) -> None:
    """Stores (line, bill, mode, pay on) of an accepted file."""
    rows = [
        {
            "file_id": file_id, "line": line, "period": period, "agency": agency, "bill_id": bill, "mode": mode,
            "pay_on": pay_on, "at": at,
        }
        for line, bill, mode, pay_on in lines
    ]  # fmt: skip
    if rows:
        conn.execute(
            text("""
                insert into second_collection (file_id, line, period, agency, bill_id, mode, pay_on, accepted_at)
                values (:file_id, :line, :period, :agency, :bill_id, :mode, :pay_on, :at)
            """),
            rows,
        )
