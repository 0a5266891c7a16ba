"""What goes wrong at a bank's door, each with the advice a clerk can act on."""

from collections.abc import Iterable

from hub.domain.errors import HubError, RetriableError


class BankUnreachableError(RetriableError):
    """The bank's server cannot be reached."""


class BankTimeoutError(BankUnreachableError):
    """The bank's server did not answer in time."""


class BankConnectionLostError(BankUnreachableError):
    """The connection to the bank broke. What was under way is looked up on the next attempt."""


class BankRefusedError(RetriableError):
    """The bank's server refused a request without saying why; a full disk or quota looks like this."""


class HostKeyRefusedError(HubError):
    """The bank's server shows a host key that is not pinned. Nothing was sent to it."""

    def __init__(self, message: str = "", *, advice: str = "", shown: Iterable[str] = ()) -> None:
        """``shown``: fingerprint and kind of each key that the server proved to own."""
        super().__init__(message, advice=advice)
        self.shown = tuple(shown)


class WeakAlgorithmsError(HubError):
    """The bank's server offers no algorithm that is strong enough."""


class AuthenticationRefusedError(HubError):
    """The bank's server does not accept the hub's key."""


class ProtocolBrokenError(HubError):
    """The bank's server answers in a way that is not SFTP version 3."""


class PermissionRefusedError(HubError):
    """The bank's server does not permit this in its directory."""


class MissingDirectoryError(HubError):
    """A directory that the configuration names does not exist on the bank's server."""


class NameTakenError(HubError):
    """The bank's server already has this name with other bytes; nothing was overwritten."""


class DeliveryUnderWayError(RetriableError):
    """Another process of the hub is delivering this very file."""


class DeliveryUnknownError(HubError):
    """Neither the temporary nor the final name is at the bank, and the answer to the rename was lost.

    The bank may have taken the file, or its directory was cleared before the file got its name. Sending again could
    deduct twice, saying "sent" could deduct never: the bank has to be asked.
    """


class HostileNameError(HubError):
    """A file name that the hub does not touch."""


class RemoteFileGoneError(HubError):
    """The file is no longer on the bank's server."""


class NotRegularFileError(HubError):
    """Not a regular file (a link, a pipe, a directory); it was not opened."""


class FileTooLargeError(HubError):
    """The file is larger than the hub takes; it was not read."""


class TooManyEntriesError(HubError):
    """The bank's directory holds more entries than the hub reads."""


class RemoteFileChangedError(RetriableError):
    """The file changed while it was read; it is probably still being written."""


class SourceChangedError(HubError):
    """The local file changed while it was sent; nothing was delivered."""


class SpoiledUploadError(RetriableError):
    """The bank's server holds other bytes than were sent; the temporary file was removed."""
