"""Each check says yes to the little month, and names the row when one row of it is changed."""

import pytest
from sqlalchemy import text

from hub.ledger.verification import CHECKS
from tests.ledger.verification.conftest import Books

BANK_A2 = "batch_id = (select id from batch where batch_no = 'ICBC-1') and line = 2"
"""Where A-2 stands in the first session: asked for 236.00, answered with 205.00."""

OF_OTHER_KINDS = {
    "filed-is-accounted-for", "finance-closes-equal-the-books", "cancelled-bills-have-no-money", "repayments-never-overdraw",
    "supplements-and-repayments-are-asked-once",
}  # fmt: skip
"""The little month has monthly bills only; the others' months are lived in ``tests/processors``, and tampered with there."""

# what is changed, which check has to see it, and what its answer has to name
TAMPERED = [
    ("update collection set pension = pension - 1 where " + BANK_A2,
     "requested-is-accounted-for", "instruction A-2-1: expected pension 20000, found pension 19999"),
    ("delete from suspense", "requested-is-accounted-for", "instruction A-8-1"),
    ("update arrears set injury = injury + 5 where bill_id = (select id from bill where bill_no = 'A-5')",
     "due-is-arrived-or-in-arrears", "bill A-5: expected injury 2500, found injury 2505"),
    ("delete from arrears where bill_id = (select id from bill where bill_no = 'A-7')",
     "due-is-arrived-or-in-arrears", "bill A-7"),
    ("update period_close set arrears_count = 3 where agency = '110101'",
     "closes-equal-the-books", "period_close 2026-12 110101: expected arrears.count 2, found arrears.count 3"),
    ("delete from period_close where agency = '110105'", "closes-equal-the-books", "period_close 2026-12 110105"),
    ("update receipt set amount = amount + 1 where receipt_no = 'R-2'",
     "receipts-are-on-their-bills", "receipt R-2: expected amount 70801, found amount 70800"),
    (("delete from inbox where consumer = 'post-arrivals'"
     " and event_id = (select event_id from outbox where subject = 'ICBC-1/110101' and topic = 'settle.first-result.v1')"),
     "events-are-taken-or-in-flight", "outbox settle.first-result.v1 ICBC-1/110101: expected takers 0, found takers 1"),
    ("update batch set state = 'ANSWERED' where batch_no = 'ICBC-1'",
     "answers-are-released", "batch ICBC-1: expected waiting 0, found waiting 1"),
    ("update bill set unemployment = 2001, pension = 19999 where bill_no = 'A-2'",
     "dues-files-equal-bills", "bill DUES_110101_2026-12_M_0001.txt line 2"),
    ("update bill set account = '62220000000000001' where bill_no = 'A-1'",
     "dues-files-equal-bills", "bill DUES_110101_2026-12_M_0001.txt line 1"),
    ("update receipt set cheque_no = '0078' where receipt_no = 'R-2'",
     "receipts-files-equal-receipts", "receipt RCPT_110101_20261211_0001.txt line 1"),
    ("update instruction set agency = '110105' where instruction_no = 'A-2-2'",
     "instructions-are-their-bills", "instruction A-2-2: expected agency 110101, found agency 110105"),
    ("delete from step_done where step = 'upload-close' and period = '2026-12' and round = 1",
     "uploads-are-whole", "upload 2026-12 round 1: expected done 1, found done 0"),
    ("update instruction set pension = 19999, total = 23599 where instruction_no = 'A-2-1'",
     "requests-equal-dues", "instruction A-2-1: expected pension 20000, found pension 19999"),
    ("update declaration set lines = 3 where agency = '110101' and bank = 'CCB'",
     "declarations-equal-requests", "declaration 2026-12 1 110101 CCB M: expected count 2, found count 3"),
    ("delete from declaration where agency = '110105' and bank = 'CCB'",
     "declarations-equal-requests", "declaration 2026-12 1 110105 CCB M"),
    ("update city_bundle set maternity = '{0}' where instructions @> (select id from instruction where instruction_no = 'A-1-1')",
     "city-lines-equal-requests", "city_line A-1-1: expected maternity 300, found maternity 0"),
    ("delete from city_bundle where instructions @> (select id from instruction where instruction_no = 'A-1-1')",
     "city-lines-equal-requests", "city_line A-1-1: expected pension 10000"),
    (("insert into instruction (instruction_no, bill_id, period, round, kind, agency, bank, shard, pension, unemployment,"
     " injury, maternity, total) select 'A-4-2', bill_id, period, 2, kind, agency, bank, shard, pension, unemployment,"
     " injury, maternity, total from instruction where instruction_no = 'A-4-1'"),
     "requests-are-in-a-batch", "instruction A-4-2: expected batch lines 1, found batch lines 0"),
    ("update batch set hash_total = hash_total + 1 where batch_no = 'CCB-1'",
     "batches-equal-city-lines", "batch CCB-1: expected hash total"),
    ("update batch set file_name = 'DK_CCB_20261202_0009.txt' where batch_no = 'CCB-1'",
     "result-files-equal-answers", "batch HD_CCB_20270105_0001.txt"),
    ("update batch set business_date = '2026-12-03' where batch_no = 'CCB-1'",
     "bank-files-equal-batches", "batch DK_CCB_20261202_0001.txt"),
    ("update bill set account_name = '别厂' where bill_no = 'A-7'",
     "bank-files-equal-batches", "batch_line DK_CCB_20261202_0001.txt line 2"),
    ("update bank_file_receipt set size = size - 1 where name = 'DK_ICBC_20261202_0001.txt'",
     "bank-files-equal-batches", "bank_file_receipt DK_ICBC_20261202_0001.txt"),
    ("update result_line set reference = 'OTHER' where " + BANK_A2,
     "result-files-equal-answers", "result_line HD_ICBC_20261203_0001.txt line 3"),
    ("update batch set posted_lines = 2 where batch_no = 'ICBC-1'",
     "answers-are-complete", "batch ICBC-1: expected posted lines 3, found posted lines 2"),
    (("update notice set unarrived_count = 7 where agency = '110105' and arrived_count = 0 and unarrived_count = 1"
     " and batch_id = (select id from batch where batch_no = 'CCB-1')"),
     "notices-equal-answers", "notice CCB-1 110105: expected unarrived.count 1, found unarrived.count 7"),
    ("delete from notice where agency = '110105' and batch_id = (select id from batch where batch_no = 'ICBC-1')",
     "notices-equal-answers", "notice ICBC-1 110105"),
    (("update journal_posting set amount_fen = amount_fen + 1 where account = 'CITY_CLEARING' and fund = 'unemployment'"
     " and entry_id = (select id from journal_entry where agency = '110105' and what = 'agency-arrival' and"
     " booking_period = '2027-01')"),
     "agency-books-equal-notices", "notice CCB-1 110105: expected unemployment 2000, found unemployment 2001"),
    (("update journal_posting set amount_fen = amount_fen + 1 where account = 'MEMO_CONTRA' and fund = 'injury'"
     " and entry_id = (select id from journal_entry where cause = 'DUES/110105/2026-12/M/0001')"),
     "entries-balance", "expected injury 6000, found injury 6001"),
    (("update journal_posting set amount_fen = 1 where fund = 'pension' and account = 'FUND_INCOME'"
     " and entry_id = (select id from journal_entry where what = 'receipt' and agency = '110105')"),
     "entries-equal-their-lines", "FUND_INCOME: expected pension 80000, found pension 1"),
    (("update journal_posting set amount_fen = 1 where fund = 'pension' and account = 'FUND_INCOME'"
     " and entry_id = (select id from journal_entry where what = 'receipt-returned')"),
     "entries-equal-their-lines", "FUND_INCOME: expected pension -50000, found pension -1"),
    ("update collection set pension = pension + 1, injury = injury - 1 where source = 'RECEIPT_REVERSAL'",
     "returns-mirror-their-receipts", "reversal T-5: expected pension 50000, injury 2500, found pension 49999, injury 2501"),
    ("update collection set bill_id = (select id from bill where bill_no = 'A-6') where source = 'RECEIPT_REVERSAL'",
     "returns-mirror-their-receipts", "reversal T-5: expected bill row"),
    ("delete from collection where source = 'RECEIPT_REVERSAL'", "returns-mirror-their-receipts", "reversal T-5"),
    ("delete from reversal where return_no = 'T-5'", "returns-mirror-their-receipts", "reversal of collection row"),
    ("update collection set booking_period = '2026-11' where source = 'RECEIPT_REVERSAL'",
     "returns-mirror-their-receipts", "reversal T-5: expected after its receipt 1, found after its receipt 0"),
    ("update reversal set accepted_at = accepted_at - interval '30 days'",
     "returns-mirror-their-receipts", "reversal T-5: expected after its receipt 1, found after its receipt 0"),
    ("update reversal set reason = 'another'", "returns-files-equal-reversals", "reversal RTN_110105_20261214_0001.txt line 1"),
    ("update journal_entry set cause = 'another' where cause = 'DUES/110101/2027-01/M/0001'",
     "entries-equal-their-lines", "MEMO_DUES: expected pension 10000"),
    ("update result_line set pension = 19999, unemployment = 501 where " + BANK_A2,
     "answers-follow-the-order", "result_line ICBC-1 line 2: expected pension 20000, unemployment 500"),
    ("update result_line set code = '00' where " + BANK_A2,
     "answers-follow-the-order", "result_line ICBC-1 line 2: expected deducted 23600, found deducted 20500"),
    ("update collection set pension = pension - 10, maternity = maternity + 10 where " + BANK_A2,
     "bills-follow-the-order", "bill A-2: expected pension 20000, maternity 0, found pension 19990, maternity 10"),
    ("update collection set pension = pension + 1 where receipt_id = (select id from receipt where receipt_no = 'R-1')",
     "bills-follow-the-order", "bill A-3: expected pension 30000, found pension 30001"),
    ("update instruction set pension = 1, total = total + 1 where instruction_no = 'A-2-2'",
     "nothing-is-asked-twice", "instruction A-2-2: expected pension 0, found pension 1"),
    (("update bank_file_total set injury = injury + 1 where agency = '110105' and batch_id ="
     " (select id from batch where batch_no = 'ICBC-1')"),
     "file-totals-equal-lines", "110105: expected injury 1500, found injury 1501"),
]  # fmt: skip

