"""A hub made of paper: it asks the banks what the oracle says must be asked, so the simulators can be tried alone."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from simulators import agency
from simulators.amounts import NIL, add, yuan
from simulators.bank_program import BankProgram
from simulators.oracle import Line, Oracle
from simulators.population import Population
from simulators.sessions import dates_of

AGENCIES = ("110105", "110108")
BANKS = ("ICBC", "BOC")


def print_request(bank: str, batch: str, lines: list[Line], parts: bool) -> tuple[str, bytes]:
    """A request file by the contract, section 3, from the oracle's lines."""
    first = lines[0]
    day = dates_of(first.bill.period).session(first.round).batch.date()
    texts = [f"H|DEDUCT|1|{bank}|{batch}|{first.bill.period}|{first.round}|{day}|CNY"]
    wanted, digits = NIL, 0
    for number, line in enumerate(lines, 1):
        bill = line.bill
        who = f"{line.id}|{bill.unit}|{bill.account}|{bill.account_name}"
        texts.append(f"D|{number}|{who}|{agency.money(line.wanted)}|{'P' if parts else 'F'}")
        wanted, digits = add(wanted, line.wanted), digits + int(bill.account[-10:])
    sums = "|".join(yuan(part) for part in (*wanted, sum(wanted)))
    texts.append(f"T|{len(lines)}|{sums}|{digits % 10**12:012d}")
    return f"DK_{bank}_{day:%Y%m%d}_0001.txt", "".join(f"{text}\n" for text in texts).encode("gb18030")


class PaperHub:
    """Agencies' papers go in, requests lie in the banks' outbound directories; no books but the oracle's."""

    def __init__(self, folder: Path, seed: int, units: int, start: str = "2026-08-28T08:00") -> None:
        self.seed = seed
        self.population = Population(seed, AGENCIES, BANKS, units)
        self.oracle = Oracle(datetime.fromisoformat(start), no_parts=["BOC"])
        self.programs = {}
        for bank in BANKS:
            for name in ("outbound", "inbound"):
                (folder / bank / name).mkdir(parents=True, exist_ok=True)
            self.programs[bank] = BankProgram(bank, seed, folder / bank)

    def file_dues(self, period: str) -> list[agency.Paper]:
        papers = []
        for code in AGENCIES:
            bills = [agency.bill_of(self.population, unit, period) for unit in self.population.of_agency(code)]
            papers.append(agency.dues(code, period, 1, self.oracle.now.date(), bills))
            self.oracle.dues(papers[-1])
        return papers

    def ask_banks(self, period: str, number: int) -> list[str]:
        """Upload, batch, files out, files read by the banks; answers what the oracle finds wrong with them."""
        self.oracle.advance(dates_of(period).session(number).batch)
        found = []
        for bank, program in self.programs.items():
            lines = [line for line in self.oracle.lines[period, number] if line.bill.bank == bank]
            if lines:
                name, data = print_request(bank, f"{bank}-{period}-{number}", lines, parts=bank != "BOC")
                (program.outbound / name).write_bytes(data)
                (program.outbound / f"{name}.ok").write_text(f"{sha256(data).hexdigest()} {len(data)}\n")
            for request in program.receive():
                found += self.oracle.request(request)
        return found + self.oracle.not_sent(period, number)

    def answer(self, bank: str, period: str, number: int) -> None:
        program = self.programs[bank]
        for request in program.on_desk():
            if (request.period, request.round) == (period, number):
                self.oracle.deliver(bank, program.answer(request, self.oracle.now.date()))


@pytest.fixture
def paper_hub(tmp_path: Path) -> Callable[..., PaperHub]:
    """Makes hubs of paper, each in a folder of its own."""
    made: list[PaperHub] = []

    def make(seed: int = 7, units: int = 40) -> PaperHub:
        made.append(PaperHub(tmp_path / str(len(made)), seed, units))
        return made[-1]

    return make
