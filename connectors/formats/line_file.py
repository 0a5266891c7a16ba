"""Cuts a line file (contract section 1) into decoded lines, as a stream, and notes every fault of its bytes.

One record a line, LF after each, the last too; strict UTF-8 without a byte order mark at the agency door, GB18030 at a
bank's. Nothing is repaired: a line that is at fault is still handed on, so that its other faults are found as well.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final, Literal

from hub.domain.faults import Fault, FaultCode

Encoding = Literal["utf-8", "gb18030"]

MAX_LINE_BYTES: Final = 1 << 20
"""A longer line is refused, so that a file without line ends cannot fill the memory."""

MAX_FAULTS: Final = 500_000
"""Faults that are listed of one file. One with more is garbage, and a gibibyte of it must not fill the memory."""

UTF8_SIGNS: Final = 8
"""Signs of three bytes that a file without any line that is no UTF-8 must have to be called UTF-8."""

_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = 0x0A


class LineFile:
    """The lines of one file, numbered from 1. Faults go to the list given; read it once, from front to back."""

    def __init__(self, data: BinaryIO, encoding: Encoding, faults: list[Fault], *, by_bytes: bool = False) -> None:
        """``by_bytes``: lines whose fields are counted in bytes are handed on as their bytes, a character each (Latin-1)."""
        self._data = data
        self._by_bytes = by_bytes
        self._encoding = encoding
        self._faults = faults
        self._digest = hashlib.sha256()
        self._foreign: list[int] = []  # lines that read as UTF-8 with signs of three bytes, though GB18030 is agreed
        self._signs = 0  # such signs in the whole file
        self._native = False  # a line that can only be GB18030 was seen
        self.given_up = False
        """Whether the rest of the file was not read, since it is beyond hope."""

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of all bytes before the line now in hand; of all bytes once the lines are read."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        encoding, faults, hash_more = self._encoding, self._faults, self._digest.update
        gb18030 = encoding == "gb18030"
        for number, raw in enumerate(iter(partial(self._data.readline, MAX_LINE_BYTES), b""), start=1):
            if len(faults) >= MAX_FAULTS:
                faults.append(_beyond_hope(number))
                self.given_up = True
                return
            if raw[-1] != _LF:
                whole = len(raw) < MAX_LINE_BYTES
                faults.append(_no_line_end(number) if whole else _too_long(number))
                if not whole:
                    self._pass_over_line()
            elif raw[-2:] == b"\r\n":
                faults.append(Fault(number, "line end", FaultCode.LINE_END, "LF", "CR LF"))
            body = raw.rstrip(b"\r\n") if raw[-2:] == b"\r\n" else raw.removesuffix(b"\n")
            if number == 1 and body.startswith(_BOM):
                faults.append(Fault(1, "encoding", FaultCode.ENCODING, "no byte order mark", "EF BB BF"))
                body = body[len(_BOM) :]
            try:
                text = body.decode(encoding)
            except UnicodeDecodeError as failure:
                faults.append(_undecodable(number, encoding, failure))
                text = body.decode(encoding, "replace")
            if gb18030 and not body.isascii():
                self._look_for_utf8(number, body)
            yield number, body.decode("latin-1") if self._by_bytes else text
            hash_more(raw)
        self._report_utf8()

    def _pass_over_line(self) -> None:
        while (rest := self._data.readline(MAX_LINE_BYTES)) and rest[-1] != _LF:
            pass

    def _look_for_utf8(self, number: int, body: bytes) -> None:
        """Weighs a line: one that is no UTF-8 proves the file native, signs of three bytes speak against it."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            self._native = True
            return
        signs = sum(sign > "\u07ff" for sign in text)
        if signs:
            self._foreign.append(number)
            self._signs += signs

    def _report_utf8(self) -> None:
        """The file is in the wrong charset when nothing else can be: short words of GB18030 may read as UTF-8 by chance.

        A bank's reference that is misread harms nobody, since nothing compares it; a right answer that is refused
        stops money. So a doubt lets the file pass.
        """
        if not self._native and self._signs >= UTF8_SIGNS:
            self._faults += [
                Fault(number, "encoding", FaultCode.ENCODING, "GB18030", "UTF-8 beyond ASCII")
                for number in self._foreign
            ]


def _no_line_end(number: int) -> Fault:
    return Fault(number, "line end", FaultCode.LINE_END, "LF after the last line too", "end of file")


def _too_long(number: int) -> Fault:
    return Fault(number, "line", FaultCode.TOO_LARGE, f"at most {MAX_LINE_BYTES} bytes a line", "more")


def _beyond_hope(number: int) -> Fault:
    return Fault(number, "file", FaultCode.TOO_LARGE, f"at most {MAX_FAULTS} faults", "more; read up to this line")


def _undecodable(number: int, encoding: Encoding, failure: UnicodeDecodeError) -> Fault:
    found = failure.object[failure.start : failure.start + 4].hex(" ").upper()
    at = f"{found} at byte {failure.start + 1}"
    return Fault(number, "encoding", FaultCode.ENCODING, f"valid {encoding.upper()}", at)