POSTINGS = [
    ("CITY", "INCOME_ACCOUNT"), ("CITY", "FUND_INCOME"), ("CITY", "SUSPENSE"), ("AGENCY", "INCOME_ACCOUNT"),
    ("AGENCY", "CITY_CLEARING"), ("AGENCY", "FUND_INCOME"), ("AGENCY", "SUSPENSE"), ("AGENCY", "MEMO_DUES"),
    ("AGENCY", "MEMO_ARREARS"),
]  # fmt: skip


def test_the_little_month_is_proven(books: Books) -> None:
    outcomes = books.outcomes()
    assert [outcome for outcome in outcomes.values() if not outcome.ok] == []
    assert len(outcomes) == len(CHECKS)


OF_CHANGED_ANSWERS = {"changes-mirror-their-answers", "changes-follow-each-other", "change-files-equal-reversals"}
"""The little month has none; ``tests/processors/test_take_in_changes.py`` tampers with them."""
OF_CERTIFICATES = {"certificates-are-chained", "certificates-equal-the-books"}
"""The schedule draws them; ``tests/processors/test_tie_out.py`` tampers with them."""


OF_OTHER_INCOMES = {
    "incomes-files-equal-incomes", "income-closes-equal-the-books", "late-fees-had-accrued",
    "control-account-agency-other-income",
}  # fmt: skip
"""Nor these; ``tests/processors/test_take_in_incomes.py`` tampers with them."""


