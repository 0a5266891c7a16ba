"""The letters: pinned, from their package, and nothing printed is lost for the want of one."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from hub.app.papers import fonts
from hub.app.papers.layout import papers
from hub.app.papers.pdf import write_pdf
from tests.papers.pages import read
from tests.papers.sheets import DECEMBER, NAMES, sheet

LETTERS = fonts.Letters(map(ord, "人民币 ABC　\t\u202e"))


def test_the_font_is_the_pinned_one() -> None:
    assert "as pinned" in fonts.check()


def test_another_font_or_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / f"{fonts.FAMILY}-Regular.otf"
    monkeypatch.setattr(fonts, "files", lambda _package: tmp_path)
    with pytest.raises(fonts.FontMissingError, match="cannot be read"):
        fonts.check()
    other.write_bytes(fonts.font_file().name.encode())
    with pytest.raises(fonts.FontMissingError, match="not the pinned font"):
        fonts.check()


def test_without_the_package_the_advice_is_to_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_PACKAGE", "no_such_package_of_fonts")
    with pytest.raises(fonts.FontMissingError, match="no_such_package_of_fonts") as told:
        fonts.check()
    assert told.value.advice == "Install it: make setup"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("人民币", "人民币"),
        ("人　民", "人　民"),
        ("𠮷", "〔U+20BB7〕"),
        ("A\u202eB", "A〔U+202E〕B"),
        ("A\tB\n", "A〔U+0009〕B〔U+000A〕"),
        ("\ue000", "〔U+E000〕"),
    ],
)
def test_what_cannot_be_printed_stands_as_its_number(text: str, shown: str) -> None:
    assert LETTERS.readable(text) == shown


@given(st.text(max_size=30))
def test_no_sign_vanishes(text: str) -> None:
    shown = LETTERS.readable(text)
    assert shown.count("〔U+") == sum(sign not in "人民币 ABC　" for sign in text)


def test_every_sign_that_a_bank_or_an_agency_commonly_writes_has_a_letter() -> None:
    """All Chinese signs of GBK, and the first extension with the rare names of GB18030."""
    pairs = (bytes([first, second]) for first in range(0x81, 0xFF) for second in range(0x40, 0xFF))
    gbk = {sign for pair in pairs for sign in pair.decode("gbk", errors="ignore") if "\u4e00" <= sign <= "\u9fff"}
    rare = {chr(point) for point in range(0x3400, 0x4DB6)}
    assert len(gbk) == 20_902
    letters = fonts.Letters(TTFont(fonts.font_file(), lazy=True).getBestCmap())
    assert [sign for sign in gbk | rare if letters.readable(sign) != sign] == []


def test_rare_names_are_printed_or_shown_as_numbers() -> None:
    names = {"CCB": "䶮堃镕㛃龑", "ICBC": "𠮷野\u202e银行\x07"}
    asked = type(NAMES)(agencies={"110101": "䶮" * 60, "110105": "=1+1"}, banks=names)
    with read(write_pdf(papers(sheet("f8", 6), DECEMBER, asked))) as pages:
        text = pages[0].text.replace("\r\n", "")
    assert "䶮堃镕㛃龑" in text
    assert "〔U+20BB7〕野〔U+202E〕银行〔U+0007〕" in text
    assert "=1+1" in text
