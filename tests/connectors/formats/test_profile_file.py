"""A bank's profile is a file; one that could lose money is not loaded, and every mistake of it is named."""

import io
import re
from importlib.resources import files

import pytest

from connectors.formats.line_profile import LineProfile, line_profiles
from connectors.formats.profile_file import ProfileError, parse_profile
from hub.domain.bank_results_columns import lines_of
from hub.ports import ResultFile
from tests.connectors.formats.exchange import BY_NAME, HEADER, line, parts_of

FOLDER = files("connectors.formats") / "profiles"
TEXTS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in BY_NAME}
PIPE, FIXED = TEXTS["pipe-gb18030"], TEXTS["fixed-gb18030"]


def mistakes(text: str, file: str) -> list[tuple[str, str, str]]:
    with pytest.raises(ProfileError) as wrong:
        parse_profile(file, text.encode())
    assert all(mistake.file == file and str(mistake) in str(wrong.value) for mistake in wrong.value.mistakes)
    return [(mistake.key, mistake.expected, mistake.found) for mistake in wrong.value.mistakes]


def changed(text: str, section: str, old: str, new: str) -> str:
    """The text with the first ``old`` behind ``section`` replaced."""
    at = text.index(section)
    assert old in text[at:]
    return text[:at] + text[at:].replace(old, new, 1)


def test_every_profile_bears_the_name_of_its_file() -> None:
    assert {profile.name for profile in line_profiles()} == set(TEXTS)