OF_MEMBERS = {
    "members-equal-their-bills", "members-files-equal-members", "subsidies-equal-their-members", "subsidies-stand-on-money",
    "subsidies-files-equal-subsidies", "control-account-agency-subsidy-income", "control-account-agency-unit-subsidy",
    "control-account-agency-medical-subsidy", "control-account-agency-expenditure-account",
}  # fmt: skip


def test_every_check_had_something_to_compare(books: Books) -> None:
    idle = {name for name, outcome in books.outcomes().items() if outcome.detail.startswith("0 ")}
    assert idle == {
        *OF_CHANGED_ANSWERS,
        *OF_CERTIFICATES,
        *OF_OTHER_KINDS,
        *OF_OTHER_INCOMES,
        *OF_MEMBERS,
        "nothing-is-booked-in-shadow",
    }, "tests/processors has these"


@pytest.mark.parametrize(
    ("tampering", "check", "culprit"), TAMPERED, ids=[f"{row[1]}-{n}" for n, row in enumerate(TAMPERED)]
)
def test_one_changed_row_is_found_and_named(books: Books, tampering: str, check: str, culprit: str) -> None:
    assert books.conn.execute(text(tampering)).rowcount == 1, "the tampering touches one row"
    outcome = books.outcomes()[check]
    assert not outcome.ok
    assert culprit in outcome.detail


