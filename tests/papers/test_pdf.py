"""Pages as a desk would stamp them: read back as text, measured, and looked at."""

import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import pytest

from hub.app.papers import pdf
from hub.app.papers.layout import NO_ROWS, Names, papers, whole
from hub.app.papers.pdf import write_pdf
from hub.domain.capital_amounts import capital_rmb
from hub.domain.money import Fen, yuan
from hub.ledger.forms import FORMS, Measure, Question, Sheet, SheetRow
from tests.papers.pages import Box, Page, read
from tests.papers.sheets import AGENCIES, DECEMBER, NAMES, sheet

HUGE = 10**15
"""Fen; the totals of a page of such rows have fourteen digits of yuan and more."""
TOLERANCE = 0.5
"""Millimetres that a line or a letter may stand over the edge of what is printed."""


def printed(filled: Sheet, question: Question = DECEMBER, names: Names = NAMES) -> bytes:
    return write_pdf(papers(filled, question, names))


def by_name(rows: int, **more: int) -> list[object]:
    return [pytest.param(sheet(name, rows, **more), id=f"{name}-{rows}") for name in FORMS]


@pytest.mark.parametrize("filled", by_name(70))
def test_every_number_of_the_form_is_on_its_pages(filled: Sheet) -> None:
    with read(write_pdf([whole(filled, DECEMBER, NAMES)])) as pages:
        pieces = [piece.text for page in pages for piece in page.pieces]
        texts = [page.text for page in pages]
    wanted = [
        number
        for measures in (*(row.measures for row in filled.rows), filled.total)
        for measure in measures
        for number in (f"{measure.count:,}", *map(yuan, (*measure.amounts, measure.total)))
    ]
    for number in wanted:
        pieces.remove(number)  # each in a place of its own
    for at, text in enumerate(texts, start=1):
        assert (filled.form.on_paper.title or filled.form.title) in text
        assert "生育保险" in text
        assert f"第 {at} 页　共 {len(texts)} 页" in text
        assert filled.content_hash()[:32] in text
    for name in filled.form.on_paper.capitals:
        total = filled.total[filled.form.measures.index(name)].total
        assert texts[-1].count(f"{capital_rmb(Fen(total))} ￥{yuan(total)}") == 1


def faults_of(page: Page) -> list[str]:
    """What a printer would call a bad page: something beyond the margins, over something else, or across a line."""
    found = []
    for box in (*page.pieces, *page.lines):
        if (
            box.left < pdf.LEFT - TOLERANCE
            or box.right > pdf.RIGHT + TOLERANCE
            or box.top < pdf.TOP
            or box.bottom > pdf.BOTTOM
        ):
            found.append(f"beyond the margins: {box}")
    found += [f"{one} over {other}" for one, other in combinations(page.pieces, 2) if one.overlaps(other)]
    upright = [line for line in page.lines if line.right - line.left < 1 < line.bottom - line.top]
    level = [line for line in page.lines if line.bottom - line.top < 1 < line.right - line.left]
    found += [f"{piece} across {line}" for piece in page.pieces for line in (*upright, *level) if piece.overlaps(line)]
    return found


@pytest.mark.parametrize("filled", [*by_name(0), *by_name(1, most=HUGE), *by_name(70)])
def test_nothing_is_cut_overlaps_or_leaves_the_page(filled: Sheet) -> None:
    with read(printed(filled)) as pages:
        assert [fault for page in pages for fault in faults_of(page)] == []
        assert {(round(page.width), round(page.height)) for page in pages} == {(297, 210)}


