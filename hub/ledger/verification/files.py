"""The bytes: archived files read again and held, line by line, against what the books say of them."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import zip_longest
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection, Row, text

from hub.domain.dues import DuesFile, DuesLine
from hub.domain.errors import HubError
from hub.domain.members import MemberLine
from hub.domain.reconciliation import ControlTotals
from hub.ledger.database import raw
from hub.ledger.verification.findings import Evidence, Findings, Outcome, digest_of, opened
from hub.ports import BankFormat, Refused, RequestLine

_ROWS_AT_ONCE: Final = 20_000


def streamed(conn: Connection, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
    """Rows through a server-side cursor, so that a file of any size is compared in little memory."""
    with raw(conn).cursor(name="verification") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query, values)
        yield from cursor


def side_by_side(
    findings: Findings, table: str, file: str, read: Iterable[tuple[Any, ...]], stored: Iterable[tuple[Any, ...]]
) -> None:
    """Compares lines of a file (expected) with rows (found), both in file order; the key is file and line."""
    for place, (line, row) in enumerate(zip_longest(read, stored), start=1):
        findings.compare(table, f"{file} line {place}", line, row)


def archive_is_unchanged(conn: Connection, evidence: Evidence) -> Outcome:
    """Every file ever archived is there, with the size and the digest it is named after."""
    findings = Findings()
    for digest, size in conn.execute(text("select sha256, size from archived_file order by archived_at, sha256")).all():
        try:
            path = evidence.archive.find(digest).path
            with path.open("rb") as source:
                found = (digest_of(source), path.stat().st_size)
        except FileNotFoundError:
            findings.compare("archived_file", digest, (digest, size), None)
            continue
        findings.compare("archived_file", digest, (digest, size), found)
    return findings.outcome("archive-is-unchanged", "archived files")


_BILLS: Final = """
    select line, bill_no, unit, unit_name, mode, bank, account, account_name,
           pension, unemployment, injury, maternity, refers_to from bill where file_id = %s order by line
