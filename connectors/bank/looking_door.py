"""A bank's door through which one only looks: what would change anything at the bank is not there."""

from pathlib import Path
from typing import BinaryIO, Final

from hub.domain.errors import HubError
from hub.ports import BankDoor, Delivery, DoorReport, LeftOut, RemoteFile

_ADVICE: Final = "Take shadow out of the bank's [[banks]] in hub.toml, and restart the hub, when it is to go live."


class OnlyLookingError(HubError):
    """The bank is in shadow: nothing is sent to it, moved or removed there."""


class LookingDoor:
    """``hub.ports.BankDoor`` of a bank in shadow. What it cannot do, no program behind it can."""

    def __init__(self, door: BankDoor) -> None:
        self._door = door

    def list_results(self) -> list[RemoteFile]:
        """As the port says."""
        return self._door.list_results()

    def left_out(self) -> list[LeftOut]:
        """As the port says."""
        return self._door.left_out()

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        """As the port says; reading leaves the file as it was."""
        return self._door.fetch(name, fingerprint)

    def deliver(
        self,
        name: str,
        source: Path,  # noqa: ARG002  nobody reads it, nor the next two
        ok_text: bytes,  # noqa: ARG002
        signature: bytes | None = None,  # noqa: ARG002
    ) -> Delivery:
        """OnlyLookingError."""
        raise OnlyLookingError(f"{name} is not sent: the bank is in shadow.", advice=_ADVICE)

    def is_unknown(self, name: str) -> bool:
        """As the port says: of a file that was sent before the bank was in shadow."""
        return self._door.is_unknown(name)

    def settle(self, name: str, *, arrived: bool) -> None:  # noqa: ARG002  nothing is sent once more
        """OnlyLookingError."""
        raise OnlyLookingError(f"{name} is not settled: the bank is in shadow.", advice=_ADVICE)

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:  # noqa: ARG002
        """OnlyLookingError."""
        raise OnlyLookingError(f"{name} stays where it is: the bank is in shadow.", advice=_ADVICE)

    def check(self, *, may_write: bool = True) -> DoorReport:  # noqa: ARG002  it may not
        """Login and reading; nothing is written, so the bank's clock cannot be told."""
        return self._door.check(may_write=False)

    def close(self) -> None:
        """As the port says."""
        self._door.close()
