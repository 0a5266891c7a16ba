"""What a paper says: official titles, words for codes, whose paper in which copy, and a hash that anybody can check."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import Connection

from hub.app.papers.layout import HASH_DIGITS, NO_VALUE, Names, Paper, papers, whole
from hub.domain.dues import Kind, Mode
from hub.domain.late_fees import FeeStatus
from hub.domain.lifecycle import BillStatus
from hub.domain.other_incomes import Item
from hub.domain.subsidies import TAKES_BACK, SubsidyState
from hub.ledger.forms import FORMS, Question, fill
from hub.ledger.forms.form import MEASURE_FIELDS
from hub.ledger.forms.on_paper import FIELD_HEADS, KEY_VALUES, STATUS_WORDS
from tests.papers.sheets import DECEMBER, NAMES, sheet

OFFICIAL = {
    "t5": "北京市社会保险费补缴汇总表",
    "t10": "北京市社会保险费欠缴单位还款表",
    "t8": "北京市社会保险费收缴月报核对表",
    "t9": "北京市社会保险月报收缴汇总表",
    "f6": "社保经(代)办机构银行扣款信息核对表",
    "t26": "市社保中心银行扣款信息汇总核对表",
    "f7": "市社保中心银行扣款信息核对表",
    "f8": "市社保中心社会保险费银行扣款到位核对单",
    "t27": "市社保中心社会保险费银行扣款到位通知单",
    "f1": "北京市社会保险基金月报收缴到位及欠缴汇总表",
    "f2": "北京市社会保险费欠缴单位还款到位汇总表",
    "f3": "北京市社会保险费补缴到位汇总表",
}
"""The titles of the collection rules (C8, C9)."""


def one(name: str, rows: int = 3, question: Question = DECEMBER) -> Paper:
    return whole(sheet(name, rows), question, NAMES)


@pytest.mark.parametrize(("name", "title"), OFFICIAL.items())
def test_papers_of_the_regulation_bear_its_title_their_desks_and_a_seal(name: str, title: str) -> None:
    paper = one(name)
    assert (paper.title, paper.number) == (title, FORMS[name].paper)
    assert paper.made_by
    assert paper.made_for
    assert paper.form.on_paper.seal
    assert paper.form.on_paper.signatures == ("制表", "复核", "负责人")


def test_every_form_with_a_number_is_among_them() -> None:
    assert {name for name, form in FORMS.items() if form.paper} >= set(OFFICIAL)
    assert [name for name, form in FORMS.items() if form.paper and not form.on_paper.title] == []


def test_there_is_a_word_for_every_code_and_every_field() -> None:
    assert set(KEY_VALUES["kind"]) == set(Kind)
    assert set(KEY_VALUES["mode"]) == set(Mode)
    assert set(KEY_VALUES["item"]) == set(Item)
    assert set(KEY_VALUES["movement"]) == set(TAKES_BACK.values())
    assert set(STATUS_WORDS) == {*BillStatus, *FeeStatus, *SubsidyState}
    assert tuple(FIELD_HEADS) == MEASURE_FIELDS


@pytest.mark.parametrize("name", FORMS)
def test_heads_are_one_for_each_thing_in_a_line(name: str) -> None:
    paper = one(name)
    for block in paper.blocks():
        assert len(block.lines) == len(paper.form.measures)
        for line in block.lines:
            in_line = [*block.keys, line.measure, line.count, *line.amounts, *([block.status] if block.status else [])]
            assert len(in_line) == len(paper.heads)
            assert sum(line.amounts[:4]) == line.amounts[4]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("agency", "110105", "110105 朝阳区社会保险基金管理中心"),
        ("agency", "110199", "110199"),
        ("bank", "ICBC", "ICBC 中国工商银行北京市分行"),
        ("bank", "", NO_VALUE),
        ("kind", "M", "月报"),
        ("mode", "S", "零星缴费"),
        ("unit", "110105000001", "110105000001"),
    ],
)
def test_a_person_reads_names_and_words(key: str, value: str, words: str) -> None:
    assert NAMES.of(key, value) == words


@pytest.mark.parametrize(
    ("name", "question", "about"),
    [
        ("f8", Question(period="2026-12", round=1), "所属期：2026年12月　第一次扣款"),
        ("f8", Question(period="2026-12", round=2), "所属期：2026年12月　第二次扣款"),
        ("f8", Question(period="2026-12"), "所属期：2026年12月　两次扣款合计"),
        ("f1", Question(period="2026-12"), "所属期：2026年12月"),
        ("arrears", Question(), "所属期：截至目前"),
        ("unit", Question(unit="110105000001"), "所属期：截至目前　参保单位：110105000001"),
        (
            "f8",
            Question(period="2026-12", round=1, bank="CCB"),
            "所属期：2026年12月　第一次扣款　银行：CCB 中国建设银行北京市分行",
        ),
    ],
)
def test_a_paper_says_what_it_was_asked(name: str, question: Question, about: str) -> None:
    filled = replace(sheet(name, 2), period=question.period, round=question.round)
    assert whole(filled, question, NAMES).about == about


def test_a_notice_is_three_copies_for_each_agency() -> None:
    issue = list(papers(sheet("t27", 6), DECEMBER, NAMES))
    assert [(paper.made_for.split()[0], paper.copy.split("　")[0]) for paper in issue] == [
        ("110101", "第一联"), ("110101", "第二联"), ("110101", "第三联"),
        ("110105", "第一联"), ("110105", "第二联"), ("110105", "第三联"),
    ]  # fmt: skip
    for paper in issue:
        assert {row.keys[0] for row in paper.sheet.rows} == {paper.made_for.split()[0]}


@pytest.mark.parametrize("name", sorted(set(FORMS) - {"t27"}))
def test_every_other_form_is_one_paper(name: str) -> None:
    (paper,) = papers(sheet(name, 6), DECEMBER, NAMES)
    assert paper.copy == ""


def test_nothing_to_tell_yet_is_no_copy_for_anybody() -> None:
    (paper,) = papers(sheet("t27", 0), DECEMBER, NAMES)
    assert (paper.copy, paper.made_for) == ("", "社保经(代)办机构财务岗")


@pytest.mark.parametrize("name", FORMS)
def test_the_hash_is_that_of_the_json_export(name: str) -> None:
    filled = sheet(name, 5)
    exported = json.dumps(filled.as_json(), ensure_ascii=False) + "\n"
    assert "".join(filled.json_text()) == exported
    assert "".join(sheet(name, 0).json_text()) == json.dumps(sheet(name, 0).as_json(), ensure_ascii=False) + "\n"
    assert whole(filled, DECEMBER, NAMES).hash == sha256(exported.encode()).hexdigest()[:HASH_DIGITS]


def test_another_fen_is_another_hash() -> None:
    filled = sheet("f8", 5)
    first, *others = filled.rows
    measure = first.measures[0]._replace(pension=first.measures[0].pension + 1)
    changed = replace(filled, rows=(first._replace(measures=(measure, *first.measures[1:])), *others))
    assert changed.content_hash() != filled.content_hash()


def test_an_agencys_notice_in_the_citys_issue_is_the_one_it_gets_alone(books: Connection) -> None:
    """So its hash is that of ``hub export t27 --agency …``."""
    question = Question(period="2026-12", round=1)
    names = Names(agencies={}, banks={})
    issue = list(papers(fill(books, FORMS["t27"], question), question, names))
    alone = []
    for agency in ("110101", "110105"):
        asked = replace(question, agency=agency)
        alone += papers(fill(books, FORMS["t27"], asked), asked, names)
    assert len(issue) == 6
    assert issue == alone
