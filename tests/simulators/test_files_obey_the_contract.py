"""Every file the simulators write fits the contract's grammar, read here by patterns of its own."""

import re
from datetime import date
from hashlib import sha256

import pytest

from simulators import agency, faults
from simulators.bank_program import garbled, next_number, print_changes
from simulators.bank_work import Asked, Changed

AMOUNT = r"(?:0|[1-9][0-9]{0,9})\.[0-9]{2}"
TOTAL = r"(?:0|[1-9][0-9]{0,13})\.[0-9]{2}"
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PERIOD = r"[0-9]{4}-[0-9]{2}"
TEXT = r"[^|\x00-\x1f\x7f]"

DUES = re.compile(
    rf"H\|DUES\|1\|[0-9]{{6}}\|{PERIOD}\|M\|[0-9]{{4}}\|{DAY}\n"
    rf"(?:D\|[1-9][0-9]*\|[A-Z0-9-]{{1,34}}\|[0-9]{{12}}\|{TEXT}+\|"
    rf"(?:B\|[A-Z0-9]{{2,12}}\|[0-9]{{10,32}}\|{TEXT}+|S\|\|\|)(?:\|{AMOUNT}){{5}}\|\n)+"
    rf"(?:C\|[BS]\|[A-Z0-9]{{0,12}}\|[0-9]+(?:\|{TOTAL}){{5}}\n)+"
    rf"T\|[0-9]+\|{TOTAL}\|[0-9a-f]{{64}}\n"
)
AGAIN = re.compile(
    rf"H\|AGAIN\|1\|[0-9]{{6}}\|{PERIOD}\|[0-9]{{4}}\|{DAY}\n"
    rf"(?:D\|[1-9][0-9]*\|[0-9]{{12}}\|[BS]\|{DAY}\n)+T\|[0-9]+\|\|[0-9a-f]{{64}}\n"
)
RECEIPTS = re.compile(
    rf"H\|RECEIPTS\|1\|[0-9]{{6}}\|{DAY}\|[0-9]{{4}}\n"
    rf"(?:D\|[1-9][0-9]*\|[A-Z0-9-]{{1,36}}\|[A-Z0-9-]{{1,34}}\|"
    rf"(?:CASH\||COLLECTION\||CHEQUE\|[0-9]+)\|{AMOUNT}\|{DAY}\n)+T\|[0-9]+\|{TOTAL}\|[0-9a-f]{{64}}\n"
)
RESULT = re.compile(
    rf"H\|RESULT\|1\|[A-Z0-9]{{2,12}}\|{TEXT}+\|DK_[A-Z0-9]{{2,12}}_[0-9]{{8}}_[0-9]{{4}}\.txt\|{DAY}\n"
    rf"(?:D\|[1-9][0-9]*\|[A-Z0-9-]{{1,36}}\|[0-9]{{12}}(?:\|{AMOUNT}){{6}}\|(?:0[0-6]|99)\|{TEXT}{{0,64}}\n)+"
    rf"T\|[0-9]+\|[0-9]+(?:\|{TOTAL}){{6}}\n"
)


RETURNS = re.compile(
    rf"H\|RETURNS\|1\|[0-9]{{6}}\|{DAY}\|[0-9]{{4}}\n"
    rf"(?:D\|[1-9][0-9]*\|[A-Z0-9-]{{1,36}}\|[A-Z0-9-]{{1,36}}\|{AMOUNT}\|{TEXT}*\|{DAY}\n)+T\|[0-9]+\|{TOTAL}\|[0-9a-f]{{64}}\n"
)
CHANGES = re.compile(
    rf"H\|CHANGE\|1\|[A-Z0-9]{{2,12}}\|{DAY}\n"
    rf"(?:D\|[A-Z0-9-]{{1,36}}\|[1-9][0-9]*\|[A-Z0-9-]{{1,36}}\|[0-9]{{12}}(?:\|{AMOUNT}){{6}}\|(?:0[0-6]|99)\|{TEXT}{{0,64}}\|"
    rf"{TEXT}{{0,64}}\n)+T\|[0-9]+(?:\|{TOTAL}){{6}}\n"
)


def sealed(data: bytes) -> bool:
    """True when the digest at the end is that of all bytes before its line."""
    body = data[: data.rindex(b"\nT|") + 1]
    return data.decode().rstrip("\n").rsplit("|", 1)[1] == sha256(body).hexdigest()


