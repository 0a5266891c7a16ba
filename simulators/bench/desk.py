"""The banks' programs by columns: they check a request file to the last fen and answer every line."""

import time
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl

from simulators.amounts import FUNDS
from simulators.bench.bank_forms import FORMS, BankForm, Given
from simulators.bench.books import Books, RequestFile
from simulators.bench.crowd import PERIOD, draws
from simulators.bench.papers import four_sums, in_yuan
from simulators.chance import draw


class WrongRequestError(Exception):
    """A bank was asked something else than what had to be asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request file as a bank took it. ``lines`` are the books' lines in the order of the file, with ``line``."""

    name: str
    bank: str
    batch: str
    round: int
    lines: pl.DataFrame

    @property
    def added_up(self) -> RequestFile:
        return RequestFile(self.bank, self.name, self.round, self.lines.height, four_sums(self.lines, "asked_"))


@dataclass(slots=True)
class Desk:
    """One bank on its server: ``directory`` holds outbound and inbound, ``form`` is that of its files."""

    code: str
    directory: Path
    books: Books
    form: BankForm = FORMS["pipe-gb18030"]
    answered: int = 0

    def receive(self, number: int, day: date) -> list[Asked]:
        """Take the requests of a round. Raises WrongRequestError unless they ask exactly what had to be asked."""
        waiting = self.books.lines(number, self.code)
        taken: list[Asked] = []
        for seal in sorted((self.directory / "outbound").glob(f"{self.form.requests}.ok")):
            file = seal.with_suffix("")
            asked = self._read(file, seal, number, day, waiting)
            taken.append(asked)
            keep = self.directory / "taken"
            keep.mkdir(exist_ok=True)
            file.rename(keep / file.name)
            seal.unlink()
        lines = sum(asked.lines.height for asked in taken)
        once = pl.concat([asked.lines["instruction"] for asked in taken]).n_unique() if taken else 0
        if not lines == once == waiting.height:
            raise WrongRequestError(
                f"{self.code}: {lines} lines, {once} of them once; {waiting.height} had to be asked"
            )
        return taken

    def _read(self, file: Path, seal: Path, number: int, day: date, waiting: pl.DataFrame) -> Asked:
        data = file.read_bytes()
        if seal.read_bytes() != f"{sha256(data).hexdigest()} {len(data)}\n".encode():
            raise WrongRequestError(f"{file.name}: the .ok does not fit the bytes")
        try:
            told = self.form.told(data)
        except ValueError as wrong:
            raise WrongRequestError(f"{file.name}: {wrong}") from wrong
        batch = told.head[1]
        if told.head != (self.code, batch, PERIOD, str(number), str(day)):
            raise WrongRequestError(f"{file.name}: header {told.head}")
        found = told.lines.with_columns(line=pl.col("line").cast(pl.Int64)).join(
            waiting, on="instruction", how="left", suffix="_wanted", maintain_order="left"
        )
        wrong_lines = found.filter(~_fits())
        if wrong_lines.height:
            raise WrongRequestError(f"{file.name}: {wrong_lines.height} lines are wrong, such as {wrong_lines.row(0)}")
        if (found["line"] != pl.int_range(1, found.height + 1, eager=True)).any():
            raise WrongRequestError(f"{file.name}: the lines are not numbered from 1")
        if told.totals != self.form.totals(found):
            raise WrongRequestError(f"{file.name}: totals {told.totals}")
        return Asked(file.name, self.code, batch, number, found.select("line", *waiting.columns))

    def answer(self, asked: Asked, day: date) -> "Answer":
        """The result of a request, every line once, in an order of the bank's own."""
        self.answered += 1
        lines = asked.lines
        order = draws(draw(self.books.crowd.seed, asked.name), "order", lines.height)
        reference = pl.lit("R") + draws(draw(self.books.crowd.seed, asked.name), "reference", lines.height).cast(
            pl.String
        )
        given = lines.with_columns(reference.alias("reference")).sort(pl.lit(order), maintain_order=True)
        data = self.form.printed(Given(self.code, asked.batch, asked.name, day, self.answered, given))
        name = self.form.answer_name(self.code, day, self.answered)
        return Answer(name, asked.batch, data, lines.height, self.directory / "inbound")


@dataclass(frozen=True, slots=True)
class Answer:
    """A result file that is ready to be laid down."""

    name: str
    batch: str
    data: bytes
    lines: int
    inbound: Path

    def lay_down(self) -> None:
        """The file, and what its ``.ok`` says under another name: the hub may not take it yet."""
        (self.inbound / self.name).write_bytes(self.data)
        self._coming.write_text(f"{sha256(self.data).hexdigest()} {len(self.data)}\n", encoding="ascii")

    def seal(self) -> float:
        """The ``.ok`` gets its name: from here on, the moment that is answered, the hub may take the file."""
        self._coming.rename(self.inbound / f"{self.name}.ok")
        return time.time()

    @property
    def _coming(self) -> Path:
        return self.inbound / f".{self.name}.coming"


def _fits() -> pl.Expr:
    """Whether a line of a request says what the books say."""
    same = [
        pl.col("unit").eq_missing(pl.col("unit_wanted")),
        pl.col("account").eq_missing(pl.col("account_wanted")),
        pl.col("account_name").eq_missing(pl.col("account_name_wanted")),
        pl.col("part").eq_missing(pl.when("may_be_part").then(pl.lit("P")).otherwise(pl.lit("F"))),
        pl.col("text_total").eq_missing(in_yuan(pl.col("asked"))),
        pl.col("record").eq_missing(pl.lit("D")),
        *(pl.col(f"text_{fund}").eq_missing(in_yuan(pl.col(f"asked_{fund}"))) for fund in FUNDS),
    ]
    return pl.all_horizontal(same)
