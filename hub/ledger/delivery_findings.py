"""What persons found out about deliveries of unknown outcome; nothing of it is changed or deleted."""

from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.unknown_delivery import Finding


def newest(conn: Connection, batch_id: int) -> Finding | None:
    """The last finding about a batch's file."""
    row = conn.execute(
        text("select * from delivery_finding where batch_id = :batch order by id desc limit 1"), {"batch": batch_id}
    ).one_or_none()
    if row is None:
        return None
    return Finding(id=row.id, arrived=row.arrived, by=row.by_whom, at=row.found_at, proposed_by=row.proposed_by)


def keep(conn: Connection, batch_id: int, *, arrived: bool, by: str, at: datetime, agrees_with: Finding | None) -> None:
    """Writes a finding down; one that agrees refers to the first, of the same outcome and by another person."""
    conn.execute(
        text("""
            insert into delivery_finding (batch_id, arrived, by_whom, found_at, proposal_id, proposed_by)
            values (:batch, :arrived, :by, :at, :proposal, :proposed_by)
        """),
        {
            "batch": batch_id, "arrived": arrived, "by": by, "at": at,
            "proposal": agrees_with and agrees_with.id, "proposed_by": agrees_with and agrees_with.by,
        },
    )  # fmt: skip
