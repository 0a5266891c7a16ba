"""``hub.ports.BankDoor`` over SFTP: keys only, pinned hosts only, every wait with an end."""

import posixpath
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import structlog

from connectors.bank.connection import Connection, Server, Watch, connect
from connectors.bank.failures import (
    AuthenticationRefusedError,
    FileTooLargeError,
    MissingDirectoryError,
    NotRegularFileError,
    PermissionRefusedError,
    RemoteFileChangedError,
    RemoteFileGoneError,
    TooManyEntriesError,
)
from connectors.bank.host_keys import HostKeyPins
from connectors.bank.limits import Limits, Timeouts
from connectors.bank.names import digest_of, harmless, why_hostile, without_personal_data
from connectors.bank.protocol import Attributes, SftpProtocol, Status, StatusError
from connectors.bank.receipts import Receipts, Stage
from connectors.bank.retry import classify
from connectors.bank.upload import Content, Uploader
from hub.domain.errors import HubError
from hub.domain.signatures import SIG_SUFFIX
from hub.ports import Delivery, DoorReport, LeftOut, RemoteFile

_log = structlog.get_logger(__name__)
_PAUSE_SECONDS_FIRST = 60.0
_PAUSE_SECONDS_MAX = 1800.0


class SftpDoor:
    """One bank's SFTP server. Calls are synchronous and may come from any thread; one at a time is carried out.

    The connection is opened when first needed, kept between calls, and replaced when it has died. A server that
    refuses the hub's key is left alone for a minute, then two, up to half an hour, so that no account gets locked.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        private_key: Path,
        host_keys: Iterable[str] | Callable[[], Iterable[str]],
        outbound_dir: str,
        inbound_dir: str,
        done_dir: str,
        receipts: Path | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Directories are the server's, relative to the login directory or absolute; ``receipts`` is a local folder
        of this bank alone (see ``receipts.py``). ``host_keys`` are fingerprints, or a function that is asked for those that
        count whenever the connection is used. Nothing is opened here; ConfigurationError for impossible pins.
        """
        self._server = Server(
            host=host, port=port, username=username, private_key=private_key, pins=HostKeyPins(host_keys)
        )
        self._outbound, self._inbound, self._done = outbound_dir, inbound_dir, done_dir
        self._receipts = Receipts(receipts)
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._left_out: list[LeftOut] = []
        self._refusal: AuthenticationRefusedError | None = None
        self._pause_seconds = 0.0
        self._paused_until = 0.0

    def list_results(self) -> list[RemoteFile]:
        """Regular files of the inbound directory, in order of name. TooManyEntriesError above the cap."""
        with self._session("Reading the inbound directory", self._inbound) as connection:
            self._left_out = []
            return sorted(self._regular_files(connection.sftp), key=lambda file: file.name)

    def left_out(self) -> list[LeftOut]:
        """What the last ``list_results()`` left out."""
        return list(self._left_out)

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        """The whole file, position 0. RemoteFileChangedError (retriable) when it is still being written, or another by now."""
        with self._session(f"Fetching {harmless(name)}", self._inbound) as connection:
            return self._read_whole(connection.sftp, name, fingerprint)

    def deliver(self, name: str, source: Path, ok_text: bytes, signature: bytes | None = None) -> Delivery:
        """Puts the file, its ``.sig`` if any, and last its ``.ok`` into the outbound directory; harmless to call again."""
        harmless(name)
        ok_name = harmless(f"{name}.ok")
        content = Content.of_file(source)
        with self._unknown_told(name, ok_name), self._session(f"Delivering {name}", self._outbound) as connection:
            uploader = Uploader(connection.sftp, self._outbound, self._receipts, self._limits)
            uploader.deliver(name, content)
            if signature is not None:
                uploader.deliver(harmless(name + SIG_SUFFIX), Content.of_bytes(signature), repeatable=True)
            uploader.deliver(ok_name, Content.of_bytes(ok_text), repeatable=True)
            return Delivery(name, content.size, connection.host_key)

    @contextmanager
    def _unknown_told(self, *names: str) -> Iterator[None]:
        """A failure after a rename was asked for, and before its answer came, leaves it open whether it happened.

        Without any receipt nothing is said: nobody got as far as writing, or what was known of it is lost.
        """
        try:
            yield
        except HubError as failure:
            if receipts := [receipt for name in names if (receipt := self._receipts.find(name)) is not None]:
                failure.outcome_unknown = any(each.stage in (Stage.RENAMING, Stage.UNKNOWN) for each in receipts)
            raise

    def is_unknown(self, name: str) -> bool:
        """As the port says; by the receipt alone, nobody is asked."""
        receipt = self._receipts.find(name)
        return receipt is not None and receipt.stage is Stage.UNKNOWN

    def settle(self, name: str, *, arrived: bool) -> None:
        """As the port says."""
        with self._receipts.held(name):
            receipt = self._receipts.find(name)
            assert receipt is not None and receipt.stage is Stage.UNKNOWN, f"the delivery of {name} is known"
            if arrived:
                self._receipts.keep(replace(receipt, stage=Stage.RENAMED))
            else:
                self._receipts.drop(name)

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:
        """Moves an inbound file away, never over another; the name it has there. A file gone already is done.

        RemoteFileChangedError when it is another than the one of this ``fingerprint``, which stays where it is.
        """
        with self._session(f"Moving {harmless(name)}", self._done) as connection:
            sftp = connection.sftp
            for number in range(1, self._limits.done_numbers + 1):
                target = name if number == 1 else f"{name}.{number}"
                found = sftp.lstat(self._path(self._inbound, name))
                if found is None:
                    return name
                if fingerprint not in (None, _fingerprint(found)):
                    raise _replaced(name)
                if sftp.lstat(self._path(self._done, target)) is None and self._move(sftp, name, target):
                    self._keep_what_was_not_read(sftp, name, target, fingerprint)
                    return target
            raise TooManyEntriesError(
                f"{name} exists {self._limits.done_numbers} times in {self._done}.",
                advice="Ask the bank to clear the done directory.",
            )

    def check(self, *, may_write: bool = True) -> DoorReport:
        """Tries everything a working day needs: login, reading, and a small file written and removed again, if it may."""
        with self._lock:
            self._paused_until = 0.0  # a person is looking
        with self._session("Checking", self._outbound) as connection:
            difference = self._clock_difference(connection.sftp) if may_write else None
        with self._session("Checking", self._inbound) as connection:
            sftp = connection.sftp
            with closing(sftp.listing(self._inbound.encode())) as entries:
                next(entries, None)
            roles = {"outbound": self._outbound, "inbound": self._inbound, "done": self._done}
            resolved = {role: _resolved(sftp, path) for role, path in roles.items()}
            return DoorReport(connection.host_key, resolved, difference)

    def close(self) -> None:
        """Ends the connection; the next call opens a new one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _session(self, doing: str, directory: str) -> Iterator[Connection]:
        """A live connection for one call, under the lock and the total deadline; failures leave as HubError.

        The connection is kept only when no answer is outstanding on it.
        """
        with self._lock, Watch(self._timeouts.total, doing) as watch:
            try:
                connection = self._live_connection(watch)
                yield connection
            except StatusError as error:
                raise self._explained(error, doing, directory) from error
            except HubError as error:
                if watch.expired:
                    raise watch.error() from error
                raise
            except Exception as error:
                self.close()
                if watch.expired:
                    raise watch.error() from error
                raise classify(error, f"{doing}: {self._server}") from error
            finally:
                if watch.expired or (self._connection is not None and not self._connection.sftp.idle):
                    self.close()

    def _live_connection(self, watch: Watch) -> Connection:
        if self._connection is not None and not self._server.pins.holds(self._connection.host_key):
            self.close()  # its pin has ended since
        if self._connection is not None:
            watch.attach(self._connection.close)
            try:
                self._connection.sftp.realpath(b".")  # an idle connection may have died unnoticed
                return self._connection
            except Exception:  # noqa: BLE001  any failure of the probe means the same
                self.close()
        if self._refusal is not None and self._monotonic() < self._paused_until:
            raise self._refusal
        try:
            self._connection = connect(self._server, self._timeouts, self._limits, watch)
        except AuthenticationRefusedError as error:
            self._refusal = error
            self._pause_seconds = min(max(self._pause_seconds * 2, _PAUSE_SECONDS_FIRST), _PAUSE_SECONDS_MAX)
            self._paused_until = self._monotonic() + self._pause_seconds
            raise
        self._refusal, self._pause_seconds = None, 0.0
        watch.attach(self._connection.close)
        return self._connection

    def _explained(self, error: StatusError, doing: str, directory: str) -> HubError:
        """A status as a failure that names the directory, when the directory is what is wrong."""
        if error.code == Status.NO_SUCH_FILE and self._is_missing(directory):
            return MissingDirectoryError(
                f"{doing}: {self._server} has no directory {directory!r}.",
                advice="Check the directories in hub.toml, or ask the bank to make it.",
            )
        if error.code == Status.PERMISSION_DENIED:
            return PermissionRefusedError(
                f"{doing}: {self._server} does not permit it in {directory!r} ({error}).",
                advice=f"Ask the bank to give {self._server.username!r} the rights on {directory!r}.",
            )
        return classify(error, f"{doing}: {self._server}")

    def _is_missing(self, directory: str) -> bool:
        if self._connection is None or not self._connection.sftp.idle:
            return False
        with suppress(Exception):
            return self._connection.sftp.stat(directory.encode()) is None
        return False

    def _regular_files(self, sftp: SftpProtocol) -> Iterator[RemoteFile]:
        for count, (raw, attributes) in enumerate(sftp.listing(self._inbound.encode())):
            if count >= self._limits.entries + 2:  # . and ..
                raise TooManyEntriesError(
                    f"{self._inbound!r} on {self._server} holds more than {self._limits.entries} entries.",
                    advice="Ask the bank to clear the directory.",
                )
            if raw in (b".", b".."):
                continue
            if (reason := why_hostile(raw)) is not None:
                self._leave_out(raw, "", reason)
                continue
            name = raw.decode("utf-8")
            found: Attributes | None = attributes
            if attributes.mode is None or attributes.size is None:
                found = sftp.lstat(self._path(self._inbound, name))
            if found is None or not found.is_regular or found.size is None:
                self._leave_out(raw, name, "not a regular file")
                continue
            yield RemoteFile(name, found.size, _fingerprint(found))

    def _leave_out(self, raw: bytes, name: str, reason: str) -> None:
        _log.warning("bank_file_left_out", reason=reason, **without_personal_data(raw))
        if not raw.startswith(b".") or b"/" in raw:
            self._left_out.append(LeftOut(name, digest_of(raw), reason))

    def _read_whole(self, sftp: SftpProtocol, name: str, fingerprint: str | None) -> BinaryIO:
        path = self._path(self._inbound, name)
        before = self._acceptable(sftp.lstat(path), name)
        if fingerprint not in (None, _fingerprint(before)):
            raise _changed(name)
        handle = sftp.open_to_read(path)
        spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=self._limits.spool_bytes))  # noqa: SIM115  returned
        try:
            assert before.size is not None
            if sftp.fstat(handle) not in (before, None):
                raise _changed(name)
            received = sum(spool.write(block) for block in sftp.read(handle, before.size))
            if received != before.size or sftp.fstat(handle) not in (before, None) or sftp.lstat(path) != before:
                raise _changed(name)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        finally:
            if sftp.idle:
                sftp.close(handle)
        return spool

    def _acceptable(self, found: Attributes | None, name: str) -> Attributes:
        if found is None:
            raise RemoteFileGoneError(f"{name} is no longer in {self._inbound!r}.", advice="Poll again.")
        if not found.is_regular or found.size is None:
            raise NotRegularFileError(
                f"{name} is not a regular file and was not opened.", advice="Ask the bank to put a plain file there."
            )
        if found.size > self._limits.file_bytes:
            raise FileTooLargeError(
                f"{name} has {found.size} bytes, at most {self._limits.file_bytes} are taken; it was not read.",
                advice="Ask the bank what this file is.",
            )
        return found

    def _move(self, sftp: SftpProtocol, name: str, target: str) -> bool:
        """One try; False when the target's name has been taken in the meantime."""
        old, new = self._path(self._inbound, name), self._path(self._done, target)
        try:
            sftp.rename(old, new)
        except StatusError as error:
            if error.code == Status.NO_SUCH_FILE and sftp.stat(self._done.encode()) is None:
                sftp.mkdir(self._done.encode())
                sftp.rename(old, new)
            elif sftp.lstat(new) is None and sftp.lstat(old) is not None:
                raise
            else:
                return False
        return True

    def _keep_what_was_not_read(self, sftp: SftpProtocol, name: str, target: str, fingerprint: str | None) -> None:
        """A file that came between the look and the move goes back to where the next poll finds it."""
        moved = sftp.lstat(self._path(self._done, target))
        if fingerprint is None or moved is None or _fingerprint(moved) == fingerprint:
            return
        sftp.rename(self._path(self._done, target), self._path(self._inbound, name))
        raise _replaced(name)

    def _clock_difference(self, sftp: SftpProtocol) -> int | None:
        """Seconds the bank's clock is ahead, read off a file that is made and removed; None when it tells no time."""
        path = self._path(self._outbound, f".hub-check.{time.time_ns():x}.part")
        before = time.time()
        handle = sftp.open_new(path)
        try:
            sftp.write(handle, [b"hub bank check\n"])
            found = sftp.fstat(handle) or sftp.lstat(path)
            modified = None if found is None else found.modified
        finally:
            if sftp.idle:
                sftp.close(handle)
                sftp.remove(path)
        ours = (before + time.time()) / 2
        return None if modified is None else int(modified - ours)  # towards zero: the server counts whole seconds

    @staticmethod
    def _path(directory: str, name: str) -> bytes:
        return posixpath.join(directory, name).encode()


def _resolved(sftp: SftpProtocol, path: str) -> str:
    try:
        return sftp.realpath(path.encode()).decode("utf-8", "replace")
    except StatusError:
        return f"{path} (does not exist)"


def _fingerprint(found: Attributes) -> str:
    return f"{found.size}:{found.modified}"


def _replaced(name: str) -> RemoteFileChangedError:
    return RemoteFileChangedError(
        f"{name} is another file than the one that was read; it stays.", advice="The next poll reads it."
    )


def _changed(name: str) -> RemoteFileChangedError:
    return RemoteFileChangedError(
        f"{name} changed while it was read.", advice="It is probably still being written; the hub tries again."
    )
