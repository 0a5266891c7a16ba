"""The forms of the little month, worked out by hand (contract section 7). Amounts in fen: count, four funds."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from hub.ledger.forms import FORMS, Question, fill

DECEMBER = "2026-12"

T8 = """
    agency | kind | mode | bank || due
    110101 | M    | B    | CCB  || 2 150000 15000 7500 4500
    110101 | M    | B    | ICBC || 2  30000  3000 1500  900
    110101 | M    | S    |      || 1  60000  6000 3000 1800
    110105 | M    | B    | CCB  || 1  40000  4000 2000 1200
    110105 | M    | B    | ICBC || 1  30000  3000 1500  900
    110105 | M    | S    |      || 1  50000  5000 2500 1500
    total                       || 8 360000 36000 18000 10800
"""
T9 = """
    agency || due
    110101 || 5 240000 24000 12000 7200
    110105 || 3 120000 12000  6000 3600
    total  || 8 360000 36000 18000 10800
"""
F6_FIRST = """
    agency | bank | kind || requested
    110101 | CCB  | M    || 2 150000 15000 7500 4500
    110101 | ICBC | M    || 2  30000  3000 1500  900
    110105 | CCB  | M    || 1  40000  4000 2000 1200
    110105 | ICBC | M    || 1  30000  3000 1500  900
    total                || 6 250000 25000 12500 7500
"""
F6_SECOND = """
    agency | bank | kind || requested
    110101 | ICBC | M    || 1 0 1500 1000 600
    total                || 1 0 1500 1000 600
"""
F6_BOTH = """
    agency | bank | kind || requested
    110101 | CCB  | M    || 2 150000 15000 7500 4500
    110101 | ICBC | M    || 3  30000  4500 2500 1500
    110105 | CCB  | M    || 1  40000  4000 2000 1200
    110105 | ICBC | M    || 1  30000  3000 1500  900
    total                || 7 250000 26500 13500 8100
"""
T26_FIRST = """
    agency | bank || requested
    110101 | CCB  || 2 150000 15000 7500 4500
    110101 | ICBC || 2  30000  3000 1500  900
    110105 | CCB  || 1  40000  4000 2000 1200
    110105 | ICBC || 1  30000  3000 1500  900
    total         || 6 250000 25000 12500 7500
"""
F7_FIRST = """
    bank | file                      || requested
    CCB  | DK_CCB_20261202_0001.txt  || 3 190000 19000 9500 5700
    ICBC | DK_ICBC_20261202_0001.txt || 3  60000  6000 3000 1800
    total                            || 6 250000 25000 12500 7500
"""
F8_FIRST = """
    agency | bank | kind || requested          || arrived            || unarrived          || unanswered
    110101 | CCB  | M || 2 150000 15000 7500 4500 || 0 0 0 0 0       || 0 0 0 0 0          || 2 150000 15000 7500 4500
    110101 | ICBC | M || 2 30000 3000 1500 900 || 1 30000 1500 500 300 || 1 0 1500 1000 600    || 0 0 0 0 0
    110105 | CCB  | M || 1 40000 4000 2000 1200   || 0 0 0 0 0       || 0 0 0 0 0          || 1 40000 4000 2000 1200
    110105 | ICBC | M || 1 30000 3000 1500 900 || 0 0 0 0 0          || 1 30000 3000 1500 900 || 0 0 0 0 0
    total || 6 250000 25000 12500 7500 || 1 30000 1500 500 300 || 2 30000 4500 2500 1500 || 3 190000 19000 9500 5700
"""
F8_SECOND = """
    agency | bank | kind || requested         || arrived   || unarrived         || unanswered
    110101 | ICBC | M    || 1 0 1500 1000 600 || 0 0 0 0 0 || 1 0 1500 1000 600 || 0 0 0 0 0
    total                || 1 0 1500 1000 600 || 0 0 0 0 0 || 1 0 1500 1000 600 || 0 0 0 0 0
"""
T27_FIRST = F8_FIRST.replace(" | kind", "").replace(" | M ", " ")
F1 = """
    agency || due                        || arrived                    || arrears
    110101 || 5 240000 24000 12000 7200  || 3 170000 15500 7500 4500   || 2  70000 8500 4500 2700
    110105 || 3 120000 12000  6000 3600  || 1  30000  3000 1500  900   || 2  90000 9000 4500 2700
    total  || 8 360000 36000 18000 10800 || 4 200000 18500 9000 5400   || 4 160000 17500 9000 5400
