"""Control totals (核对): count and four amounts, recomputed from the lines at every hand-over (rules section 12)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.money import Fen, print_yuan

HASH_TOTAL_MODULUS: Final = 10**12
HASHED_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class ControlTotals:
    """How many lines, and how much for each fund, in fen."""

    count: int
    amounts: FundAmounts

    @classmethod
    def of(cls, lines: Iterable[FundAmounts]) -> "ControlTotals":
        """The totals of lines, counted one by one."""
        count = pension = unemployment = injury = maternity = 0
        for line in lines:
            count += 1
            pension += line[0]
            unemployment += line[1]
            injury += line[2]
            maternity += line[3]
        return cls(count, FundAmounts(Fen(pension), Fen(unemployment), Fen(injury), Fen(maternity)))

    @property
    def total(self) -> Fen:
        return self.amounts.total

    def plus(self, other: "ControlTotals") -> "ControlTotals":
        return ControlTotals(self.count + other.count, self.amounts.plus(other.amounts))

    def difference(self, other: "ControlTotals") -> "ControlTotals":
        """Ours less theirs; negative where the other side has more."""
        return ControlTotals(self.count - other.count, self.amounts.minus(other.amounts))


NO_LINES: Final = ControlTotals(0, NOTHING)


def control_faults(file_line: int, declared: ControlTotals, counted: ControlTotals) -> list[Fault]:
    """A ``C`` line against what its ``D`` lines add up to: every figure that differs."""
    faults: list[Fault] = []
    if declared.count != counted.count:
        found = str(declared.count)
        faults.append(Fault(file_line, "count", FaultCode.CONTROL_TOTAL, str(counted.count), found))
    for fund, expected, said in zip(FUND_NAMES, counted.amounts, declared.amounts, strict=True):
        if said != expected:
            faults.append(Fault(file_line, fund, FaultCode.CONTROL_TOTAL, print_yuan(expected), print_yuan(said)))
    return faults


def hash_total(accounts: Iterable[str]) -> int:
    """The last ten digits of each account added up, modulo 10^12 (contract section 3); blind to the order of lines."""
    return sum(int(account[-HASHED_DIGITS:]) for account in accounts) % HASH_TOTAL_MODULUS
