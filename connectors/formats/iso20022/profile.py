"""The bank file profile ``iso20022``: names, ``.ok`` texts, requests (pain.008) and what banks send (pain.002, camt.054)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.iso20022 import answer, notification, request
from connectors.formats.iso20022.names import NOTIFICATION, REQUEST, RESULT, IncomingName
from hub.domain.changed_answers import ChangesFile
from hub.domain.result_numbers import ResultNumber
from hub.ports import BankFormat, BatchHeader, Refused, RequestLine, ResultFile, WrittenTotals

MAX_SEQ: Final = 9999
"""Requests a bank can be sent on one day; the number has four digits."""


class Iso20022:
    """Messages of ISO 20022 in UTF-8, each file followed by an ``.ok`` with its SHA-256 and size, as in the contract."""

    name = "iso20022"
    encoding = "utf-8"
    records = tuple(kind.MESSAGE.record for kind in (request, answer, notification))
    max_lines = 1_000_000
    deducts_parts = True

    def request_name(self, bank: str, day: date, seq: int) -> str:
        """``PAIN008_<bank>_<YYYYMMDD>_<seq>.xml``; ``seq`` from 1, per bank and day."""
        assert 1 <= seq <= MAX_SEQ, f"a day has {MAX_SEQ} file numbers, not {seq}"
        return f"{REQUEST}_{bank}_{day:%Y%m%d}_{seq:04d}.xml"

    def write_request(self, header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
        return request.write_request(header, parts, out)

    def read_request(self, data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
        return request.read_request(data)

    def pieces(self, line: bytes) -> Sequence[str]:
        """Its tags and the texts between them."""
        return re.split(r"(?=<)|(?<=>)", line.decode("utf-8", "replace"))

    def carried_name(self, name: str) -> str:
        """Whole: a name that the element has no room for is refused when the request is written."""
        return name

    def is_result_name(self, name: str, bank: str) -> bool:  # noqa: ARG002 - see below
        """Whether a file in a bank's inbound directory claims to be a result.

        Another bank's name or an unreal date is not passed over here: parse_result refuses it, and a person sees it.
        """
        return name.startswith(f"{RESULT}_") and name.endswith(".xml")

    def result_number(self, name: str, bank: str) -> ResultNumber | None:
        """As the port says: ``PAIN002_<bank>_<YYYYMMDD>_<seq>.xml``. Notifications of returns are numbered by themselves."""
        found = IncomingName.parse(name)
        if found is None or (found.kind, found.bank) != (RESULT, bank):
            return None
        return ResultNumber(found.day, found.seq)

    def ok_text(self, sha256: str, size: int) -> bytes:
        return f"{sha256} {size}\n".encode("ascii")

    def ok_agrees(self, ok: bytes, sha256: str, size: int) -> bool:
        return ok == self.ok_text(sha256, size)

    def is_change_name(self, name: str, bank: str) -> bool:  # noqa: ARG002 - as for results
        """A notification of returns changes answers that had succeeded."""
        return name.startswith(f"{NOTIFICATION}_") and name.endswith(".xml")

    def parse_change(self, name: str, bank: str, data: BinaryIO) -> ChangesFile | Refused:
        return notification.parse_changes(name, bank, data)

    def parse_result(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        """A status report; ``is_change_name`` tells a notification of returns from it."""
        return answer.parse_result(name, bank, data)


PROFILE: Final[BankFormat] = Iso20022()