def test_dues(paper_hub) -> None:
    for paper in paper_hub().file_dues("2026-09"):
        assert re.fullmatch(r"DUES_[0-9]{6}_[0-9]{4}-[0-9]{2}_M_[0-9]{4}\.txt", paper.name)
        assert DUES.fullmatch(paper.data.decode())
        assert sealed(paper.data)


def test_second_collection_and_receipts() -> None:
    day = date(2026, 9, 15)
    asked = agency.again("110105", "2026-09", 1, day, [agency.Again("110105000001", "B", day)])
    assert asked.name == "AGAIN_110105_2026-09_0001.txt"
    assert AGAIN.fullmatch(asked.data.decode())
    taken = [
        agency.Receipt("RC-1", "M202609-110105000001", "CASH", "", 1, day),
        agency.Receipt("RC-2", "M202609-110105000002", "CHEQUE", "00000007", 999_999_999_999, day),
    ]
    paper = agency.receipts("110105", day, 3, taken)
    assert paper.name == "RCPT_110105_20260915_0003.txt"
    assert RECEIPTS.fullmatch(paper.data.decode())
    assert sealed(asked.data)
    assert sealed(paper.data)


def test_returned_payments() -> None:
    day = date(2026, 9, 16)
    back = agency.Returned("RT-110105-20260915-00001", "RC-110105-20260915-00001", 70000, "存款不足", day)
    paper = agency.returns("110105", day, 1, [back])
    assert paper.name == "RTN_110105_20260916_0001.txt"
    assert RETURNS.fullmatch(paper.data.decode())
    assert sealed(paper.data)


def test_changed_answers_add_up_and_are_split_in_order() -> None:
    asked = Asked(3, "M202609-110105000001-1", "110105000001", "02001234567890", "甲", (1000, 100, 50, 30), True)
    changes = [Changed("B-1", asked, 0, 1020, "01"), Changed("B-1", asked, 1180, 0, "99")]
    paper = print_changes("ICBC", changes, date(2026, 9, 12), 2)
    assert paper.name == "GZ_ICBC_20260912_0002.txt"
    text = paper.data.decode("gb18030")
    assert CHANGES.fullmatch(text)
    assert "|0.00|10.20|10.00|0.20|0.00|0.00|01|" in text
    assert text.endswith("\nT|2|11.80|10.20|10.00|0.20|0.00|0.00\n")


def test_each_kind_of_a_banks_files_has_numbers_of_its_own() -> None:
    sent = [
        "HD_ICBC_20260912_0001.txt",
        "GZ_ICBC_20260912_0001.txt",
        "GZ_ICBC_20260912_0002.txt",
        "HD_CCB_20260912_0001.txt",
    ]
    day = date(2026, 9, 12)
    assert [next_number(sent, "ICBC", day), next_number(sent, "ICBC", day, "GZ_")] == [2, 3]


def test_results_and_their_seals(paper_hub) -> None:
    hub = paper_hub(units=80)
    hub.file_dues("2026-09")
    assert hub.ask_banks("2026-09", 1) == []
    for bank, program in hub.programs.items():
        hub.answer(bank, "2026-09", 1)
        (file,) = program.inbound.glob("HD_*.txt")
        data = file.read_bytes()
        assert re.fullmatch(rf"HD_{bank}_20260902_0001\.txt", file.name)
        assert RESULT.fullmatch(data.decode("gb18030"))
        assert file.with_suffix(".txt.ok").read_bytes() == f"{sha256(data).hexdigest()} {len(data)}\n".encode()
        codes = [line.split("|")[10] for line in data.decode().splitlines() if line.startswith("D|")]
        assert "00" in codes
        assert ("01" in codes) is (bank != "BOC"), "only the bank that takes parts answers 01"
        wrong = garbled(agency.Paper(file.name, data))
        assert wrong.data != data
        assert RESULT.fullmatch(wrong.data.decode()), "a garbled answer still has the form of one"


@pytest.mark.parametrize("spoil", faults.DUES_FAULTS)
def test_a_faulty_dues_file_has_its_one_fault(spoil, paper_hub) -> None:
    good = paper_hub().file_dues("2026-09")[0]
    bad = spoil(good)
    assert bad.name == good.name
    assert bad.data != good.data
    assert sealed(bad.data) is (spoil is not faults.wrong_digest)