@pytest.mark.parametrize(("level", "account"), POSTINGS)
def test_a_changed_posting_is_missed_by_its_control_account(books: Books, level: str, account: str) -> None:
    books.conn.execute(
        text("""
            update journal_posting set amount_fen = amount_fen + 1 where (entry_id, n) = (
                select p.entry_id, p.n from journal_posting p join journal_entry e on e.id = p.entry_id
                where e.level = :level and p.account = :account order by 1, 2 limit 1)
        """),
        {"level": level, "account": account},
    )
    outcome = books.outcomes()[f"control-account-{level}-{account}".lower().replace("_", "-")]
    assert not outcome.ok
    assert f"journal_posting {level} {account} of 1101" in outcome.detail


def test_changed_and_lost_bytes_are_found(books: Books) -> None:
    sent = books.conn.execute(text("select request_sha256 from batch where batch_no = 'CCB-1'")).scalar_one()
    came = books.conn.execute(text("select sha256 from file_intake where name like 'HD_CCB%'")).scalar_one()
    (books.archive.folder / sent).write_bytes(b"other")
    (books.archive.folder / came).unlink()
    outcomes = books.outcomes()
    assert f"archived_file {sent}" in outcomes["archive-is-unchanged"].detail
    assert f"archived_file {came}" in outcomes["archive-is-unchanged"].detail
    assert "other bytes" in outcomes["bank-files-equal-batches"].detail
    assert not outcomes["result-files-equal-answers"].ok


def test_what_is_in_flight_is_no_fault(books: Books) -> None:
    """An agency that has not taken its notice yet lags behind the city; the books are right nonetheless."""
    books.conn.execute(
        text("update outbox set awaiting = 1 where topic = 'settle.arrival-notified.v1' and subject = 'CCB-1/110105'")
    )
    books.conn.execute(
        text("""
            delete from inbox where event_id = (
                select event_id from outbox where topic = 'settle.arrival-notified.v1' and subject = 'CCB-1/110105')
        """)
    )
    entry = "(select id from journal_entry where agency = '110105' and what = 'agency-arrival' and booking_period = '2027-01')"
    books.conn.execute(text(f"delete from journal_posting where entry_id = {entry}"))
    books.conn.execute(text(f"delete from journal_entry where id = {entry}"))
    assert [outcome for outcome in books.outcomes().values() if not outcome.ok] == []


def test_many_culprits_are_counted_and_twenty_named(books: Books) -> None:
    books.conn.execute(text("update journal_posting set side = 'D'"))
    detail = books.outcomes()["entries-balance"].detail
    assert detail.count("journal_entry") <= 20
    assert detail.split(" of ")[0].isdigit()