def test_long_names_and_huge_amounts_wrap_and_shrink_but_stay_whole() -> None:
    long = Names(agencies=dict.fromkeys(AGENCIES, "经办机构" * 12), banks={"CCB": "银行" * 30, "ICBC": "W" * 60})
    filled = sheet("f8", 40, most=HUGE // 100)
    with read(printed(filled, names=long)) as pages:
        assert [fault for page in pages for fault in faults_of(page)] == []
        text = "".join(page.text for page in pages).replace("\r\n", "").replace(" ", "")
    assert text.count("W" * 60) >= 1
    assert "经办机构" * 12 in text
    assert all(yuan(row.measures[0].total) in text for row in filled.rows)


@pytest.mark.parametrize("name", ["t27", "f8"])
def test_a_heading_too_long_for_its_line_is_set_smaller(name: str) -> None:
    long = Names(agencies={"110105": "经办机构" * 18}, banks={"CCB": "某某银行" * 18})
    filled = sheet(name, 2)
    question = replace(DECEMBER, agency="110105", bank="CCB", unit="110105000001")
    with read(printed(replace(filled, rows=filled.rows[1:]), question, long)) as pages:
        assert [fault for page in pages for fault in faults_of(page)] == []
        assert "某某银行" * 18 + "　参保单位：110105000001" in pages[0].text.replace("\r\n", "")


def test_bad_pages_are_found() -> None:
    """The look itself can fail: text over text, over a line, beyond the margin."""
    text, other = Box("a", 20, 20, 40, 23), Box("b", 39, 21, 60, 24)
    line, outside = Box("", 30, 15, 30.3, 90), Box("c", 280, 30, 290, 33)
    page = Page("", (text, other, outside), (line,), 297, 210, None)
    beyond, over, across = faults_of(page)
    assert beyond.startswith("beyond the margins: Box(text='c'")
    assert "Box(text='a'" in over
    assert "Box(text='b'" in over
    assert "Box(text='a'" in across


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.on_paper.seal])
def test_room_for_the_seal_is_free_and_people_can_sign(name: str) -> None:
    with read(write_pdf([whole(sheet(name, 5), DECEMBER, NAMES)])) as pages:
        last = pages[-1]
        label = next(piece for piece in last.pieces if piece.text.startswith("盖章处"))
        room = Box("", pdf.RIGHT - pdf.SEAL_WIDTH, label.bottom + 0.4, pdf.RIGHT, label.bottom + pdf.SEAL_HEIGHT)
        assert room.bottom < pdf.BOTTOM - 4
        assert [piece.text for piece in last.pieces if piece.overlaps(room)] == []
        assert FORMS[name].on_paper.seal in label.text
        for who in ("制表", "复核", "负责人", "日期"):
            assert sum(piece.text.startswith(f"{who}：") for piece in last.pieces) == 1
        assert all("盖章处" not in page.text for page in pages[:-1])


def test_the_picture_shows_a_head_a_table_and_an_empty_place_for_the_seal() -> None:
    with read(printed(sheet("t27", 6))) as pages:
        page = pages[0]
        picture = page.picture()
        title = page.find("市社保中心社会保险费银行扣款到位通知单")
        label = next(piece for piece in page.pieces if piece.text.startswith("盖章处"))

        def ink(left: float, top: float, right: float, bottom: float) -> float:
            """The part of a rectangle that is dark."""
            grey = picture.crop((int(left * 4), int(top * 4), int(right * 4), int(bottom * 4))).tobytes()
            return sum(value < 160 for value in grey) / len(grey)

        assert picture.size == (1189, 841)
        assert ink(0, 0, 297, 210) > 0.01
        assert ink(title.left, title.top, title.right, title.bottom) > 0.15
        assert abs((title.left + title.right) / 2 - 297 / 2) < 1
        assert title.bottom < pdf.TABLE_TOP
        assert ink(pdf.RIGHT - pdf.SEAL_WIDTH + 1, label.bottom + 2, pdf.RIGHT - 1, label.bottom + 30) == 0
        for margin in ((0, 0, 297, 11), (0, 199, 297, 210), (0, 0, 13, 210), (284, 0, 297, 210)):
            assert ink(*margin) == 0
        assert ink(pdf.LEFT - 1, pdf.TABLE_TOP, pdf.LEFT + 1, pdf.TABLE_TOP + 20) > 0.1  # the table's left edge