"""


def dues_files_equal_bills(conn: Connection, evidence: Evidence) -> Outcome:
    """表八: each accepted dues file, its D, C and T lines, = its bills. Reading it again recomputes its control totals."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "DUES/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_dues(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        side_by_side(findings, "bill", name, map(_of_bill, file.lines), streamed(conn, _BILLS, file_id))
        _compare_controls(conn, findings, file_id, name, file)
    return findings.outcome("dues-files-equal-bills", "bills and control totals")


def _of_bill(line: DuesLine) -> tuple[Any, ...]:
    refers_to = None if line.refers_to is None else str(line.refers_to)
    return (
        line.line, line.bill_no, line.unit, line.unit_name, line.mode.value, line.bank, line.account, line.account_name,
        *line.amounts, refers_to,
    )  # fmt: skip


def _compare_controls(conn: Connection, findings: Findings, file_id: int, name: str, file: DuesFile) -> None:
    stored = {
        (row[0], row[1]): tuple(row[2:])
        for row in conn.execute(
            text("""
                select mode, bank, count(*), sum(pension)::bigint, sum(unemployment)::bigint, sum(injury)::bigint,
                       sum(maternity)::bigint from bill where file_id = :file group by mode, bank
            """),
            {"file": file_id},
        )
    }
    for control in file.controls:
        totals: ControlTotals = control.totals
        key = (control.mode.value, control.bank)
        expected = (totals.count, *totals.amounts)
        findings.compare("bill", f"{name} control total {' '.join(key).strip()}", expected, stored.get(key))


_RECEIPTS: Final = """
    select r.line, r.receipt_no, b.bill_no, r.method, r.cheque_no, r.amount, r.received_on
    from receipt r join bill b on b.id = r.bill_id where r.file_id = %s order by r.line
"""


def receipts_files_equal_receipts(conn: Connection, evidence: Evidence) -> Outcome:
    """Each accepted receipts file = its receipts."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "RECEIPTS/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_receipts(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        read = (
            (line.line, line.receipt_no, line.bill_no, line.method, line.cheque_no, line.amount, line.received_on)
            for line in file.lines
        )
        side_by_side(findings, "receipt", name, read, streamed(conn, _RECEIPTS, file_id))
    return findings.outcome("receipts-files-equal-receipts", "receipts")


_RETURNS: Final = """
    select v.file_line, v.return_no, r.receipt_no, v.amount, v.reason, v.dated_on
    from reversal v join receipt r on r.id = v.receipt_id where v.file_id = %s order by v.file_line
"""


def returns_files_equal_reversals(conn: Connection, evidence: Evidence) -> Outcome:
    """Each accepted returns file = its reversals."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "RETURNS/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_returns(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        side_by_side(findings, "reversal", name, map(tuple, file.lines), streamed(conn, _RETURNS, file_id))
    return findings.outcome("returns-files-equal-reversals", "returns")


_INCOMES: Final = """
    select line, income_no, item, coalesce(unit, ''), period, pension, unemployment, injury, maternity, received_on
    from other_income where file_id = %s order by line
"""


def incomes_files_equal_incomes(conn: Connection, evidence: Evidence) -> Outcome:
    """Each accepted incomes file, its D, C and T lines, = its other incomes."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "INCOMES/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_incomes(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        read = (
            (line.line, line.income_no, line.item, line.unit, line.period, *line.amounts, line.received_on)
            for line in file.lines
        )
        side_by_side(findings, "other_income", name, read, streamed(conn, _INCOMES, file_id))
    return findings.outcome("incomes-files-equal-incomes", "other incomes")


_MEMBERS: Final = """
    select m.line, l.bill_no, sha256(convert_to(m.member_no || '|' || m.member_name, 'UTF8')), m.first_month, m.last_month,
           m.pension, m.unemployment, m.injury, m.maternity,
           m.unit_pension, m.unit_unemployment
    from member_list l join member_line m on m.list_id = l.id where l.file_id = %s order by m.line
"""
_OF_MEMBERS: Final = """
    select file_line, bill_no, lines, pension, unemployment, injury, maternity, unit_pension, unit_unemployment,
           medical_personal, medical_subsidy, approval_no, explanation, variant, period
    from member_list where file_id = %s order by file_line
"""
_NONE: Final = (None, None)


def members_files_equal_members(conn: Connection, evidence: Evidence) -> Outcome:
    """表四: each accepted file of members, its D and C lines, = the members in the books. Who they are, digests tell."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "MEMBERS/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_members(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        side_by_side(findings, "member_line", name, map(_of_member, file.lines), streamed(conn, _MEMBERS, file_id))
        whole = (file.header.variant.value, str(file.header.period))
        told = (
            (
                each.file_line, each.bill_no, each.lines, *each.amounts, *(each.unit_part or _NONE),
                *(each.medical or _NONE), each.approval_no, each.explanation, *whole,
            )
            for each in file.bills
        )  # fmt: skip
        side_by_side(findings, "member_list", f"{name} C", told, streamed(conn, _OF_MEMBERS, file_id))
    return findings.outcome("members-files-equal-members", "members and sums of bills")


def _of_member(line: MemberLine) -> tuple[Any, ...]:
    digest = sha256(f"{line.member_no}|{line.name}".encode()).digest()
    months = (str(line.first_month), str(line.last_month))
    return (line.line, line.bill_no, digest, *months, *line.amounts, *(line.unit_part or _NONE))


_SUBSIDIES: Final = """
    select s.line, s.subsidy_no, b.bill_no, s.movement, abs(s.pension), abs(s.unemployment), abs(s.medical), s.booked_on
    from subsidy s join bill b on b.id = s.bill_id where s.file_id = %s order by s.line
"""


def subsidies_files_equal_subsidies(conn: Connection, evidence: Evidence) -> Outcome:
    """Each accepted subsidies file = its subsidies."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "agency", "SUBSIDIES/%"):
        with opened(evidence, digest, findings, name) as source:
            if source is None:
                continue
            file = evidence.read_subsidies(name, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        read = (
            (line.line, line.subsidy_no, line.bill_no, line.movement.value, *line.amounts, line.booked_on)
            for line in file.lines
        )
        side_by_side(findings, "subsidy", name, read, streamed(conn, _SUBSIDIES, file_id))
    return findings.outcome("subsidies-files-equal-subsidies", "subsidies")


_REQUEST_LINES: Final = """
    select l.line, i.instruction_no, b.unit, b.account, b.account_name,
           i.pension, i.unemployment, i.injury, i.maternity, t.partial and i.kind = 'M'
    from batch_line l join batch t on t.id = l.batch_id join instruction i on i.id = l.instruction_id
    join bill b on b.id = i.bill_id where l.batch_id = %s order by l.line
"""


def bank_files_equal_batches(conn: Connection, evidence: Evidence) -> Outcome:
    """财表七 = file: the bytes that went to the bank, header and every line, = the batch; proof of delivery names them."""
    findings = Findings()
    batches = conn.execute(
        text("""
            select t.id, t.bank, t.batch_no, t.period, t.round, t.business_date, t.file_name, t.request_sha256,
                   r.sha256, r.size, f.size as archived
            from batch t left join bank_file_receipt r on r.batch_id = t.id
            left join archived_file f on f.sha256 = t.request_sha256
            where t.request_sha256 is not null or r.batch_id is not null order by t.id
        """)
    ).all()
    for batch in batches:
        if batch.sha256 is not None:
            proof = (batch.request_sha256, batch.archived)
            findings.compare("bank_file_receipt", batch.file_name, proof, (batch.sha256, batch.size))
        if batch.request_sha256 is None:
            continue
        with opened(evidence, batch.request_sha256, findings, batch.file_name) as source:
            profile = _profile(evidence, batch.bank, findings)
            if source is not None and profile is not None:
                _compare_request(conn, findings, batch, profile, source)
    return findings.outcome("bank-files-equal-batches", "headers, lines and proofs of delivery")


def _compare_request(
    conn: Connection, findings: Findings, batch: Row[Any], profile: BankFormat, source: BinaryIO
) -> None:
    try:
        header, lines = profile.read_request(source)
        stored = (batch.bank, batch.batch_no, batch.period, batch.round, batch.business_date)
        findings.compare("batch", batch.file_name, tuple(header), stored)
        rows = (_as_carried(row, profile) for row in streamed(conn, _REQUEST_LINES, batch.id))
        side_by_side(findings, "batch_line", batch.file_name, map(_of_request, lines), rows)
    except HubError as unreadable:
        findings.blame("batch", batch.file_name, "a file as the profile writes it", unreadable)


def _as_carried(row: tuple[Any, ...], profile: BankFormat) -> tuple[Any, ...]:
    """A line of the books with as much of its account name as the bank's file has room for."""
    line, instruction_no, unit, account, account_name, *others = row
    return (line, instruction_no, unit, account, profile.carried_name(account_name), *others)


def _profile(evidence: Evidence, bank: str, findings: Findings) -> BankFormat | None:
    profile = evidence.format_of(bank)
    if profile is None:
        findings.blame("batch", f"of {bank}", "a bank with a file profile in hub.toml", "")
    return profile


def _of_request(line: RequestLine) -> tuple[Any, ...]:
    return (
        line.line, line.instruction_no, line.unit, line.account, line.account_name, *line.amounts, line.partial,
    )  # fmt: skip


_ANSWERS: Final = """
    select r.file_line, r.line, i.instruction_no, b.unit, i.total, r.deducted,
           r.pension, r.unemployment, r.injury, r.maternity, r.code, r.reference
    from result_line r join batch_line l on l.batch_id = r.batch_id and l.line = r.line
    join instruction i on i.id = l.instruction_id join bill b on b.id = i.bill_id
    where r.batch_id = %s order by r.file_line
"""


def result_files_equal_answers(conn: Connection, evidence: Evidence) -> Outcome:
    """Result: the bank's bytes, header and every line, = the answers in the books, which are those to our request."""
    findings = Findings()
    batches = conn.execute(
        text("""
            select t.id, t.bank, t.batch_no, t.file_name, f.name, f.sha256, f.stands_for is not null as was_let_in
            from batch t join file_intake f on f.id = t.result_file_id order by t.id
        """)
    ).all()
    for batch in batches:
        with opened(evidence, batch.sha256, findings, batch.name) as source:
            profile = _profile(evidence, batch.bank, findings)
            if source is None or profile is None:
                continue
            file = profile.parse_result(batch.name, batch.bank, source)
        if isinstance(file, Refused) and batch.was_let_in:  # two persons overrode what may be overridden, and no more
            file = file.releasable or file
        if isinstance(file, Refused):
            findings.blame("file_intake", batch.name, "a file without a fault", file.faults[0].message)
            continue
        header = (file.bank, file.batch_no, file.request_name)
        findings.compare("batch", batch.name, header, (batch.bank, batch.batch_no, batch.file_name))
        side_by_side(findings, "result_line", batch.name, file.answers.iter_rows(), streamed(conn, _ANSWERS, batch.id))
    return findings.outcome("result-files-equal-answers", "headers and answers")


_CHANGES: Final = """
    select v.file_line + 1, t.batch_no, i.instruction_no, n.deducted_before, n.deducted,
           n.pension, n.unemployment, n.injury, n.maternity, n.code, n.reference, v.reason, v.dated_on
    from reversal v join changed_answer n on n.reversal_id = v.id join batch t on t.id = v.batch_id
    join batch_line l on l.batch_id = v.batch_id and l.line = v.line join instruction i on i.id = l.instruction_id
    where v.file_id = %s order by v.file_line
"""


def change_files_equal_reversals(conn: Connection, evidence: Evidence) -> Outcome:
    """Each accepted file of changed answers = the changes in the books."""
    findings = Findings()
    for file_id, name, digest in _accepted(conn, "bank", "CHANGE/%"):
        bank = str(conn.execute(text("select party from file_intake where id = :id"), {"id": file_id}).scalar_one())
        with opened(evidence, digest, findings, name) as source:
            profile = _profile(evidence, bank, findings)
            if source is None or profile is None:
                continue
            file = profile.parse_change(name, bank, source)
        if isinstance(file, Refused):
            findings.blame("file_intake", name, "a file without a fault", file.faults[0].message)
            continue
        read = (
            (
                each.file_line, each.batch_no, each.instruction_no, each.before, each.now, *each.split, each.code,
                each.reference, each.reason, file.date,
            )
            for each in file.changes
        )  # fmt: skip
        side_by_side(findings, "reversal", name, read, streamed(conn, _CHANGES, file_id))
    return findings.outcome("change-files-equal-reversals", "changed answers")


def _accepted(conn: Connection, door: str, identity: str) -> list[tuple[int, str, str]]:
    found = conn.execute(
        text("""
            select id, name, sha256 from file_intake
            where outcome = 'accepted' and door = :door and identity like :identity order by id
        """),
        {"door": door, "identity": identity},
    )
    return [(row.id, row.name, row.sha256) for row in found]
