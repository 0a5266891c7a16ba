"""Deduction requests of profile ``pipe-gb18030``, hub to bank (contract section 3)."""

from connectors.formats.bank_request import UnreadableRequestError

__all__ = ["UnreadableRequestError"]
