"""A bank's own program: reads the request files in its outbound directory, deducts, answers in its inbound directory.

It knows three forms of files, the contract's, one of fixed width and messages of ISO 20022; the name of a request tells
which, and its answer has the same.
It believes nothing: digest, size, totals, hash total and every line are checked before a fen moves (contract,
section 3). What a line gets depends on the seed and the instruction alone. By hand:

    python -m simulators.bank_program DIRECTORY --bank ICBC --date 2026-12-03 --seed 7 [--hold]
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final

from simulators import bank_iso20022, fixed_form
from simulators.agency import Paper
from simulators.amounts import FUNDS, NIL, add, fen, four_of, in_order, yuan
from simulators.bank_signing import Signing
from simulators.bank_work import Asked, Changed, Given, Request, UnusableRequestError, refuse_unless
from simulators.chance import dice, draw, percent

CHARSET: Final = "gb18030"
CHANGES: Final = "GZ_"
"""What names of files of changed answers begin with, in the contract's form."""
HASH_MODULUS: Final = 10**12
FAILURES: Final = ("02", "02", "02", "02", "03", "04", "05", "06", "99")
"""Why nothing was deducted, the common one more than once: insufficient funds, no account, frozen, name differs …"""

_ANSWERS: Final = {"DK_": "HD_", "DF_": "HF_", bank_iso20022.REQUESTS: bank_iso20022.RESULTS}
"""What names of requests begin with in each form, the contract's first, and names of their answers."""

_NAME = re.compile(r"(?:DK|DF)_([A-Z0-9]{2,12})_([0-9]{8})_([0-9]{4})\.txt", re.ASCII)
_HEADER = re.compile(
    r"H\|DEDUCT\|1\|([A-Z0-9]{2,12})\|([^|]+)\|([0-9]{4}-[0-9]{2})\|([12])\|([0-9]{4}-[0-9]{2}-[0-9]{2})\|CNY", re.ASCII
)


