"""The daily tie-out (日终核对): the chain of certificates is whole, and each still says what the books say of its day."""

from typing import Any

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.domain.tie_out import FIRST, Certificate, Movement, Row, standing
from hub.ledger import clock
from hub.ledger.tie_out import cells, certificates, days
from hub.ledger.verification.findings import COUNTED, Evidence, Findings, Outcome, compare_sets, fund_sums, funds


def file_totals_equal_lines(conn: Connection, _evidence: Evidence) -> Outcome:
    """What a bank file was said to ask of each agency's bills when it was written = its lines, which its bytes are held to."""
    query = f"""
        select 'bank_file_total' as place, t.file_name || ' ' || agency as key, l.amounts as expected,
            case when f.lines is not null then f.lines || {funds("f")} end as found
        from (
            select l.batch_id, i.agency, {fund_sums("i", counted="count(*)")} as amounts
            from batch_line l join instruction i on i.id = l.instruction_id
            join batch b on b.id = l.batch_id and b.request_sha256 is not null group by 1, 2) l
        full join bank_file_total f using (batch_id, agency) join batch t on t.id = batch_id
    """
    return compare_sets(conn, "file-totals-equal-lines", "agencies' parts of bank files", COUNTED, query)


def certificates_are_chained(conn: Connection, _evidence: Evidence) -> Outcome:
    """Certificates are numbered without a gap, each holds the hash of the one before, and its own is that of its content."""
    findings = Findings()
    number, previous = 1, FIRST
    for each in certificates.in_chain(conn):
        key = f"number {each.number} of {each.day}"
        findings.compare(
            "tie_out", f"{key}, its number and the hash before", (number, previous), (each.number, each.previous)
        )
        if not each.holds:
            findings.blame("tie_out", key, "the content that its hash was drawn from", "another")
        number, previous = each.number + 1, each.sha256
    return findings.outcome("certificates-are-chained", "certificates")


def certificates_equal_the_books(conn: Connection, _evidence: Evidence) -> Outcome:
    """The newest certificate of each day says what the books say of that day now, cell by cell, and no cell is red.

    No day before the last that was certified, and on which something moved, is without one.
    """
    findings = Findings()
    conn.execute(text("set local enable_nestloop = on"))  # a day is looked up by ranges
    last = certificates.last_day(conn)
    if last is not None:
        first = clock.started_at(conn).date()
        certified = certificates.of_days(conn, first, last)
        for day in sorted({*certified, *days.moved(conn, first, last)}):
            rows = cells.of_day(conn, day)
            if day in certified:
                _compare(findings, certified[day], rows)
            elif rows:
                findings.blame("tie_out", f"of {day}", "a certificate", "")
    conn.execute(text("set local enable_nestloop = off"))
    return findings.outcome("certificates-equal-the-books", "cells of certified days")


def _compare(findings: Findings, certificate: Certificate, rows: list[Row]) -> None:
    said = {
        (row["agency"], row["bank"], Movement(row["movement"])): row["cells"] for row in certificate.content["rows"]
    }
    booked: dict[tuple[str, str, Movement], dict[str, Any]] = {
        (row.agency, row.bank, row.movement): row.as_json()["cells"] for row in rows
    }
    for key in sorted({*said, *booked}, key=lambda key: standing(*key)):
        before, now = said.get(key, {}), booked.get(key, {})
        for stage in {**now, **before}:
            place = f"{certificate.day} {' '.join(filter(None, key))} {stage}"
            findings.compare("tie_out", place, _shown(now.get(stage)), _shown(before.get(stage)))
    for row in rows:
        for stage in row.red:
            place = f"{certificate.day} {row.agency} {row.bank} {row.movement} {stage}"
            findings.blame(
                "tie_out",
                place,
                f"as the stages beside it {_shown(row.usual.as_json())}",
                _shown(row.cells[stage].as_json()),
            )


def _shown(cell: dict[str, int | None] | None) -> str | None:
    """A cell as a person reads it: what it says, by name, in fen."""
    if cell is None:
        return None
    return ", ".join(f"{name} {cell[name]}" for name in ("count", *FUND_NAMES, "total") if cell[name] is not None)
