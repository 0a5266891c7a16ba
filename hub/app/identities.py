"""An accepted file's identity with other bytes: refused, and the first difference is shown (contract section 1)."""

from functools import partial
from typing import Final

from sqlalchemy import Connection

from hub.domain.faults import Fault, FaultCode
from hub.ledger import files
from hub.ports import Archived, FileArchive

LINE_BYTES: Final = 2000
"""A longer line, such as a whole message of ISO 20022 without line ends, is compared and shown in pieces of this size."""


def identity_taken(
    archive: FileArchive, conn: Connection, identity: str, archived: Archived, encoding: str
) -> list[Fault]:
    """The fault with the first line that differs from the accepted file of this identity; none when it is free."""
    before = files.accepted_by_identity(conn, identity)
    if before is None:
        return []

    def shown(line: bytes) -> str:
        return line.rstrip(b"\n").decode(encoding, errors="backslashreplace")

    with archive.find(before.sha256).path.open("rb") as old, archived.path.open("rb") as new:
        number = 1
        for was, found in zip(*(iter(partial(each.readline, LINE_BYTES), b"") for each in (old, new)), strict=False):
            if was != found:
                return [Fault(number, "line", FaultCode.IDENTITY_TAKEN, shown(was), shown(found))]
            number += was.endswith(b"\n")
    accepted = f"the bytes accepted as {before.name}"
    return [Fault(None, "file", FaultCode.IDENTITY_TAKEN, accepted, "a file that ends elsewhere")]