@pytest.mark.parametrize(
    ("section", "old", "new", "key", "expected"),
    [
        # a field that is missing
        ("detail = [", '  { field = "injury" },\n', "", "request.detail", "a field injury"),
        ("[result]", '{ field = "maternity" },\n  { field = "code" }', '{ field = "code" }', "result.detail", "a field maternity"),
        ("trailer = [", '  { field = "count" },\n', "", "request.trailer", "a field count"),
        ("trailer = [", '  { field = "pension" },\n', "", "request.trailer", "a field pension"),
        ("trailer = [", ',\n  { field = "hash total" }', "", "request.trailer", "a field hash total"),
        ("count paid in full", '  { field = "deducted" },\n', "", "result.trailer", "a field deducted"),
        ("[result]", '  { field = "batch no" },\n', "", "result.header", "a field batch no"),
        # a field that is there twice, or does not belong there
        ("detail = [", '{ field = "unit" }', '{ field = "unit" }, { field = "unit" }', "request.detail", "one field unit"),
        ("detail = [", '"line" }', '"line" }, { field = "code" }', "request.detail.1.field", "a field of a request.detail"),
        ("detail = [", '"partial"', '"parts"', "request.detail.10.field", "'constant', 'bank'"),
        ("detail = [", '{ field = "line" }', '{ field = "line", width = 9 }', "request.detail.0.width", "none"),
        ("detail = [", '"account name" }', '"account name", too_long = "cut" }', "request.detail.4.too_long", "refuse"),
        ("header = [", ', text = "DEDUCT"', "", "request.header.0.text", "the text of the constant"),
        ("header = [", 'name = "file type", ', "", "request.header.0.name", "a name of its own"),
        ("header = [", 'text = "DEDUCT"', 'text = "DED|UCT"', "request.header.0.text", "printed characters without |"),
        # codes
        ("[[codes]]", 'code = "03"', 'code = "02"', "codes", "code 02 once"),
        ("[[codes]]", 'outcome = "paid in full"\n', "", "codes.0.outcome", "this key"),
        ("[[codes]]", 'outcome = "paid in full"', 'outcome = "paid"', "codes.0.outcome", "'paid in full', "),
        ("[[codes]]", 'outcome = "paid in full"', 'outcome = "paid in part"', "codes", "a code that is paid in full"),
        ("[[codes]]", 'reason = "02"', "", "codes.2.reason", "one of 02"),
        ("[[codes]]", 'reason = "02"', 'reason = "00"', "codes.2.reason", "one of 02"),
        ("[[codes]]", 'outcome = "paid in full"', 'outcome = "paid in full"\nreason = "02"', "codes.0.reason", "none"),
        ("name", "deducts_parts = true", "deducts_parts = false", "codes", "no code paid in part"),
        # the file
        ("name", 'name = "pipe-gb18030"', 'name = "pipe"', "name", "the name of its file"),
        ("name", 'separator = "|"\n', "", "separator", "one, for kind delimited"),
        ("name", 'separator = "|"', 'separator = ","', "separator", "'|'"),
        ("name", 'separator = "|"', 'separator = "|"\npadding = " "', "padding", "none"),
        ("name", 'encoding = "gb18030"', 'encoding = "gbk"', "encoding", "'gb18030' or 'utf-8'"),
        ("name", 'amounts = "yuan"', 'amounts = "euro"', "amounts", "'yuan' or 'fen'"),
        ("name", 'amounts = "yuan"', 'amounts = "fen"', "request.detail.5.width", "at least 12 bytes"),
        ("name", 'completeness = "ok-file"\n', "", "completeness", "this key"),
        ("name", "version = 1", 'version = "1"', "version", "a valid integer"),
        ("name", "version = 1", "version = 1\ncolour = 2", "colour", "a key of a profile"),
        ("[request]", "<seq 4>", "<seq>", "request.name", "a number of digits"),
        ("[request]", "DK_<bank>", "DK_", "request.name", "<letters><bank>"),
        ("[result]", "HD_<bank>", "DK_<bank>", "result.name", "another beginning"),
        ("[result]", "<seq>.txt", "<seq>.ok", "result.name", "an ending that no .ok file has"),
        ("[result]", "<seq>.txt", "<seq>.sig", "result.name", "an ending that no .sig file has"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key_and_what_was_expected(
    section: str, old: str, new: str, key: str, expected: str
) -> None:
    found = mistakes(changed(PIPE, section, old, new), "pipe-gb18030.toml")
    assert any(each[0] == key and each[1].startswith(expected) for each in found), found


@pytest.mark.parametrize(
    ("section", "old", "new", "key", "expected"),
    [
        ("detail = [", '"pension", width = 12', '"pension", width = 11', "request.detail.5.width", "at least 12 bytes for the"),
        ("trailer = [", '"pension", width = 16', '"pension", width = 15', "request.trailer.1.width", "at least 16 bytes"),
        ("[result]", '"deducted", width = 12', '"deducted", width = 10', "result.detail.5.width", "at least 12 bytes"),
        ("detail = [", '"line", width = 9', '"line", width = 6', "request.detail.0.width", "at least 9 bytes"),
        ("detail = [", '"account", width = 32', '"account", width = 30', "request.detail.3.width", "at least 32 bytes"),
        ("[result]", 'file name", width = 36', 'file name", width = 30', "result.header.4.width", "at least 33 bytes"),
        ("[result]", '"code", width = 2', '"code", width = 1', "result.detail.3.width", "at least 2 bytes for the largest code"),
        ("detail = [", '"unit", width = 12', '"unit"', "request.detail.2.width", "at least 12 bytes"),
        ("trailer = [", '"hash total", width = 12', '"hash total", width = 13', "request.trailer.6.width", "12 bytes"),
        ("header = [", 'text = "CNY", width = 3', 'text = "CNY", width = 2', "request.header.7.width", "at least 3 bytes"),
        ("name", 'padding = " "\n', "", "padding", "one, for kind fixed"),
        ("detail = [", '"unit", width = 12', '"unit", width = 12, too_long = "cut"', "request.detail.2.too_long", "refuse"),
    ],
)  # fmt: skip
def test_a_field_too_narrow_for_its_largest_value_is_not_loaded(
    section: str, old: str, new: str, key: str, expected: str
) -> None:
    [(found_key, found_expected, _)] = mistakes(changed(FIXED, section, old, new), "fixed-gb18030.toml")
    assert (found_key, found_expected[: len(expected)]) == (key, expected)


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = changed(
        changed(FIXED, "detail = [", '"pension", width = 12', '"pension", width = 11'), "[[codes]]", '"03"', '"02"'
    )
    assert {key for key, _, _ in mistakes(text, "fixed-gb18030.toml")} == {"request.detail.5.width", "codes"}


@pytest.mark.parametrize("text", ["name = ", "\xff", "[[request]]"])
def test_what_is_no_profile_at_all_says_so(text: str) -> None:
    assert mistakes(text, "other.toml")


@pytest.mark.parametrize("name", TEXTS)
def test_a_profile_lists_its_fields_with_place_width_and_grammar(name: str) -> None:
    profile = BY_NAME[name]
    fields = profile.fields()
    assert {field.record for field in fields} == {
        f"{a}.{b}" for a in ("request", "result", "change") for b in ("header", "detail", "trailer")
    }
    for record in {field.record for field in fields}:
        of_record = [field for field in fields if field.record == record]
        place = 1
        for field in of_record:
            assert field.place == place
            assert field.grammar
            place += field.width if field.width is not None else 1
    assert ("width" in TEXTS[name]) is all(field.width for field in fields)


THIRD = """
name = "third-bank"
version = 3
kind = "delimited"
separator = "|"
encoding = "utf-8"
amounts = "fen"
completeness = "ok-file"
max_lines = 1000
deducts_parts = false
[request]
name = "OUT-<bank>_<YYYYMMDD>_<seq 2>.dat"
header = [{field = "batch no"}, {field = "bank"}, {field = "date"}, {field = "period"}, {field = "round"}]
detail = [
  {field = "account"}, {field = "account name"}, {field = "total", width = 12}, {field = "maternity", width = 12},
  {field = "injury", width = 12}, {field = "unemployment", width = 15}, {field = "pension", width = 12}, {field = "unit"},
  {field = "partial"}, {field = "line"}, {field = "instruction id"},
  {field = "constant", name = "purpose", text = "SOCIAL INSURANCE"},
]
trailer = [
  {field = "hash total"}, {field = "total", width = 16}, {field = "pension", width = 16}, {field = "unemployment", width = 16},
  {field = "injury", width = 16}, {field = "maternity", width = 18}, {field = "count"},
]
[result]
name = "IN-<bank>_<YYYYMMDD>_<seq>.dat"
header = [{field = "request file name"}, {field = "date"}, {field = "bank"}, {field = "batch no"}]
detail = [
  {field = "code"}, {field = "line"}, {field = "bank reference"}, {field = "unit"}, {field = "instruction id"},
  {field = "pension", width = 12}, {field = "unemployment", width = 12}, {field = "injury", width = 12},
  {field = "maternity", width = 12}, {field = "deducted", width = 12}, {field = "requested", width = 12},
]
trailer = [
  {field = "requested", width = 16}, {field = "deducted", width = 16}, {field = "pension", width = 16},
  {field = "unemployment", width = 16}, {field = "injury", width = 16}, {field = "maternity", width = 16}, {field = "count"},
]
[[codes]]
code = "OK"
outcome = "paid in full"
[[codes]]
code = "E1"
outcome = "unpaid"
reason = "02"
[[codes]]
code = "E2"
outcome = "unpaid"
reason = "02"
"""
"""A bank whose columns have another order, other codes, amounts in fen, UTF-8, and no count of what was paid in full."""


def test_a_bank_of_another_form_needs_no_more_than_its_file() -> None:
    third = LineProfile(parse_profile("third-bank.toml", THIRD.encode()))
    asked = [line(1, "名𠮷", False), line(2, "名", False)]
    out = io.BytesIO()
    third.write_request(HEADER, parts_of(asked), out)
    first, second, *_, last, _ = out.getvalue().decode("utf-8").split("\n")
    assert first == "H|ICBC-2026-12-1-001|ICBC|2026-12-02|2026-12|1"
    assert second == (
        "D|02000041092006000001|名𠮷|000000824162|000000000160|000000004001|000000000020000|000000800001|110105000001|F|1|"
        "CY2612-000001-1|SOCIAL INSURANCE"
    )
    assert last.startswith("T|004012000003|") and last.endswith("|2")
    out.seek(0)
    header, lines = third.read_request(out)
    assert (header, list(lines)) == (HEADER, asked)

    name = third.request_name("ICBC", HEADER.business_date, 7)
    assert name == "OUT-ICBC_20261202_07.dat"
    answer = (
        f"H|{name}|2026-12-03|ICBC|ICBC-2026-12-1-001\n"
        "D|E2|2|余额不足|110105000002|CY2612-000002-1|000000000000|000000000000|000000000000|000000000000|000000000000|000000824164\n"
        "D|OK|1||110105000001|CY2612-000001-1|000000800001|000000020000|000000004001|000000000160|000000824162|000000824162\n"
        "T|0000000001648326|0000000000824162|0000000000800001|0000000000020000|0000000000004001|0000000000000160|2\n"
    ).encode()
    for read in (third.parse_result, third.results.read_columns, third.results.read_lines):
        parsed = read("IN-ICBC_20261203_1.dat", "ICBC", io.BytesIO(answer))
        assert isinstance(parsed, ResultFile), parsed
        assert [(each.line, each.code, each.deducted) for each in lines_of(parsed.answers)] == [
            (2, "02", 0),
            (1, "00", 824162),
        ]
        assert parsed.answers["reference"].to_list() == ["余额不足", ""]
    for length in range(len(answer)):
        assert not isinstance(
            third.parse_result("IN-ICBC_20261203_1.dat", "ICBC", io.BytesIO(answer[:length])), ResultFile
        )


def test_no_profile_names_a_person_or_a_machine() -> None:
    assert not any(re.search(r"@|://|/home|/work", text) for text in TEXTS.values())
