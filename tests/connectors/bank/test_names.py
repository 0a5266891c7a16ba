"""Names from a bank's directory: what could be a path, an option or a trick to the eye is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bank.failures import HostileNameError
from connectors.bank.names import NAME_BYTES_MAX, harmless, why_hostile, without_personal_data

HOSTILE = [
    b"",
    b".",
    b"..",
    b"../HD_ICBC_20261210_0001.txt",
    b"/etc/passwd",
    b"a/b",
    b"..\\windows",
    b"-rf",
    b".hidden",
    b"line\nbreak",
    b"tab\tstop",
    b"nul\x00byte",
    b"esc\x1b[31m",
    b"del\x7f",
    b" leading",
    b"trailing ",
    "right-to-left \u202etxt.exe".encode(),
    "mark\u200f".encode(),
    "zero width\u200bspace".encode(),
    "line\u2028separator".encode(),
    b"\xff\xfe not utf-8",
    "张三".encode("gb18030"),
    b"x" * 201,
    "名".encode() * 67,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: bytes) -> None:
    assert why_hostile(name)


@pytest.mark.parametrize(
    "name", [b"HD_ICBC_20261210_0001.txt", b"HD_ICBC_20261210_0001.txt.ok", b"x" * 200, "回盘.txt".encode()]
)
def test_harmless(name: bytes) -> None:
    assert why_hostile(name) is None
    assert harmless(name.decode()) == name.decode()


@given(st.binary(max_size=300))
def test_what_passes_is_one_plain_component_of_a_path(name: bytes) -> None:
    if why_hostile(name) is None:
        text = name.decode("utf-8")
        assert 0 < len(name) <= NAME_BYTES_MAX
        assert "/" not in text and text not in (".", "..") and not text.startswith("-")
        assert text.isprintable()


@given(st.text(max_size=50))
def test_any_text_is_judged(name: str) -> None:
    try:
        assert harmless(name) == name
    except HostileNameError as refusal:
        assert not refusal.retriable


def test_the_log_does_not_spell_the_name() -> None:
    logged = without_personal_data("张三\n110105199001011234".encode())
    assert "1101" not in str(logged) and "张" not in str(logged)
