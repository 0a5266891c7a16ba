"""A bank file profile of lines at work: names, ``.ok`` texts, requests and results (contract sections 3 and 4)."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from importlib.resources import files
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.bank_change import BankChanges
from connectors.formats.bank_request import BankRequests
from connectors.formats.bank_result import BankResults
from connectors.formats.profile_file import Mistake, Profile, ProfileError, read_profile
from connectors.formats.profile_records import PlacedField
from hub.domain.changed_answers import ChangesFile
from hub.domain.result_numbers import ResultNumber
from hub.ports import BatchHeader, Refused, RequestLine, ResultFile, WrittenTotals


class LineProfile:
    """Files of lines, each followed by an ``.ok`` with its SHA-256 and size, in the form that a profile gives them."""

    def __init__(self, profile: Profile) -> None:
        self.name = profile.name
        self.version = profile.version
        self.encoding = str(profile.encoding)
        self.records: tuple[str, ...] = ()
        self.max_lines = profile.max_lines
        self.deducts_parts = profile.deducts_parts
        self.profile: Final = profile
        self.requests: Final = BankRequests(profile)
        self.results: Final = BankResults(profile)
        self.changes: Final = None if profile.change is None else BankChanges(profile)

    def request_name(self, bank: str, day: date, seq: int) -> str:
        """The name of a request; ``seq`` from 1, per bank and day."""
        file = self.profile.request
        assert file.seq_digits is not None, "checked when the profile was read"
        most = 10**file.seq_digits - 1
        assert 1 <= seq <= most, f"a day has {most} file numbers, not {seq}"
        return f"{file.name_begins}{bank}_{day:%Y%m%d}_{seq:0{file.seq_digits}d}{file.name_ends}"

    def write_request(self, header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
        return self.requests.write(header, parts, out)

    def read_request(self, data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
        return self.requests.read(data)

    def pieces(self, line: bytes) -> list[str]:
        return self.requests.pieces(line)

    def carried_name(self, name: str) -> str:
        return self.requests.carried_name(name)

    def is_result_name(self, name: str, bank: str) -> bool:  # noqa: ARG002 - ``claims`` says why
        return self.results.claims(name)

    def result_number(self, name: str, bank: str) -> ResultNumber | None:
        found = self.results.name_of(name)
        return None if found is None or found.bank != bank else ResultNumber(found.day, found.seq)

    def ok_text(self, sha256: str, size: int) -> bytes:
        return f"{sha256} {size}\n".encode("ascii")

    def ok_agrees(self, ok: bytes, sha256: str, size: int) -> bool:
        return ok == self.ok_text(sha256, size)

    def parse_result(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        return self.results.parse(name, bank, data)

    def is_change_name(self, name: str, bank: str) -> bool:  # noqa: ARG002 - as for results
        return self.changes is not None and self.changes.claims(name)

    def parse_change(self, name: str, bank: str, data: BinaryIO) -> ChangesFile | Refused:
        assert self.changes is not None, f"profile {self.name} has no file of changes"
        return self.changes.parse(name, bank, data)

    def fields(self) -> tuple[PlacedField, ...]:
        """Every field of every record, in the order of the files: name, place, width and grammar."""
        changes = () if self.changes is None else self.changes.forms
        forms = (*self.requests.forms, *self.results.forms, *changes)
        return tuple(placed for form in forms for placed in form.placed())


@cache
def line_profiles() -> tuple[LineProfile, ...]:
    """The profiles of ``profiles/*.toml``, by name. ProfileError names every mistake of all files."""
    folder = files("connectors.formats") / "profiles"
    mistakes: list[Mistake] = []
    read: list[Profile] = []
    for file in sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name):
        try:
            read.append(read_profile(file))
        except ProfileError as wrong:
            mistakes += wrong.mistakes
    if mistakes:
        raise ProfileError(mistakes)
    return tuple(map(LineProfile, read))