"""
BALANCES = """
    agency || collected
    110101 || 4 170000 15500 7500 4500
    110105 || 2  70000  5000 1500  900
    total  || 6 240000 20500 9000 5400
"""
BALANCES_JANUARY = """
    agency || collected
    110105 || 1 40000 2000 0 0
    total  || 1 40000 2000 0 0
"""
ARREARS = """
    agency | unit         | period  || outstanding
    110101 | 110101000002 | 2026-12 || 1     0 1500 1000  600
    110101 | 110101000007 | 2026-12 || 1 70000 7000 3500 2100
    110105 | 110105000004 | 2026-12 || 1     0 2000 2000 1200
    110105 | 110105000005 | 2026-12 || 1 50000 5000 2500 1500
    total                           || 4 120000 15500 9000 5400
"""
UNIT = """
    period  | kind | bill || due                  || arrived              || unarrived
    2026-12 | M    | A-1  || 1 10000 1000 500 300 || 1 10000 1000 500 300 || 0 0 0 0 0
    2027-01 | M    | B-1  || 1 10000 1000 500 300 || 0 0 0 0 0            || 1 10000 1000 500 300
    total                 || 2 20000 2000 1000 600|| 1 10000 1000 500 300 || 1 10000 1000 500 300
"""
OF_A_MONTH = ("t8", "t9", "f6", "t26", "f7", "f8", "t27", "f1")

FILLED = [
    ("t8", Question(period=DECEMBER), T8),
    ("t9", Question(period=DECEMBER), T9),
    ("f6", Question(period=DECEMBER, round=1), F6_FIRST),
    ("f6", Question(period=DECEMBER, round=2), F6_SECOND),
    ("f6", Question(period=DECEMBER), F6_BOTH),
    ("t26", Question(period=DECEMBER, round=1), T26_FIRST),
    ("f7", Question(period=DECEMBER, round=1), F7_FIRST),
    ("f8", Question(period=DECEMBER, round=1), F8_FIRST),
    ("f8", Question(period=DECEMBER, round=2), F8_SECOND),
    ("t27", Question(period=DECEMBER, round=1), T27_FIRST),
    ("f1", Question(period=DECEMBER), F1),
    ("balances", Question(), BALANCES),
    ("balances", Question(period="2027-01"), BALANCES_JANUARY),
    ("arrears", Question(), ARREARS),
    ("unit", Question(unit="110101000001"), UNIT),
]


def measure(words: str) -> dict[str, int]:
    count, *funds = map(int, words.split())
    pension, unemployment, injury, maternity = funds
    return {
        "count": count, "pension": pension, "unemployment": unemployment, "injury": injury, "maternity": maternity,
        "total": sum(funds),
    }  # fmt: skip


def table(page: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and total of a form as written on a page."""
    head, *lines = (line.split("||") for line in page.strip().splitlines())
    keys = [key.strip() for key in head[0].split("|")]
    measures = [name.strip() for name in head[1:]]
    rows = []
    for line in lines:
        values = dict(zip(measures, map(measure, line[1:]), strict=True))
        if line[0].strip() == "total":
            return rows, values
        rows.append({**dict(zip(keys, (key.strip() for key in line[0].split("|")), strict=True)), **values})
    raise AssertionError("a page ends with its total")


def without_status(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "status"} for row in rows]


@pytest.mark.parametrize(
    ("name", "question", "page"), FILLED, ids=[f"{name}-{q.period}-{q.round}" for name, q, _ in FILLED]
)
def test_forms_of_the_little_month(books: Connection, name: str, question: Question, page: str) -> None:
    rows, total = table(page)
    document = fill(books, FORMS[name], question).as_json()
    assert without_status(document["rows"]) == rows
    assert document["total"] == total
    assert (document["form"], document["unit"]) == (name, "fen")
    assert (document["period"], document["round"]) == (question.period, question.round)
    assert list(document) == ["form", "title", "period", "round", "unit", "rows", "total"]


def test_titles_name_the_paper(books: Connection) -> None:
    titles = {name: fill(books, FORMS[name], Question(period=DECEMBER)).as_json()["title"] for name in OF_A_MONTH}
    assert titles["t8"] == "表八 收缴月报核对表"
    assert titles["f8"] == "财表八 市中心银行扣款到位核对单"


