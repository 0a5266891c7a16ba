"""The bench's books by columns are the oracle's, line by line: the same papers and answers give the same exports."""

from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from simulators.agency import Paper
from simulators.amounts import yuan
from simulators.bench import papers
from simulators.bench.books import Books
from simulators.bench.crowd import PERIOD, Crowd, bills_of
from simulators.bench.desk import Asked, Desk, WrongRequestError
from simulators.bench.month import START
from simulators.bench.plot import plot
from simulators.forms import expected
from simulators.oracle import Line, Oracle
from simulators.sessions import dates_of

AGENCIES = ("110105", "110108")
BANKS = ("ICBC", "CCB", "BOC")
NO_PARTS = frozenset({"BOC"})
DATES = dates_of(PERIOD)


@pytest.fixture
def crowd(seed: int) -> Crowd:
    return Crowd(seed=seed, units=600, agencies=AGENCIES, banks=BANKS)


def request_of(bank: str, number: int, lines: list[Line]) -> Paper:
    """A request file by the contract, section 3, from the oracle's lines."""
    day = DATES.session(number).batch.date()
    texts = [f"H|DEDUCT|1|{bank}|{bank}-{number}|{PERIOD}|{number}|{day}|CNY"]
    sums, digits = [0, 0, 0, 0], 0
    for place, line in enumerate(lines, 1):
        bill = line.bill
        amounts = "|".join(yuan(part) for part in (*line.wanted, sum(line.wanted)))
        part = "F" if bank in NO_PARTS else "P"
        texts.append(f"D|{place}|{line.id}|{bill.unit}|{bill.account}|{bill.account_name}|{amounts}|{part}")
        sums = [one + other for one, other in zip(sums, line.wanted, strict=True)]
        digits += int(bill.account[-10:])
    totals = "|".join(yuan(part) for part in (*sums, sum(sums)))
    texts.append(f"T|{len(lines)}|{totals}|{digits % 10**12:012d}")
    data = "".join(f"{text}\n" for text in texts).encode("gb18030")
    return Paper(f"DK_{bank}_{day:%Y%m%d}_{number:04d}.txt", data)


def laid_down(folder: Path, paper: Paper) -> None:
    (folder / "outbound" / paper.name).write_bytes(paper.data)
    seal = f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n"
    (folder / "outbound" / f"{paper.name}.ok").write_text(seal)


def desk_of(folder: Path, bank: str, books: Books) -> Desk:
    for name in ("outbound", "inbound"):
        (folder / bank / name).mkdir(parents=True, exist_ok=True)
    return Desk(bank, folder / bank, books)


def a_round(oracle: Oracle, desks: dict[str, Desk], number: int) -> list[Asked]:
    """The oracle says what must be asked, the desks take it and answer, the oracle posts."""
    session = DATES.session(number)
    oracle.advance(session.batch)
    taken = []
    for bank, desk in desks.items():
        lines = [line for line in oracle.lines[PERIOD, number] if line.bill.bank == bank]
        paper = request_of(bank, number, lines)
        laid_down(desk.directory, paper)
        for line in lines:
            line.file = paper.name
        oracle.batches[bank, f"{bank}-{number}"] = lines
        for asked in desk.receive(number, session.batch.date()):
            answer = desk.answer(asked, session.results.date())
            oracle.deliver(bank, Paper(answer.name, answer.data))
            taken.append(asked)
    oracle.advance(session.posting)
    return taken


def test_the_same_month_gives_the_same_exports(crowd: Crowd, tmp_path: Path) -> None:
    books = Books(crowd, NO_PARTS)
    oracle = Oracle(START, NO_PARTS)
    desks = {bank: desk_of(tmp_path, bank, books) for bank in BANKS}
    for code in AGENCIES:
        oracle.dues(papers.dues(code, START.date(), books.bills(code)))
    taken = a_round(oracle, desks, 1)
    oracle.advance(datetime.fromisoformat(f"{PERIOD}-13T10:00"))
    for code in AGENCIES:
        oracle.again(papers.again(code, date(2026, 12, 13), date(2026, 12, 21), books.asked_again(code)))
        oracle.receipts(papers.receipts(code, date(2026, 12, 13), 1, books.at_counter(code)))
    taken += a_round(oracle, desks, 2)
    oracle.advance(DATES.month_close)
    files = [asked.added_up for asked in taken]
    for export in books.exports():
        assert books.expected(export, files) == expected(oracle, export), str(export)
    assert books.arrears_count() == sum(bill.in_arrears for bill in oracle.bills.values())


def test_a_bank_notices_a_line_that_is_wrong(crowd: Crowd, tmp_path: Path) -> None:
    books = Books(crowd, NO_PARTS)
    oracle = Oracle(START, NO_PARTS)
    for code in AGENCIES:
        oracle.dues(papers.dues(code, START.date(), books.bills(code)))
    oracle.advance(DATES.first.batch)
    lines = [line for line in oracle.lines[PERIOD, 1] if line.bill.bank == "ICBC"]
    lines[3].bill.account = "6" * 19
    for number, wrong in enumerate((lines, lines[1:3])):  # another account; lines that are missing
        desk = desk_of(tmp_path / str(number), "ICBC", books)
        laid_down(desk.directory, request_of("ICBC", 1, wrong))
        with pytest.raises(WrongRequestError):
            desk.receive(1, DATES.first.batch.date())


def test_the_same_seed_draws_the_same_bills(crowd: Crowd) -> None:
    assert bills_of(crowd).equals(bills_of(crowd))


def test_a_small_bank_has_just_its_lines(seed: int) -> None:
    few = Crowd(seed=seed, units=1000, agencies=AGENCIES, banks=BANKS, small_bank="BCM", small_lines=93)
    assert bills_of(few)["bank"].value_counts().filter(bank="BCM")["count"].to_list() == [93]


def test_the_plot_shows_the_newest_run_of_a_size() -> None:
    def run(units: int, ratio: float) -> dict[str, object]:
        return {"label": "now", "units": units, "ratio": ratio, "bills_per_second": 1000}

    drawn = plot([run(10_000, 9.0), run(10_000, 3.0), run(100_000, 2.0)])
    assert drawn.count("<circle") == 5  # two points in each panel, one for the label
    assert "now: 9.0" not in drawn
