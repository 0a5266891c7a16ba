"""Members of supplements (表四) against their bills, and the subsidies that stand on them (C10)."""

from typing import Final

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.domain.work import Queue
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets, funds

_PARTS: Final = ("unit_pension", "unit_unemployment")
_BACK: Final = "'-BACK'"


def members_equal_their_bills(conn: Connection, _evidence: Evidence) -> Outcome:
    """Members = what their 表四 says of the bill = the bill (表五), per fund; a 表四 whose bill is not filed waits for it."""
    sums = ", ".join(f"coalesce(sum(m.{column}), 0)" for column in (*FUND_NAMES, *_PARTS))
    said = ", ".join(f"coalesce(l.{column}, 0)" for column in _PARTS)
    query = f"""
        select 'member_list' as place, l.agency || ' ' || l.bill_no as key,
            array[l.lines, l.members]::bigint[] || {funds("l")} || array[{said}]::bigint[]
                || case when b.id is null then {funds("l")} else {funds("b")} end || array[1::bigint] as expected,
            m.counted || {funds("l")} || array[(coalesce(b.period, l.period) = l.period)::int::bigint] as found
        from member_list l left join bill b on b.bill_no = l.bill_no and b.agency = l.agency and b.kind = 'S'
        left join (
            select m.list_id, array[count(*), count(distinct (m.member_no, m.member_name)), {sums}]::bigint[] as counted
            from member_line m group by m.list_id) m on m.list_id = l.id
    """
    labels = (
        "lines",
        "members",
        *FUND_NAMES,
        *_PARTS,
        *(f"{fund} of the bill" for fund in FUND_NAMES),
        "of its period",
    )
    return compare_sets(conn, "members-equal-their-bills", "bills with members", labels, query)


def subsidies_equal_their_members(conn: Connection, _evidence: Evidence) -> Outcome:
    """Each subsidy is what the 表四-1 of its bill says; one that came back is the exact mirror of one booked before."""
    back = f"s.movement like '%' || {_BACK}"
    sign = f"case when {back} then -1 else 1 end"
    said = ", ".join(
        f"{sign} * case when s.movement like '{movement}%' then l.{column} else 0 end"
        for movement, column in (("UNIT", _PARTS[0]), ("UNIT", _PARTS[1]), ("MEDICAL", "medical_subsidy"))
    )
    in_order = f"not {back} or coalesce(s.accepted_at >= o.accepted_at and s.booked_on >= o.booked_on, false)"
    query = f"""
        select 'subsidy' as place, s.subsidy_no as key,
            case when l.id is not null then array[{said}, 1]::bigint[] end as expected,
            array[s.pension, s.unemployment, s.medical, ({in_order})::int]::bigint[] as found
        from subsidy s join bill b on b.id = s.bill_id
        left join member_list l on l.bill_no = b.bill_no and l.agency = b.agency and l.variant = '1' and b.kind = 'S'
        left join subsidy o on o.bill_id = s.bill_id and o.movement || {_BACK} = s.movement
    """
    labels = ("pension", "unemployment", "medical", "after what it brings back")
    return compare_sets(conn, "subsidies-equal-their-members", "subsidies", labels, query)


def subsidies_stand_on_money(conn: Connection, _evidence: Evidence) -> Outcome:
    """No subsidy stands on a bill whose personal part is not there in full, unless a work item asks for it back."""
    came = " + ".join(f"c.{fund}" for fund in FUND_NAMES)
    query = f"""
        select 'subsidy' as place, b.bill_no as key, array[b.total] as expected,
            array[case when w.id is not null then b.total
                       else coalesce((select sum({came}) from collection c where c.bill_id = b.id), 0)::bigint end] as found
        from (select bill_id from subsidy group by bill_id having sum(pension + unemployment + medical) <> 0) s
        join bill b on b.id = s.bill_id
        left join work_item w on w.queue = '{Queue.SUBSIDY}' and w.about = b.bill_no and w.state = 'open'
    """
    return compare_sets(conn, "subsidies-stand-on-money", "bills with subsidies", ("personal part",), query)
