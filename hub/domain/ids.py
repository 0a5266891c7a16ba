"""Identifiers: a type and a grammar for each (contract section 1). Nothing is trimmed, upper-cased or padded."""

import re
from typing import Final, NewType
from zlib import crc32

AgencyCode = NewType("AgencyCode", str)  # 社保经(代)办机构
BankCode = NewType("BankCode", str)  # 银行; '' for sporadic payment
UnitNo = NewType("UnitNo", str)  # 参保单位, the registration number (R7)
BillNo = NewType("BillNo", str)  # 单据号, unique for ever
MemberNo = NewType("MemberNo", str)  # 公民身份号码 of a member (GB 11643)
SubsidyNo = NewType("SubsidyNo", str)  # 划转凭证号
ReceiptNo = NewType("ReceiptNo", str)  # 收款凭证号
ReturnNo = NewType("ReturnNo", str)  # 退票号
IncomeNo = NewType("IncomeNo", str)  # 其他项目收入凭证号
InstructionNo = NewType("InstructionNo", str)  # 扣款指令号

AGENCY: Final = re.compile(r"[0-9]{6}", re.ASCII)
BANK: Final = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
UNIT: Final = re.compile(r"[0-9]{12}", re.ASCII)
ACCOUNT: Final = re.compile(r"[0-9]{10,32}", re.ASCII)
IDENTIFIER: Final = re.compile(r"[A-Z0-9-]{1,36}", re.ASCII)
BILL_NO: Final = re.compile(r"[A-Z0-9-]{1,34}", re.ASCII)
"""To be used with ``fullmatch``. A bill's identifier leaves room for the round behind it."""

SHARDS: Final = 4
"""Bundles of an agency's units travel apart, by shard; fixed for ever, since it is stored with each bill."""


def shard_of(unit: str, shards: int = SHARDS) -> int:
    """The shard of a unit, from 0: the same on every machine and in every run."""
    assert shards > 0
    return crc32(unit.encode("ascii")) % shards


def instruction_no(bill_no: str, round_no: int) -> InstructionNo:
    """``<bill id>-<round>``, at most 36 characters (contract section 3)."""
    assert round_no in (1, 2), f"a month has two sessions, not {round_no}"
    return InstructionNo(f"{bill_no}-{round_no}")
