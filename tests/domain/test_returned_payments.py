"""Returned payments (退票, rules section 6): what may come back, and the rules that need the whole file and no books."""

from datetime import date

import pytest

from hub.domain.dues import Kind
from hub.domain.faults import FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo, ReturnNo, UnitNo
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.receipts import Method
from hub.domain.returned_payments import (
    BookedReceipt,
    ReturnLine,
    ReturnsFile,
    ReturnsHeader,
    check_return,
    check_returns,
    opens_arrears,
)

DAY = date(2026, 12, 8)


def line(n: int, **changed: object) -> ReturnLine:
    back = ReturnLine(n, ReturnNo(f"T{n:04d}"), ReceiptNo(f"R{n:04d}"), Fen(1180), "存款不足", DAY)
    return back._replace(**changed)


def booked(**changed: object) -> BookedReceipt:
    receipt = BookedReceipt(
        1, ReceiptNo("R0001"), 1, BillNo("M202612-0001"), AgencyCode("110105"), UnitNo("110105000001"), 0, Kind.MONTHLY,
        Period("2026-12"), Method.CHEQUE, DAY, FundAmounts(Fen(1000), Fen(100), Fen(50), Fen(30)), False,
    )  # fmt: skip
    return receipt._replace(**changed)


def faults(*lines: ReturnLine) -> list[tuple[int | None, str, FaultCode]]:
    file = ReturnsFile(ReturnsHeader(AgencyCode("110105"), DAY, "0001"), lines)
    return [(fault.line, fault.field, fault.code) for fault in check_returns(file)]


def against(back: ReturnLine, receipt: BookedReceipt | None) -> list[tuple[str, FaultCode]]:
    return [(fault.field, fault.code) for fault in check_return(back, receipt)]


def test_a_good_file() -> None:
    assert faults(line(1), line(2)) == []
    assert faults() == []


def test_every_fault_is_told_in_file_order() -> None:
    same = line(3, return_no=ReturnNo("T0001"), receipt_no=ReceiptNo("R0002"))
    assert faults(line(1), line(2, amount=Fen(0)), same) == [
        (3, "amount", FaultCode.AMOUNT), (4, "return id", FaultCode.DUPLICATE), (4, "receipt id", FaultCode.DUPLICATE),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "found"),
    [(Method.CASH, [("receipt id", FaultCode.METHOD)]), (Method.CHEQUE, []), (Method.COLLECTION, [])],
)
def test_cash_does_not_come_back(method: Method, found: list[object]) -> None:
    assert against(line(1), booked(method=method)) == found


@pytest.mark.parametrize("fen", [1, 1179, 1181])
def test_the_whole_receipt_comes_back(fen: int) -> None:
    assert against(line(1, amount=Fen(fen)), booked()) == [("amount", FaultCode.AMOUNT)]


def test_a_receipt_comes_back_on_its_day_or_later() -> None:
    assert against(line(1, returned_on=date(2026, 12, 7)), booked()) == [("returned on", FaultCode.DATE)]
    assert against(line(1, returned_on=date(2027, 1, 7)), booked()) == []


def test_what_is_not_there_or_gone_already_has_that_fault_alone() -> None:
    assert against(line(1, amount=Fen(1)), None) == [("receipt id", FaultCode.UNKNOWN_RECEIPT)]
    assert against(line(1, amount=Fen(1)), booked(returned=True)) == [("receipt id", FaultCode.RETURNED)]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_receipt_of_any_kind_of_bill_may_come_back(kind: Kind) -> None:
    assert against(line(1), booked(kind=kind)) == []


@pytest.mark.parametrize(
    ("kind", "booking_period", "opened"),
    [
        (Kind.MONTHLY, "2026-11", False),
        (Kind.MONTHLY, "2026-12", False),
        (Kind.MONTHLY, "2027-01", True),
        (Kind.SUPPLEMENT, "2027-01", False),
        (Kind.REPAYMENT, "2026-12", True),
        (Kind.REPAYMENT, "2027-01", True),
    ],
)
def test_arrears_open_of_a_closed_month_and_stand_again_of_a_repayment(
    kind: Kind, booking_period: str, opened: bool
) -> None:
    assert opens_arrears(kind, Period("2026-12"), Period(booking_period)) is opened
