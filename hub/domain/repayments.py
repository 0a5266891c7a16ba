"""Repayments of arrears (还欠, 表十, C11): what they may claim, and whether what they claim is still there when money comes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from hub.domain.dues import DuesLine
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period


class Arrears(NamedTuple):
    """Whose arrears: a unit and the period that opened them."""

    unit: str
    period: str


def judge_claims(
    lines: Sequence[DuesLine], claimable: Mapping[Arrears, FundAmounts], closed: Collection[Period]
) -> list[Fault]:
    """Every fault of a file's claims: each fund at most what is outstanding, net of other repayments still open (C11).

    ``claimable``: fen that may be claimed, of the arrears that the agency has; ``closed``: the periods named whose month
    end has closed. The lines of a file claim one after the other; one that is refused leaves its claim to those behind.
    """
    left = dict(claimable)
    faults: list[Fault] = []
    for line in lines:
        if line.refers_to is None or line.amounts.total == 0:
            continue  # faults of the file itself
        named = Arrears(line.unit, str(line.refers_to))
        if line.refers_to not in closed:
            expected = "a period whose month end has closed"
            faults.append(Fault(line.file_line, "refers to", FaultCode.PERIOD_OPEN, expected, named.period))
        elif named not in left:
            expected = f"a period of whose dues {named.unit} is in arrears at this agency"
            faults.append(Fault(line.file_line, "refers to", FaultCode.UNKNOWN_ARREARS, expected, named.period))
        elif over := _over(line, left[named]):
            faults += over
        else:
            left[named] = left[named].minus(line.amounts)
    return faults


def _over(line: DuesLine, claimable: FundAmounts) -> list[Fault]:
    return [
        Fault(
            line.file_line,
            fund,
            FaultCode.NOT_OUTSTANDING,
            f"at most {print_yuan(Fen(max(most, 0)))}, outstanding of {line.refers_to} and not claimed yet",
            print_yuan(asked),
        )
        for fund, asked, most in zip(FUND_NAMES, line.amounts, claimable, strict=True)
        if asked > max(most, 0)
    ]


class Repayment(NamedTuple):
    """A repayment on which money has come, all it asks for."""

    bill_id: int
    arrears: Arrears
    amounts: FundAmounts


def too_late(repayments: Iterable[Repayment], outstanding: Mapping[Arrears, FundAmounts]) -> set[int]:
    """The repayments, by bill, whose arrears cannot take them in full any more: their money is suspense (暂收款).

    Money that came late for the monthly bill itself may have settled its arrears meanwhile. A repayment is paid in full or
    not at all (C11), so one that does not fit whole settles nothing. In the order given, each takes what those before left.
    """
    left = dict(outstanding)
    late: set[int] = set()
    for repayment in repayments:
        rest = left.get(repayment.arrears, NOTHING).minus(repayment.amounts)
        if min(rest) < 0:
            late.add(repayment.bill_id)
        else:
            left[repayment.arrears] = rest
    return late
