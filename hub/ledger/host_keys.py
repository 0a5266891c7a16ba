"""Host keys that two people pinned beside those of hub.toml: proposals and approvals, kept for ever.

Nothing is changed or deleted. A pin gets other days, or an end, by a newer proposal of the same key and its approval.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from hub.domain.host_keys import HostKeyPin, PinOrigin, PinProposal

_NEWEST: Final = """
    select distinct on (p.host_key) p.id, p.bank, p.host_key, p.first_day, p.last_day, p.proposed_by, p.proposed_at,
           a.approved_by, a.approved_at
    from host_key_proposal p left join host_key_approval a on a.proposal_id = p.id
    where p.bank = :bank and {where} order by p.host_key, p.id desc
"""


def propose(conn: Connection, bank: str, pin: HostKeyPin, by: str, at: datetime) -> PinProposal:
    """Keeps a proposal; it counts for nothing until somebody else approves it."""
    values = {
        "bank": bank, "key": pin.key, "first": pin.first_day, "last": pin.last_day, "by": by, "at": at,
    }  # fmt: skip
    number: int = conn.execute(
        text("""
            insert into host_key_proposal (bank, host_key, first_day, last_day, proposed_by, proposed_at)
            values (:bank, :key, :first, :last, :by, :at) returning id
        """),
        values,
    ).scalar_one()
    return PinProposal(id=number, bank=bank, pin=pin, proposed_by=by, proposed_at=at)


def approve(conn: Connection, proposal: PinProposal, by: str, at: datetime) -> bool:
    """Keeps an approval; False when it was approved in the meantime. The same person is refused by the table itself."""
    kept = conn.execute(
        text("""
            insert into host_key_approval (proposal_id, proposed_by, approved_by, approved_at)
            values (:proposal, :proposed_by, :by, :at) on conflict (proposal_id) do nothing
        """),
        {"proposal": proposal.id, "proposed_by": proposal.proposed_by, "by": by, "at": at},
    )
    return kept.rowcount == 1


def newest(conn: Connection, bank: str, key: str) -> PinProposal | None:
    """The latest proposal of a key, approved or not; None when nobody proposed it for this bank."""
    row = conn.execute(text(_NEWEST.format(where="p.host_key = :key")), {"bank": bank, "key": key}).one_or_none()
    return None if row is None else _proposal(row)


def waiting(conn: Connection, bank: str) -> Sequence[PinProposal]:
    """Proposals that nobody approved and none replaced, in the order of their keys."""
    rows = conn.execute(text(_NEWEST.format(where="true")), {"bank": bank})
    return [_proposal(row) for row in rows if row.approved_by is None]


def approved(conn: Connection, bank: str) -> Sequence[HostKeyPin]:
    """The pins that two people agreed on, each key as it was approved last, ended ones among them."""
    rows = conn.execute(text(_NEWEST.format(where="a.approved_by is not null")), {"bank": bank})
    return [_proposal(row).pin for row in rows]


def _proposal(row: Row[Any]) -> PinProposal:
    pin = HostKeyPin(
        key=row.host_key, first_day=row.first_day, last_day=row.last_day, origin=PinOrigin.APPROVED
    )  # fmt: skip
    return PinProposal(
        id=row.id, bank=row.bank, pin=pin, proposed_by=row.proposed_by, proposed_at=row.proposed_at,
        approved_by=row.approved_by, approved_at=row.approved_at,
    )  # fmt: skip
