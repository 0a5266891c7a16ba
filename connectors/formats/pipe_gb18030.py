"""The bank file profile ``pipe-gb18030`` (contract sections 3 and 4): names, ``.ok`` texts, requests and results."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import BinaryIO, Final

import polars as pl

from connectors.formats import pipe_request, pipe_result
from hub.domain.result_numbers import ResultNumber
from hub.ports import BankFormat, BatchHeader, Refused, RequestLine, ResultFile, WrittenTotals

MAX_SEQ: Final = 9999
"""Requests a bank can be sent on one day; the number has four digits."""


class PipeGb18030:
    """Lines of fields split by ``|`` in GB18030, each file followed by an ``.ok`` with its SHA-256 and size."""

    name = "pipe-gb18030"

    def request_name(self, bank: str, day: date, seq: int) -> str:
        """``DK_<bank>_<YYYYMMDD>_<seq>.txt``; ``seq`` from 1, per bank and day."""
        assert 1 <= seq <= MAX_SEQ, f"a day has {MAX_SEQ} file numbers, not {seq}"
        return f"DK_{bank}_{day:%Y%m%d}_{seq:04d}.txt"

    def write_request(self, header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
        return pipe_request.write_request(header, parts, out)

    def read_request(self, data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
        return pipe_request.read_request(data)

    def is_result_name(self, name: str, bank: str) -> bool:  # noqa: ARG002 - see below
        """Whether a file in a bank's inbound directory claims to be a result.

        Another bank's name or an unreal date is not passed over here: parse_result refuses it, and a person sees it.
        """
        return name.startswith("HD_") and name.endswith(".txt")

    def result_number(self, name: str, bank: str) -> ResultNumber | None:
        """As the port says: ``HD_<bank>_<YYYYMMDD>_<seq>.txt``."""
        found = pipe_result.ResultName.parse(name)
        return None if found is None or found.bank != bank else ResultNumber(found.day, found.seq)

    def ok_text(self, sha256: str, size: int) -> bytes:
        return f"{sha256} {size}\n".encode("ascii")

    def ok_agrees(self, ok: bytes, sha256: str, size: int) -> bool:
        return ok == self.ok_text(sha256, size)

    def parse_result(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        return pipe_result.parse_result(name, bank, data)


PROFILE: Final[BankFormat] = PipeGb18030()