GOLDEN = """
表二十七 第二联　失业保险财务记账
市社保中心社会保险费银行扣款到位通知单
致：110105 朝阳区社会保险基金管理中心 社保经(代)办机构财务岗 编制：市社保中心收缴岗
所属期：2026年12月　第一次扣款 单位：元
内容校验 SHA-256 {hash} 第 1 页　共 1 页 表二十七 第二联　失业保险财务记账
经(代)办机构 银行 项目 笔数 养老保险 失业保险 工伤保险 生育保险 合计
110105 朝阳区社会保险基金管理中心
CCB 中国建设银行北京市分行
ICBC 中国工商银行北京市分行
申请扣款 3 1,600.00 100.05 40.00 20.00 1,760.05
到位 2 1,407.00 0.00 0.00 0.00 1,407.00
未到 1 193.00 100.05 40.00 20.00 353.05
未回 0 0.00 0.00 0.00 0.00 0.00
申请扣款 1 2.40 0.10 0.00 0.00 2.50
到位 1 2.40 0.10 0.00 0.00 2.50
未到 0 0.00 0.00 0.00 0.00 0.00
未回 0 0.00 0.00 0.00 0.00 0.00
合计
申请扣款 4 1,602.40 100.15 40.00 20.00 1,762.55
到位 3 1,409.40 0.10 0.00 0.00 1,409.50
未到 1 193.00 100.05 40.00 20.00 353.05
未回 0 0.00 0.00 0.00 0.00 0.00
到位金额合计（大写） 人民币壹仟肆佰零玖元伍角 ￥1,409.50
盖章处（市社保中心收缴业务章）
制表： 复核： 负责人： 日期：　　　　年　　　月　　　日
"""


def test_a_notice_word_for_word() -> None:
    nothing = Measure(0, 0, 0, 0, 0)
    asked, arrived = Measure(3, 160000, 10005, 4000, 2000), Measure(2, 140700, 0, 0, 0)
    small = Measure(1, 240, 10, 0, 0)
    rows = (
        SheetRow(("110105", "CCB"), (asked, arrived, Measure(1, 19300, 10005, 4000, 2000), nothing)),
        SheetRow(("110105", "ICBC"), (small, small, nothing, nothing)),
    )
    filled = Sheet(form=FORMS["t27"], period="2026-12", round=1, rows=rows)
    with read(printed(filled, replace(DECEMBER, agency="110105"))) as pages:
        assert len(pages) == 3
        text = pages[1].text.replace("\r\n", "\n")
    assert text.strip() == GOLDEN.format(hash=filled.content_hash()[:32]).strip()


def test_a_city_of_four_banks_fits_its_notice_on_one_page() -> None:
    """So that figures, capitals, signatures and seal are on one sheet."""
    filled = sheet("t27", 1)
    rows = tuple(filled.rows[0]._replace(keys=("110105", bank)) for bank in ("ABC", "BOC", "CCB", "ICBC"))
    with read(printed(replace(filled, rows=rows))) as pages:
        assert len(pages) == 3  # the copies


def test_the_total_never_stands_alone_on_its_page() -> None:
    for rows in range(18, 34):
        with read(printed(sheet("f7", rows))) as pages:
            assert all("DK_ICBC_2026" in page.text for page in pages), rows


def test_a_key_that_repeats_stands_once_a_page() -> None:
    with read(printed(sheet("arrears", 70))) as pages:
        for page in pages:
            agencies = [piece.text for piece in page.pieces if "社会保险基金管理中心" in piece.text]
            assert len(agencies) == len(set(agencies)) > 0


def test_a_form_without_rows_says_so() -> None:
    with read(printed(sheet("t27", 0))) as pages:
        (page,) = pages
        assert NO_ROWS in page.text
        assert "人民币零元整" in page.text


PRINT = """
import hashlib
from hub.app.papers.layout import papers
from hub.app.papers.pdf import write_pdf
from tests.papers.sheets import DECEMBER, NAMES, sheet
print(hashlib.sha256(write_pdf(papers(sheet("t27", 6), DECEMBER, NAMES))).hexdigest())
"""


def test_the_same_content_is_the_same_bytes_in_another_process_and_time_zone() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "Asia/Shanghai"), ("2", "America/New_York"))
    }
    assert len(answers) == 1


def test_the_letters_are_in_the_document() -> None:
    content = printed(sheet("t27", 6))
    assert content.count(b"/FontFile3") == 1
    assert b"/CreationDate (D:19700101000000Z" in content
    assert len(content) < 150_000