def _matched(pattern: re.Pattern[str], text: str, name: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise UnusableRequestError(f"{name}: {text!r} is not what a request file has there")
    return found


def read_request(name: str, data: bytes, seal: bytes) -> Request:
    """A request out of its bytes and those of its ``.ok``. Raises UnusableRequestError when anything does not fit.

    The name tells how a request is written: what begins ``PAIN008_`` is read, and answered, in messages of ISO 20022.
    """
    if name.startswith(bank_iso20022.REQUESTS):
        return bank_iso20022.read_request(name, data, seal)
    refuse_unless(seal == f"{sha256(data).hexdigest()} {len(data)}\n".encode(), name, "the .ok does not fit the bytes")
    named = _matched(_NAME, name, name)
    refuse_unless(data.endswith(b"\n"), name, "the last line has no end")
    refuse_unless(name.startswith("DF_") == fixed_form.is_fixed(data), name, "the file has another form than its name")
    try:
        first, *middle, last = fields_of(data)
    except ValueError as wrong:
        raise UnusableRequestError(f"{name}: {wrong}") from wrong
    header = _matched(_HEADER, "|".join(first), name)
    fits = header[1] == named[1] and header[5].replace("-", "") == named[2]
    refuse_unless(fits, name, "header and name differ")
    lines = tuple(_read_line(name, number, fields) for number, fields in enumerate(middle, 1))
    _check_totals(name, last, lines)
    return Request(
        name=name,
        bank=header[1],
        batch=header[2],
        period=header[3],
        round=int(header[4]),
        day=date.fromisoformat(header[5]),
        lines=lines,
    )


def fields_of(data: bytes) -> list[list[str]]:
    """The fields of each line of a bank file, in the contract's form whichever it has. Raises ValueError."""
    if fixed_form.is_fixed(data):
        return fixed_form.fields_of(data)
    if bank_iso20022.is_message(data):
        return bank_iso20022.fields_of(data)
    return [line.split("|") for line in data.decode(CHARSET).removesuffix("\n").split("\n")]


def bytes_of_result(rows: Sequence[Sequence[str]], name: str) -> bytes:
    """The bytes of a result of this name; ``rows`` are its lines' fields in the contract's form."""
    if name.startswith("HF_"):
        return fixed_form.printed_result(rows)
    if name.startswith(bank_iso20022.RESULTS):
        return bank_iso20022.printed_result(rows, name)
    return "".join(f"{'|'.join(fields)}\n" for fields in rows).encode(CHARSET)


def _read_line(name: str, number: int, fields: Sequence[str]) -> Asked:
    refuse_unless(len(fields) == 12 and fields[0] == "D", name, f"line {number} is no request")
    _, line, instruction, unit, account, account_name, *texts, total, part = fields
    try:
        wanted, whole = four_of(texts), fen(total)
    except ValueError as wrong:
        raise UnusableRequestError(f"{name}: line {number}: {wrong}") from wrong
    refuse_unless(line == str(number), name, f"line {number} calls itself {line}")
    refuse_unless(sum(wanted) == whole > 0, name, f"line {number} does not add up")
    refuse_unless(part in {"P", "F"}, name, f"line {number} is neither P nor F")
    refuse_unless(re.fullmatch(r"[0-9]{10,32}", account, re.ASCII) is not None, name, f"line {number}: account")
    refuse_unless(bool(account_name), name, f"line {number} names nobody")
    return Asked(number, instruction, unit, account, account_name, wanted, part == "P")


def _check_totals(name: str, trailer: Sequence[str], lines: Sequence[Asked]) -> None:
    wanted = NIL
    digits = 0
    for line in lines:
        wanted = add(wanted, line.wanted)
        digits += int(line.account[-10:])
    sums = [yuan(part) for part in (*wanted, sum(wanted))]
    expected = ["T", str(len(lines)), *sums, f"{digits % HASH_MODULUS:012d}"]
    refuse_unless(list(trailer) == expected, name, f"the bank adds up to {expected}, the file says {list(trailer)}")
    refuse_unless(len({line.instruction for line in lines}) == len(lines) > 0, name, "an instruction twice, or none")


def decide(seed: int, asked: Asked) -> Given:
    """Full for most, part for some where parts are allowed, nothing for the others."""
    luck = percent(seed, "luck", asked.instruction)
    whole = sum(asked.wanted)
    # A reference is the bank's own and not always unique: every 50th line shares one.
    number = draw(seed, "reference", asked.instruction)
    reference = "REF-SHARED" if number % 50 == 0 else f"R{number:020d}"
    if luck < 84:
        return Given(asked, whole, "00", reference)
    if luck < 92 and asked.may_be_part and whole > 1:
        return Given(asked, part_of(seed, asked), "01", reference)
    return Given(asked, 0, FAILURES[draw(seed, "why", asked.instruction) % len(FAILURES)], reference)


def part_of(seed: int, asked: Asked) -> int:
    """Some of the money, the awkward amounts often: one fen, all but one, pension exactly, pension and a fen."""
    whole = sum(asked.wanted)
    choices = (1, whole - 1, asked.wanted[0], asked.wanted[0] + 1, whole - asked.wanted[3], whole // 2, whole // 3)
    chosen = choices[draw(seed, "part", asked.instruction) % len(choices)]
    return chosen if 0 < chosen < whole else 1


def print_result(request: Request, given: Sequence[Given], day: date, no: int) -> Paper:
    """``HD_…``, ``HF_…`` or ``PAIN002_…`` for a request, in its form: every line once, in the order of ``given``."""
    rows = [["H", "RESULT", "1", request.bank, request.batch, request.name, str(day)]]
    split = NIL
    for one in given:
        asked = one.asked
        amounts = [yuan(part) for part in (sum(asked.wanted), one.deducted, *one.split)]
        rows.append(["D", str(asked.line), asked.instruction, asked.unit, *amounts, one.code, one.reference])
        split = add(split, one.split)
    full = sum(one.code == "00" for one in given)
    requested = sum(sum(one.asked.wanted) for one in given)
    sums = [yuan(part) for part in (requested, sum(one.deducted for one in given), *split)]
    rows.append(["T", str(len(given)), str(full), *sums])
    begins = next(answer for asked, answer in _ANSWERS.items() if request.name.startswith(asked))
    name = f"{begins}{request.bank}_{day:%Y%m%d}_{no:04d}{Path(request.name).suffix}"
    return Paper(name, bytes_of_result(rows, name))


def print_changes(bank: str, changes: Sequence[Changed], day: date, no: int) -> Paper:
    """``GZ_…``: answers that are changed (更正), each with the amount before and now."""
    rows = [["H", "CHANGE", "1", bank, str(day)]]
    told = [0] * 6
    for one in changes:
        asked, split = one.asked, in_order(one.now, one.asked.wanted)
        amounts = (one.before, one.now, *split)
        told = [so_far + more for so_far, more in zip(told, amounts, strict=True)]
        who = [one.batch, str(asked.line), asked.instruction, asked.unit]
        rows.append(["D", *who, *map(yuan, amounts), one.code, f"C{asked.line:08d}", one.reason])
    rows.append(["T", str(len(changes)), *map(yuan, told)])
    name = f"{CHANGES}{bank}_{day:%Y%m%d}_{no:04d}.txt"
    return Paper(name, "".join(f"{'|'.join(fields)}\n" for fields in rows).encode(CHARSET))


def garbled(paper: Paper) -> Paper:
    """An answer that adds up and is wrong all the same: one fen moved from the first fund paid to maternity."""
    rows = fields_of(paper.data)
    number = next(n for n, fields in enumerate(rows) if fields[0] == "D" and fen(fields[5]) > 0)
    for fields, shift in ((rows[number], 6), (rows[-1], 5)):
        fields[shift], fields[shift + 3] = yuan(fen(fields[shift]) - 1), yuan(fen(fields[shift + 3]) + 1)
    return Paper(paper.name, bytes_of_result(rows, paper.name))


def numbered(name: str, no: int) -> str:
    """The name of a result with another number."""
    file = Path(name)
    return f"{file.stem[:-4]}{no:04d}{file.suffix}"


def next_number(sent: Iterable[str], bank: str, day: date, begins: str = "") -> int:
    """One more than the files of that day among names ``sent``: results, or what begins with ``begins``; each has its own."""
    rows = tuple(f"{first}{bank}_{day:%Y%m%d}_" for first in ([begins] if begins else _ANSWERS.values()))
    return 1 + sum(name.startswith(rows) for name in sent)


def seals_in(directory: Path) -> list[Path]:
    """The ``.ok`` of every request in a directory."""
    return sorted(seal for seal in directory.glob("*.ok") if seal.name.startswith(tuple(_ANSWERS)))


@dataclass(frozen=True, slots=True)
class BankProgram:
    """The program of one bank on its server; ``directory`` holds outbound, inbound, done and the desk it works on."""

    code: str
    seed: int
    directory: Path
    signing: Signing | None = None  # of a bank that has agreed on signatures

    @property
    def outbound(self) -> Path:
        return self.directory / "outbound"

    @property
    def inbound(self) -> Path:
        return self.directory / "inbound"

    @property
    def _desk(self) -> Path:
        return self.directory / "desk"

    @property
    def _sent(self) -> Path:
        return self.directory / "sent"

    def receive(self) -> list[Request]:
        """Take every sealed request out of the outbound directory; it lies on the desk until answered."""
        taken = []
        self._desk.mkdir(exist_ok=True)
        for seal in seals_in(self.outbound):
            file = seal.with_suffix("")
            request = read_request(file.name, file.read_bytes(), seal.read_bytes())
            refuse_unless(request.bank == self.code, file.name, f"meant for {request.bank}, not for {self.code}")
            if self.signing is not None:
                signature = file.with_name(f"{file.name}.sig")
                refuse_unless(signature.exists(), file.name, "nobody has signed it")
                self.signing.check(file.name, file.read_bytes(), signature.read_bytes())
                signature.rename(self._desk / signature.name)
            file.rename(self._desk / file.name)
            seal.rename(self._desk / seal.name)
            taken.append(request)
        return taken

    def on_desk(self) -> list[Request]:
        """Requests taken and not answered yet."""
        seals = seals_in(self._desk)
        return [
            read_request(file.name, file.read_bytes(), seal.read_bytes())
            for seal in seals
            for file in [seal.with_suffix("")]
        ]

    def result(self, request: Request, day: date) -> Paper:
        """The answer to ``request``, in an order of the bank's own."""
        given = [decide(self.seed, asked) for asked in request.lines]
        dice(self.seed, "order", request.name).shuffle(given)
        return print_result(request, given, day, self.next_number(day))

    def next_number(self, day: date, begins: str = "") -> int:
        """The sequence number of the next result of that day; or of the next file whose name begins with ``begins``."""
        return next_number((file.name for file in self._sent.glob("*")), self.code, day, begins)

    def deliver(self, paper: Paper) -> None:
        """Lay a result into the inbound directory, its ``.sig`` where one is agreed, its ``.ok`` last."""
        self._sent.mkdir(exist_ok=True)
        (self._sent / paper.name).write_bytes(paper.data)
        (self.inbound / paper.name).write_bytes(paper.data)
        if self.signing is not None:
            (self.inbound / f"{paper.name}.sig").write_bytes(self.signing.sign(paper.name, paper.data))
        seal = f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n"
        (self.inbound / f"{paper.name}.ok").write_text(seal, encoding="ascii")

    def answer(self, request: Request, day: date) -> Paper:
        """Deduct, answer, clear the desk."""
        paper = self.result(request, day)
        self.deliver(paper)
        answered = self.directory / "answered"
        answered.mkdir(exist_ok=True)
        for name in (request.name, f"{request.name}.sig", f"{request.name}.ok"):
            if (self._desk / name).exists():
                (self._desk / name).rename(answered / name)
        return paper


def main(arguments: Sequence[str] | None = None) -> int:
    """One run of the program by hand."""
    parser = argparse.ArgumentParser(prog="simulators.bank_program", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, help="the bank's directory, which holds outbound and inbound")
    parser.add_argument("--bank", required=True, help="the bank's code, such as ICBC")
    parser.add_argument("--date", required=True, type=date.fromisoformat, help="the banking day of the answer")
    parser.add_argument("--seed", type=int, default=7, help="what the lines get depends on it (default 7)")
    parser.add_argument("--hold", action="store_true", help="take the requests, answer none: a late bank")
    wanted = parser.parse_args(arguments)
    program = BankProgram(wanted.bank, wanted.seed, wanted.directory)
    try:
        taken = program.receive()
        for request in taken:
            print(f"took {request.name}: {len(request.lines)} lines, {sums_of(request)}")
        for request in () if wanted.hold else program.on_desk():
            print(f"answered {request.name} with {program.answer(request, wanted.date).name}")
    except UnusableRequestError as refused:
        print(f"refused: {refused}")
        return 1
    return 0


def sums_of(request: Request) -> str:
    """What a request asks for, fund by fund, in yuan."""
    parts = [sum(line.wanted[place] for line in request.lines) for place in range(len(FUNDS))]
    return " ".join(f"{fund} {yuan(part)}" for fund, part in zip(FUNDS, parts, strict=True))


if __name__ == "__main__":
    raise SystemExit(main())