@pytest.mark.parametrize("name", OF_A_MONTH)
def test_a_step_not_reached_is_an_empty_form(books: Connection, name: str) -> None:
    document = fill(books, FORMS[name], Question(period="2027-02")).as_json()
    assert document["rows"] == []
    assert all(value == measure("0 0 0 0 0") for value in document["total"].values())


def test_a_bank_is_on_the_notice_only_once_its_posting_step_was_carried_out(books: Connection) -> None:
    books.execute(text("delete from step_done where step = 'posting' and bank = 'ICBC' and round = 1"))
    rows = fill(books, FORMS["t27"], Question(period=DECEMBER, round=1)).rows
    assert {row.keys[1] for row in rows} == {"CCB"}


def test_a_late_result_of_the_same_month_leaves_unanswered(books: Connection) -> None:
    """Contract section 7: a late result moves its lines out of ``unanswered`` until month end."""
    books.execute(text("update batch set booking_period = '2026-12' where batch_no = 'CCB-1'"))
    (late,) = (
        row for row in fill(books, FORMS["t27"], Question(period=DECEMBER, round=1, agency="110105", bank="CCB")).rows
    )
    requested, arrived, unarrived, unanswered = late.measures
    assert (arrived, unarrived) == ((0, 40000, 2000, 0, 0), (1, 0, 2000, 2000, 1200))
    assert unanswered == (0, 0, 0, 0, 0)
    assert requested == (1, 40000, 4000, 2000, 1200)


def test_the_summary_to_the_city_is_of_monthly_bills_alone(books: Connection) -> None:
    """表九 sums the monthly reports up (C8); supplements and repayments have papers of their own."""
    books.execute(text("update bill set kind = 'S' where bill_no = 'A-1'"))
    assert fill(books, FORMS["t9"], Question(period=DECEMBER)).total[0].count == 7
    assert fill(books, FORMS["t8"], Question(period=DECEMBER)).total[0].count == 8


FILTERS = [
    ("t8", Question(period=DECEMBER, agency="110105", bank="CCB"), [("110105", "M", "B", "CCB")]),
    ("t8", Question(period=DECEMBER, unit="110105000005"), [("110105", "M", "S", "")]),
    ("f6", Question(period=DECEMBER, round=1, unit="110105000004"), [("110105", "CCB", "M")]),
    ("t26", Question(period=DECEMBER, bank="CCB"), [("110101", "CCB"), ("110105", "CCB")]),
    ("f7", Question(period=DECEMBER, agency="110105", bank="ICBC"), [("ICBC", "DK_ICBC_20261202_0001.txt")]),
    ("f8", Question(period=DECEMBER, agency="110101", bank="CCB"), [("110101", "CCB", "M")]),
    ("f1", Question(period=DECEMBER, agency="110105"), [("110105",)]),
    ("arrears", Question(bank="CCB"), [("110101", "110101000007", DECEMBER), ("110105", "110105000004", DECEMBER)]),
    ("arrears", Question(period="2027-01"), []),
    ("unit", Question(unit="110101000001", period="2027-01"), [("2027-01", "M", "B-1")]),
    ("unit", Question(unit="999999999999"), []),
]


@pytest.mark.parametrize(("name", "question", "keys"), FILTERS)
def test_filters_keep_what_was_asked_for(
    books: Connection, name: str, question: Question, keys: list[tuple[str, ...]]
) -> None:
    assert [row.keys for row in fill(books, FORMS[name], question).rows] == keys


STATUSES = [
    ("110101000001", {"A-1": "arrived", "B-1": "open"}),
    ("110101000002", {"A-2": "arrears"}),
    ("110105000003", {"A-3": "arrived"}),
    ("110105000004", {"A-4": "arrears"}),
]


@pytest.mark.parametrize(("unit", "statuses"), STATUSES)
def test_status_of_a_units_bills(books: Connection, unit: str, statuses: dict[str, str]) -> None:
    rows = fill(books, FORMS["unit"], Question(unit=unit)).as_json()["rows"]
    assert {row["bill"]: row["status"] for row in rows} == statuses


WRONG = [
    ("t8", Question(), "--period"),
    ("f8", Question(round=1), "--period"),
    ("unit", Question(), "--unit"),
    ("f1", Question(period=DECEMBER, bank="CCB"), "--bank"),
]


@pytest.mark.parametrize(("name", "question", "option"), WRONG)
def test_questions_that_are_none_are_told_so(name: str, question: Question, option: str) -> None:
    assert any(option in fault for fault in FORMS[name].faults(question))
