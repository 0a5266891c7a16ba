"""The bench's own books, as columns: what agencies filed, what banks did with it, and what the hub's exports must show.

It knows the bills and draws what becomes of each; its arithmetic is its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import polars as pl

from simulators.amounts import FUNDS, Four
from simulators.bench.crowd import PERIOD, Crowd, bills_of, draws
from simulators.forms import FORMS, Export, Row, Sums

PAID_IN_HUNDRED: Final = 84
PARTS_IN_HUNDRED: Final = 8
"""Of a hundred lines, how many a bank deducts in part where it may; the others fail."""
AGAIN_IN_HUNDRED: Final = 55
"""Of a hundred bills not paid in full, how many are asked a second time."""
COUNTER_IN_HUNDRED: Final = 10
"""Of a hundred bills not paid in full and not asked again, how many are paid at the counter."""
FAILURES: Final = ("02", "03", "04", "05", "06", "99")
ROUNDS: Final = (1, 2)
EVERY: Final = pl.col("bill_no").is_not_null()
"""Every bill: a condition that counts them all."""


def columns(prefix: str) -> list[str]:
    """The four funds of one movement: ``columns("came1_")``."""
    return [prefix + fund for fund in FUNDS]


def in_order(money: pl.Expr, wanted: Sequence[pl.Expr]) -> Iterator[pl.Expr]:
    """Pour ``money`` over what is wanted, fund after fund; the later ones go short (C9-2)."""
    left = money
    for fund in wanted:
        share = pl.min_horizontal(left, fund)
        yield share
        left = left - share


class RequestFile(NamedTuple):
    """A request file as its bank added it up."""

    bank: str
    name: str
    round: int
    lines: int
    amounts: Four


class Books:
    """The month. ``frame`` has a row a bill: the bill, per round what was asked and what came, what the counter took."""

    def __init__(self, crowd: Crowd, no_parts: frozenset[str], *, once: bool = False) -> None:
        """``once``: nobody is asked a second time, and nobody pays at the counter."""
        self.crowd = crowd
        self.once = once
        self.no_parts = no_parts
        bills = bills_of(crowd)
        parts = pl.col("bank").is_in(list(no_parts)).not_().alias("may_be_part")
        self.frame = bills.with_columns(parts)
        self._decide(1, [pl.col(fund) for fund in FUNDS], pl.lit(True))
        self._second_chances()
        missing = [pl.col(fund) - pl.col(f"came1_{fund}") for fund in FUNDS]
        self._decide(2, missing, pl.col("again"))
        self._close()

    # -- what becomes of the bills ----------------------------------------------------------------------------------

    def _decide(self, number: int, wanted: list[pl.Expr], asked: pl.Expr) -> None:
        """Full for most, part for some where parts are allowed, nothing for the others."""
        seed, count = self.crowd.seed, self.crowd.units
        named = [
            pl.when(asked).then(amount).otherwise(0).alias(name)
            for name, amount in zip(columns(f"asked{number}_"), wanted, strict=True)
        ]
        luck = draws(seed, f"luck{number}", count) % 100
        chance = (draws(seed, f"part{number}", count) % 1_000_003).cast(pl.Int64)
        of_funds = [pl.col(name) for name in columns(f"asked{number}_")]
        whole = pl.sum_horizontal(of_funds)
        part = pl.max_horizontal(pl.lit(1, pl.Int64), (chance % whole))
        paid = pl.lit(luck) < PAID_IN_HUNDRED
        in_part = pl.col("may_be_part") & (pl.lit(luck) < PAID_IN_HUNDRED + PARTS_IN_HUNDRED) & (whole > 1)
        why = pl.Series(FAILURES).gather((draws(seed, f"why{number}", count) % len(FAILURES)).cast(pl.UInt32))
        money = f"money{number}"
        self.frame = self.frame.with_columns(*named).with_columns(
            pl.when(whole == 0).then(0).when(paid).then(whole).when(in_part).then(part).otherwise(0).alias(money),
            pl.when(paid).then(pl.lit("00")).when(in_part).then(pl.lit("01")).otherwise(why).alias(f"code{number}"),
        )
        shares = in_order(pl.col(money), of_funds)
        named = [share.alias(name) for name, share in zip(columns(f"came{number}_"), shares, strict=True)]
        self.frame = self.frame.with_columns(*named)

    def _second_chances(self) -> None:
        """Agencies ask some banks again; some units pay at the counter."""
        luck = pl.lit(draws(self.crowd.seed, "again", self.crowd.units) % 100)
        short = pl.col("money1") < pl.sum_horizontal(FUNDS)
        self.frame = self.frame.with_columns(
            again=short & (luck < AGAIN_IN_HUNDRED) & (not self.once),
            counter=short
            & (luck >= AGAIN_IN_HUNDRED)
            & (luck < AGAIN_IN_HUNDRED + COUNTER_IN_HUNDRED)
            & (not self.once),
        )

    def _close(self) -> None:
        counter = [
            pl.when("counter").then(pl.col(fund) - pl.col(f"came1_{fund}")).otherwise(0).alias(f"counter_{fund}")
            for fund in FUNDS
        ]
        self.frame = self.frame.with_columns(*counter).with_columns(
            *(
                (pl.col(f"came1_{fund}") + pl.col(f"came2_{fund}") + pl.col(f"counter_{fund}")).alias(f"arrived_{fund}")
                for fund in FUNDS
            )
        )

    # -- what the parties take from it --------------------------------------------------------------------------------

    def bills(self, agency: str) -> pl.DataFrame:
        return self.frame.filter(pl.col("agency") == agency)

    def asked_again(self, agency: str) -> pl.DataFrame:
        return self.bills(agency).filter("again")

    def at_counter(self, agency: str) -> pl.DataFrame:
        """Bills paid at the counter, with ``amount``."""
        amount = pl.sum_horizontal(columns("counter_")).alias("amount")
        return self.bills(agency).filter("counter").with_columns(amount)

    def lines(self, number: int, bank: str) -> pl.DataFrame:
        """What a bank must be asked in a round, and what it will do: the row's columns without the round's number."""
        wanted = columns(f"asked{number}_")
        asked = self.frame.filter((pl.col("bank") == bank) & (pl.sum_horizontal(wanted) > 0))
        return asked.select(
            (pl.col("bill_no") + f"-{number}").alias("instruction"),
            "unit", "account", "account_name", "may_be_part",
            *(pl.col(f"asked{number}_{fund}").alias(f"asked_{fund}") for fund in FUNDS),
            pl.sum_horizontal(wanted).alias("asked"),
            pl.col(f"money{number}").alias("money"),
            *(pl.col(f"came{number}_{fund}").alias(f"came_{fund}") for fund in FUNDS),
            pl.col(f"code{number}").alias("code"),
        )  # fmt: skip

    # -- what must stand in the exports -------------------------------------------------------------------------------

    def exports(self) -> list[Export]:
        """Every export of the closed month."""
        if self.once:  # answers are late, some of them later than the month: what was asked, and what stands in the end
            asked = [Export(form, PERIOD, 1) for form in ("f6", "t26", "f7")]
            return [*asked, Export("t8", PERIOD), Export("balances"), Export("arrears")]
        of_rounds = [Export(form, PERIOD, number) for form in ("f6", "t26", "f7", "f8", "t27") for number in ROUNDS]
        return [*of_rounds, *(Export(form, PERIOD) for form in ("t8", "f1", "balances", "arrears")), Export("balances")]

    def expected(self, export: Export, files: Sequence[RequestFile]) -> list[Row]:
        """The rows the hub must show; ``files`` are those the banks took."""
        if export.form == "t8":
            keys = ("agency", pl.lit("M").alias("kind"), pl.lit("B").alias("mode"), "bank")
            return self._rows(export.form, keys, {"due": (EVERY, [pl.col(fund) for fund in FUNDS])})
        if export.form == "f1":
            covered = self._missing_total() == 0
            arrived = [pl.col(name) for name in columns("arrived_")]
            return self._rows(
                export.form,
                ("agency",),
                {
                    "due": (EVERY, [pl.col(fund) for fund in FUNDS]),
                    "arrived": (covered, arrived),
                    "arrears": (~covered, self._missing()),
                },
            )
        if export.form == "balances":
            arrived = [pl.col(name) for name in columns("arrived_")]
            return self._rows(export.form, ("agency",), {"collected": (pl.sum_horizontal(arrived) > 0, arrived)})
        if export.form == "arrears":
            return self._arrears()
        if export.round is None:
            raise ValueError(f"{export} is of a session, and none is named")
        if export.form == "f7":
            return _by_file(file for file in files if file.round == export.round)
        return self._of_session(export.form, export.round)

    def _of_session(self, form: str, number: int) -> list[Row]:
        wanted = [pl.col(name) for name in columns(f"asked{number}_")]
        came = [pl.col(name) for name in columns(f"came{number}_")]
        missing = [one - other for one, other in zip(wanted, came, strict=True)]
        asked, full = pl.sum_horizontal(wanted) > 0, pl.sum_horizontal(missing) == 0
        keys: dict[str, tuple[str | pl.Expr, ...]] = {
            "f6": ("agency", "bank", pl.lit("M").alias("kind")),
            "t26": ("agency", "bank"),
            "f8": ("agency", "bank", pl.lit("M").alias("kind")),
            "t27": ("agency", "bank"),
        }
        measures = {
            "requested": (asked, wanted),
            "arrived": (asked & full, came),
            "unarrived": (asked & ~full, missing),
        }
        shown = {name: how for name, how in measures.items() if name in FORMS[form].measures}
        return self._rows(form, keys[form], shown)

    def _missing(self) -> list[pl.Expr]:
        return [pl.col(fund) - pl.col(f"arrived_{fund}") for fund in FUNDS]

    def _missing_total(self) -> pl.Expr:
        return pl.sum_horizontal(self._missing())

    def _arrears(self) -> list[Row]:
        sums = Sums("arrears")
        owing = self.frame.filter(self._missing_total() > 0)
        for agency, unit, *missing in owing.select("agency", "unit", *self._missing_named()).iter_rows():
            sums.add((agency, unit, PERIOD), "outstanding", 1, _four(missing))
        return sums.rows()

    def _missing_named(self) -> list[pl.Expr]:
        return [amount.alias(f"missing_{fund}") for fund, amount in zip(FUNDS, self._missing(), strict=True)]

    def _rows(
        self, form: str, keys: Sequence[str | pl.Expr], measures: Mapping[str, tuple[pl.Expr, Sequence[pl.Expr]]]
    ) -> list[Row]:
        """Rows by ``keys``; a measure is what it counts and what it adds up."""
        sums = Sums(form)
        width = len(keys)
        for name, (counted, amounts) in measures.items():
            added = [amount.sum().alias(fund) for fund, amount in zip(FUNDS, amounts, strict=True)]
            for row in self.frame.group_by(*keys).agg(counted.sum().alias("count"), *added).iter_rows():
                sums.add(tuple(row[:width]), name, row[width], _four(row[width + 1 :]))
        return sums.rows()

    def arrears_count(self) -> int:
        return self.frame.filter(self._missing_total() > 0).height


def _by_file(files: Iterable[RequestFile]) -> list[Row]:
    sums = Sums("f7")
    for file in files:
        sums.add((file.bank, file.name), "requested", file.lines, file.amounts)
    return sums.rows()


def _four(amounts: Sequence[int]) -> Four:
    pension, unemployment, injury, maternity = amounts
    return (pension, unemployment, injury, maternity)
