"""Dues files (contract section 2, C8 to C11): the rules that need the whole file and no books."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.dues import (
    ControlLine,
    DuesFile,
    DuesHeader,
    DuesLine,
    Kind,
    Mode,
    check_dues,
    totals_by_mode_and_bank,
)
from hub.domain.faults import FaultCode
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.ids import AgencyCode, BankCode, BillNo, UnitNo
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals
from tests.domain.strategies import fund_amounts, small_amounts

DECEMBER = Period("2026-12")
TEN = fund_amounts(8, 2, 0, 0)


def header(kind: Kind = Kind.MONTHLY) -> DuesHeader:
    return DuesHeader(AgencyCode("110105"), DECEMBER, kind, "0001", date(2026, 11, 30))


def by_bank(n: int, bank: str = "ICBC", amounts: FundAmounts = TEN) -> DuesLine:
    return DuesLine(
        n, BillNo(f"M202612-{n:04d}"), UnitNo(f"1101050000{n:02d}"), "朝阳第一工厂", Mode.BANK, BankCode(bank),
        f"62220200000000{n:04d}", "朝阳第一工厂", amounts, None,
    )  # fmt: skip


def sporadic(n: int, amounts: FundAmounts = TEN) -> DuesLine:
    return by_bank(n, amounts=amounts)._replace(mode=Mode.SPORADIC, bank=BankCode(""), account="", account_name="")


def controls(lines: list[DuesLine]) -> list[ControlLine]:
    """The C lines an honest agency writes."""
    totals = totals_by_mode_and_bank(lines)
    return [ControlLine(len(lines) + 2 + n, *key, totals[key]) for n, key in enumerate(totals)]


def file(*lines: DuesLine, kind: Kind = Kind.MONTHLY) -> DuesFile:
    return DuesFile(header(kind), list(lines), controls(list(lines)))


def faults(checked: DuesFile) -> list[tuple[int | None, str, FaultCode]]:
    return [(fault.line, fault.field, fault.code) for fault in check_dues(checked)]


def test_a_good_monthly_file() -> None:
    assert faults(file(by_bank(1), sporadic(2), by_bank(3, "CCB"), by_bank(4))) == []


@pytest.mark.parametrize(
    ("kind", "refers_to", "code"),
    [
        (Kind.MONTHLY, None, None),
        (Kind.MONTHLY, "2026-11", FaultCode.KIND),
        (Kind.SUPPLEMENT, None, FaultCode.KIND),
        (Kind.SUPPLEMENT, "2026-11", None),
        (Kind.SUPPLEMENT, "2003-01", None),  # whether or not the hub has carried it
        (Kind.SUPPLEMENT, "2026-12", FaultCode.DATE),
        (Kind.SUPPLEMENT, "2027-01", FaultCode.DATE),
        (Kind.REPAYMENT, None, FaultCode.KIND),
        (Kind.REPAYMENT, "2026-11", None),
        (Kind.REPAYMENT, "2026-12", FaultCode.DATE),
        (Kind.REPAYMENT, "2027-12", FaultCode.DATE),
    ],
)
def test_refers_to(kind: Kind, refers_to: str | None, code: FaultCode | None) -> None:
    line = by_bank(1)._replace(refers_to=refers_to and Period(refers_to))
    assert faults(file(line, kind=kind)) == ([] if code is None else [(2, "refers to", code)])


@pytest.mark.parametrize(
    ("mode", "bank", "account", "name", "fields"),
    [
        (Mode.BANK, "ICBC", "6222020000000001", "工厂", []),
        (Mode.BANK, "", "6222020000000001", "工厂", ["bank"]),
        (Mode.BANK, "ICBC", "", "工厂", ["account"]),
        (Mode.BANK, "ICBC", "6222020000000001", "", ["account name"]),
        (Mode.BANK, "", "", "", ["bank", "account", "account name"]),
        (Mode.SPORADIC, "", "", "", []),
        (Mode.SPORADIC, "ICBC", "", "", ["bank"]),
        (Mode.SPORADIC, "", "6222020000000001", "", ["account"]),
        (Mode.SPORADIC, "", "", "工厂", ["account name"]),
        (Mode.SPORADIC, "ICBC", "6222020000000001", "工厂", ["bank", "account", "account name"]),
    ],
)
def test_bank_and_account_belong_to_mode_b(mode: Mode, bank: str, account: str, name: str, fields: list[str]) -> None:
    line = by_bank(1)._replace(mode=mode, bank=BankCode(bank), account=account, account_name=name)
    assert faults(file(line)) == [(2, field, FaultCode.MODE) for field in fields]


def test_a_bill_is_named_once() -> None:
    again = by_bank(3)._replace(bill_no=by_bank(1).bill_no)
    [fault] = check_dues(file(by_bank(1), by_bank(2), again))
    assert (fault.line, fault.field, fault.code) == (4, "bill id", FaultCode.DUPLICATE)
    assert (fault.expected, fault.found) == ("a bill id not in line 2 already", "M202612-0001")


@pytest.mark.parametrize(
    ("kind", "refers_to", "found"),
    [
        (Kind.MONTHLY, None, [(3, "unit", FaultCode.DUPLICATE)]),
        (Kind.SUPPLEMENT, Period("2026-11"), []),
        (Kind.REPAYMENT, Period("2026-11"), []),
    ],
)
def test_one_monthly_bill_a_unit(kind: Kind, refers_to: Period | None, found: list[object]) -> None:
    same_unit = [by_bank(n)._replace(unit=UnitNo("110105000001"), refers_to=refers_to) for n in (1, 2)]
    assert faults(file(*same_unit, kind=kind)) == found


def test_a_bill_of_nothing_is_refused() -> None:
    assert faults(file(by_bank(1), by_bank(2, amounts=NOTHING))) == [(3, "total", FaultCode.AMOUNT)]


def test_a_control_line_is_missing() -> None:
    lines = [by_bank(1), by_bank(2, "CCB"), sporadic(3)]
    [fault] = check_dues(DuesFile(header(), lines, controls(lines[:1] + lines[2:])))
    assert (fault.line, fault.code, fault.expected) == (None, FaultCode.CONTROL_TOTAL, "a C line for mode B, bank CCB")


def test_a_control_line_is_one_too_many() -> None:
    lines = [by_bank(1)]
    extra = ControlLine(4, Mode.BANK, BankCode("CCB"), ControlTotals(0, NOTHING))
    assert faults(DuesFile(header(), lines, [*controls(lines), extra])) == [(4, "bank", FaultCode.CONTROL_TOTAL)]


def test_a_control_line_stands_twice() -> None:
    lines = [by_bank(1)]
    [control] = controls(lines)
    twice = DuesFile(header(), lines, [control, control._replace(file_line=4)])
    assert faults(twice) == [(4, "bank", FaultCode.DUPLICATE)]


@pytest.mark.parametrize(
    ("count", "amounts", "fields"),
    [
        (3, (16, 4, 0, 0), ["count"]),
        (2, (17, 4, 0, 0), ["pension"]),
        (2, (16, 0, 4, 0), ["unemployment", "injury"]),
        (1, (0, 0, 0, 20), ["count", "pension", "unemployment", "maternity"]),
    ],
)
def test_a_control_line_differs_from_its_lines(count: int, amounts: tuple[int, ...], fields: list[str]) -> None:
    lines = [by_bank(1), by_bank(2)]
    wrong = ControlLine(4, Mode.BANK, BankCode("ICBC"), ControlTotals(count, fund_amounts(*amounts)))
    assert faults(DuesFile(header(), lines, [wrong])) == [(4, field, FaultCode.CONTROL_TOTAL) for field in fields]


def test_a_file_without_bills_has_no_control_lines() -> None:
    assert faults(DuesFile(header(), [], [])) == []


def test_every_fault_is_told_in_file_order() -> None:
    lines = [
        sporadic(1)._replace(account="6222020000000001", refers_to=Period("2026-11")),
        by_bank(2, amounts=NOTHING)._replace(unit=by_bank(1).unit, bill_no=by_bank(1).bill_no),
    ]
    assert faults(DuesFile(header(), lines, controls(lines)[:1])) == [
        (None, "C", FaultCode.CONTROL_TOTAL),
        (2, "refers to", FaultCode.KIND),
        (2, "account", FaultCode.MODE),
        (3, "total", FaultCode.AMOUNT),
        (3, "bill id", FaultCode.DUPLICATE),
        (3, "unit", FaultCode.DUPLICATE),
    ]


owed = small_amounts.filter(lambda amounts: amounts.total > 0)
bills = st.lists(st.tuples(st.sampled_from(["", "ICBC", "CCB"]), owed), min_size=1, max_size=12).map(
    lambda found: [by_bank(n, bank, due) if bank else sporadic(n, due) for n, (bank, due) in enumerate(found, start=1)]
)


@given(bills)
def test_an_honest_file_is_never_refused(lines: list[DuesLine]) -> None:
    good = file(*lines)
    assert check_dues(good) == ()
    assert sum(control.totals.count for control in good.controls) == len(lines)
    assert sum(control.totals.total for control in good.controls) == sum(line.amounts.total for line in lines)


@given(bills, st.data())
def test_one_fen_anywhere_is_noticed(lines: list[DuesLine], data: st.DataObject) -> None:
    good = file(*lines)
    place = data.draw(st.integers(0, len(lines) - 1))
    fund = data.draw(st.integers(0, 3))
    moved = list(lines[place].amounts)
    moved[fund] = Fen(moved[fund] + 1)
    changed = [*lines]
    changed[place] = lines[place]._replace(amounts=FundAmounts(*moved))
    [fault] = check_dues(DuesFile(good.header, changed, good.controls))
    assert (fault.field, fault.code) == (FundAmounts._fields[fund], FaultCode.CONTROL_TOTAL)


@given(bills, st.data())
def test_a_line_left_out_is_noticed(lines: list[DuesLine], data: st.DataObject) -> None:
    good = file(*lines)
    place = data.draw(st.integers(0, len(lines) - 1))
    assert check_dues(DuesFile(good.header, lines[:place] + lines[place + 1 :], good.controls))
