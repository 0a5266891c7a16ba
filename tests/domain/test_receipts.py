"""Sporadic receipts (C9-1, C10, C11): the rules that need the whole file and no books."""

from datetime import date
from itertools import product

import pytest

from hub.domain.dues import Kind
from hub.domain.faults import FaultCode
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo
from hub.domain.money import Fen
from hub.domain.receipts import Method, ReceiptLine, ReceiptsFile, ReceiptsHeader, check_receipts, method_allowed


def line(n: int, **changed: object) -> ReceiptLine:
    paid = ReceiptLine(
        n, ReceiptNo(f"R{n:04d}"), BillNo(f"M202612-{n:04d}"), Method.CASH, "", Fen(1000), date(2026, 12, 8)
    )
    return paid._replace(**changed)


def faults(*lines: ReceiptLine) -> list[tuple[int | None, str, FaultCode]]:
    file = ReceiptsFile(ReceiptsHeader(AgencyCode("110105"), date(2026, 12, 8), "0001"), lines)
    return [(fault.line, fault.field, fault.code) for fault in check_receipts(file)]


def test_a_good_file() -> None:
    assert faults(line(1), line(2, method=Method.CHEQUE, cheque_no="00123"), line(3, method=Method.COLLECTION)) == []
    assert faults() == []


@pytest.mark.parametrize(
    ("method", "cheque_no", "found"),
    [
        (Method.CASH, "", []),
        (Method.CASH, "00123", [(2, "cheque no", FaultCode.METHOD)]),
        (Method.CHEQUE, "", [(2, "cheque no", FaultCode.METHOD)]),
        (Method.CHEQUE, "00123", []),
        (Method.COLLECTION, "", []),
        (Method.COLLECTION, "00123", [(2, "cheque no", FaultCode.METHOD)]),
    ],
)
def test_a_cheque_has_its_number(method: Method, cheque_no: str, found: list[object]) -> None:
    assert faults(line(1, method=method, cheque_no=cheque_no)) == found


def test_a_receipt_is_of_money() -> None:
    assert faults(line(1, amount=Fen(0))) == [(2, "amount", FaultCode.AMOUNT)]


def test_a_receipt_is_named_once() -> None:
    assert faults(line(1), line(2, receipt_no=ReceiptNo("R0001"))) == [(3, "receipt id", FaultCode.DUPLICATE)]


def test_a_bill_is_paid_once() -> None:
    assert faults(line(1), line(2), line(3, bill_no=BillNo("M202612-0001"))) == [(4, "bill id", FaultCode.DUPLICATE)]


def test_every_fault_is_told_in_file_order() -> None:
    same = line(2, receipt_no=ReceiptNo("R0001"), bill_no=BillNo("M202612-0001"), method=Method.CHEQUE)
    assert faults(line(1, amount=Fen(0), cheque_no="1"), same) == [
        (2, "amount", FaultCode.AMOUNT),
        (2, "cheque no", FaultCode.METHOD),
        (3, "receipt id", FaultCode.DUPLICATE),
        (3, "bill id", FaultCode.DUPLICATE),
        (3, "cheque no", FaultCode.METHOD),
    ]


@pytest.mark.parametrize(("method", "kind"), list(product(Method, Kind)))
def test_arrears_are_not_repaid_by_collection(method: Method, kind: Kind) -> None:
    assert method_allowed(method, kind) is ((method, kind) != (Method.COLLECTION, Kind.REPAYMENT))
