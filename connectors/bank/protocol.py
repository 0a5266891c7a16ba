"""SFTP version 3 (draft-ietf-secsh-filexfer-02) over a paramiko channel: messages, nothing of our business.

paramiko's own SFTPClient is not used for four reasons: it swallows what CLOSE answers, it hides the status code that
tells "unsupported" from "failed", one name that is not UTF-8 ends its listing, and its read-ahead runs in threads that
can hang. Here several requests are under way at once in the one calling thread, and answers may come in any order.
"""

import stat
import struct
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import paramiko

BLOCK_BYTES = 32_768  # what every server takes in one READ or WRITE
_PACKET_BYTES_MAX = 1 << 20
_RECEIVE_BYTES = 1 << 16
FSYNC = b"fsync@openssh.com"


class Kind(IntEnum):
    """Message types."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    REALPATH = 16
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Status(IntEnum):
    """Status codes of version 3."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


class StatusError(Exception):
    """The server answered a request with a status other than OK. The connection goes on."""

    def __init__(self, code: int, text: str) -> None:
        """``text`` is the server's own."""
        super().__init__(f"status {code}: {text}")
        self.code = code


class MalformedError(Exception):
    """The server's bytes are not SFTP version 3. The connection is of no further use."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server tells of a file; what it leaves out is None. ``modified`` in seconds since 1970."""

    size: int | None = None
    mode: int | None = None
    modified: int | None = None

    @property
    def is_regular(self) -> bool:
        """True only when the server says so."""
        return self.mode is not None and stat.S_ISREG(self.mode)


class _Body:
    """Reads a message's fields; too few bytes are an error, never zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise MalformedError("message too short")
        self._at += count
        return self._data[self._at - count : self._at]

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def string(self) -> bytes:
        return self.take(self.uint32())

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def at_end(self) -> bool:
        return self._at == len(self._data)

    def attributes(self) -> Attributes:
        flags = self.uint32()
        size = self.uint64() if flags & 0x1 else None
        if flags & 0x2:
            self.take(8)  # user and group
        mode = self.uint32() if flags & 0x4 else None
        modified = None
        if flags & 0x8:
            self.uint32()  # last access
            modified = self.uint32()
        if flags & 0x80000000:
            for _ in range(self.uint32()):
                self.string()
                self.string()
        return Attributes(size, mode, modified)


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


class SftpProtocol:
    """One SFTP session. Used by one thread at a time."""

    def __init__(self, channel: paramiko.Channel, concurrent_requests: int) -> None:
        """Greets the server on an opened ``sftp`` subsystem."""
        self._channel = channel
        self._concurrent = concurrent_requests
        self._received = bytearray()
        self._next_id = 0
        self._asked: set[int] = set()
        self._answers: dict[int, tuple[int, bytes]] = {}
        self._send_packet(struct.pack(">BI", Kind.INIT, 3))
        kind, body = self._receive_packet()
        if kind != Kind.VERSION or body.uint32() < 3:
            raise MalformedError("no SFTP version 3")
        self.extensions = frozenset(self._extensions(body))

    @staticmethod
    def _extensions(body: _Body) -> Iterator[bytes]:
        while not body.at_end():
            yield body.string()
            body.string()

    @property
    def idle(self) -> bool:
        """No request is without its answer, so the session can be used for something else."""
        return not self._asked

    def lstat(self, path: bytes) -> Attributes | None:
        """Attributes without following a link; None when there is nothing. A server that knows no links has STAT only."""
        try:
            return self._stat(Kind.LSTAT, path)
        except StatusError as error:
            if error.code != Status.OP_UNSUPPORTED:
                raise
            return self._stat(Kind.STAT, path)

    def stat(self, path: bytes) -> Attributes | None:
        """Attributes of what a link points to; None when there is nothing."""
        return self._stat(Kind.STAT, path)

    def fstat(self, handle: bytes) -> Attributes | None:
        """Attributes of an open file; None when the server tells them by name only."""
        try:
            return self._request(Kind.FSTAT, Kind.ATTRS, _string(handle)).attributes()
        except StatusError as error:
            if error.code != Status.OP_UNSUPPORTED:
                raise
            return None

    def open_to_read(self, path: bytes) -> bytes:
        """A handle on an existing file."""
        return self._request(Kind.OPEN, Kind.HANDLE, _string(path), struct.pack(">II", 0x01, 0)).string()

    def open_new(self, path: bytes) -> bytes:
        """A handle on a file that did not exist until now (WRITE, CREAT, EXCL), with the server's usual rights."""
        return self._request(Kind.OPEN, Kind.HANDLE, _string(path), struct.pack(">II", 0x02 | 0x08 | 0x20, 0)).string()

    def close(self, handle: bytes) -> None:
        """Closes a handle; unlike paramiko's own client it reports what the server answers."""
        self._request(Kind.CLOSE, Kind.STATUS, _string(handle))

    def fsync(self, handle: bytes) -> bool:
        """Asks the server to put the file on its disk; False when it cannot be asked."""
        if FSYNC not in self.extensions:
            return False
        try:
            self._request(Kind.EXTENDED, Kind.STATUS, _string(FSYNC), _string(handle))
        except StatusError as error:
            if error.code in (Status.OP_UNSUPPORTED, Status.PERMISSION_DENIED):
                return False
            raise
        return True

    def rename(self, old: bytes, new: bytes) -> None:
        """Plain RENAME, which fails when ``new`` exists; never the ``posix-rename`` extension, which overwrites."""
        self._request(Kind.RENAME, Kind.STATUS, _string(old), _string(new))

    def remove(self, path: bytes) -> None:
        """Removes a file."""
        self._request(Kind.REMOVE, Kind.STATUS, _string(path))

    def mkdir(self, path: bytes) -> None:
        """Makes a directory with the server's usual rights."""
        self._request(Kind.MKDIR, Kind.STATUS, _string(path), struct.pack(">I", 0))

    def realpath(self, path: bytes) -> bytes:
        """The path as the server resolves it."""
        body = self._request(Kind.REALPATH, Kind.NAME, _string(path))
        if body.uint32() != 1:
            raise MalformedError("one path asked, another number answered")
        return body.string()

    def listing(self, directory: bytes) -> Generator[tuple[bytes, Attributes], None, None]:
        """Every entry with its raw name, in the server's order, a packet at a time."""
        handle = self._request(Kind.OPENDIR, Kind.HANDLE, _string(directory)).string()
        try:
            while (body := self._next_names(handle)) is not None:
                for _ in range(body.uint32()):
                    name = body.string()
                    body.string()  # the long name is for people
                    yield name, body.attributes()
        finally:
            if self.idle:
                self.close(handle)

    def read(self, handle: bytes, size: int) -> Iterator[bytes]:
        """The first ``size`` bytes in order; ends early where the file does."""
        under_way: deque[tuple[int, int, int]] = deque()
        asked_to = 0
        while asked_to < size or under_way:
            while asked_to < size and len(under_way) < self._concurrent:
                length = min(BLOCK_BYTES, size - asked_to)
                under_way.append((self._ask_block(handle, asked_to, length), asked_to, length))
                asked_to += length
            request, offset, length = under_way.popleft()
            while length:
                block = self._block(request, length)
                if not block:
                    self._discard(number for number, _, _ in under_way)
                    return
                yield block
                offset, length = offset + len(block), length - len(block)
                if length:  # a short answer is allowed anywhere; the rest is asked for
                    request = self._ask_block(handle, offset, length)

    def write(self, handle: bytes, blocks: Iterable[bytes]) -> int:
        """Writes from offset 0 and returns the bytes written, each of them answered for by the server."""
        under_way: deque[int] = deque()
        offset = 0
        try:
            for block in blocks:
                for at in range(0, len(block), BLOCK_BYTES):
                    piece = block[at : at + BLOCK_BYTES]
                    if len(under_way) >= self._concurrent:
                        self._expect(under_way.popleft(), Kind.STATUS)
                    fields = (_string(handle), struct.pack(">Q", offset), _string(piece))
                    under_way.append(self._ask(Kind.WRITE, *fields))
                    offset += len(piece)
            while under_way:
                self._expect(under_way.popleft(), Kind.STATUS)
        except StatusError:
            self._discard(under_way)  # so that the session can still remove the file
            raise
        return offset

    def _stat(self, kind: Kind, path: bytes) -> Attributes | None:
        try:
            return self._request(kind, Kind.ATTRS, _string(path)).attributes()
        except StatusError as error:
            if error.code == Status.NO_SUCH_FILE:
                return None
            raise

    def _next_names(self, handle: bytes) -> _Body | None:
        try:
            return self._request(Kind.READDIR, Kind.NAME, _string(handle))
        except StatusError as error:
            if error.code == Status.EOF:
                return None
            raise

    def _ask_block(self, handle: bytes, offset: int, length: int) -> int:
        return self._ask(Kind.READ, _string(handle), struct.pack(">QI", offset, length))

    def _block(self, request: int, length: int) -> bytes:
        try:
            block = self._expect(request, Kind.DATA).string()
        except StatusError as error:
            if error.code == Status.EOF:
                return b""
            raise
        if not 0 < len(block) <= length:
            raise MalformedError("more or less data than asked for")
        return block

    def _discard(self, requests: Iterable[int]) -> None:
        for request in requests:
            self._answer(request)

    def _request(self, kind: Kind, expected: Kind, *fields: bytes) -> _Body:
        return self._expect(self._ask(kind, *fields), expected)

    def _ask(self, kind: Kind, *fields: bytes) -> int:
        self._next_id = (self._next_id + 1) & 0xFFFFFFFF
        self._asked.add(self._next_id)
        self._send_packet(struct.pack(">BI", kind, self._next_id) + b"".join(fields))
        return self._next_id

    def _expect(self, request: int, expected: Kind) -> _Body:
        kind, data = self._answer(request)
        body = _Body(data)
        if kind == Kind.STATUS:
            code = body.uint32()
            if code != Status.OK:
                text = b"" if body.at_end() else body.string()
                raise StatusError(code, text[:200].decode("utf-8", "replace"))
        if kind != expected:
            raise MalformedError(f"expected message {expected}, got {kind}")
        return body

    def _answer(self, request: int) -> tuple[int, bytes]:
        while request not in self._answers:
            kind, body = self._receive_packet()
            number = body.uint32()
            if number not in self._asked or number in self._answers:
                raise MalformedError("an answer to nothing that was asked")
            self._answers[number] = kind, body.rest()
        self._asked.discard(request)
        return self._answers.pop(request)

    def _send_packet(self, payload: bytes) -> None:
        rest = memoryview(struct.pack(">I", len(payload)) + payload)
        while rest:
            sent = self._channel.send(bytes(rest[:_RECEIVE_BYTES]))
            if sent == 0:
                raise EOFError("the channel is closed")
            rest = rest[sent:]

    def _receive_packet(self) -> tuple[int, _Body]:
        length = int.from_bytes(self._receive(4), "big")
        if not 1 <= length <= _PACKET_BYTES_MAX:
            raise MalformedError(f"a message of {length} bytes")
        packet = self._receive(length)
        return packet[0], _Body(packet[1:])

    def _receive(self, count: int) -> bytes:
        while len(self._received) < count:
            part = self._channel.recv(_RECEIVE_BYTES)
            if not part:
                raise EOFError("the server closed the channel")
            self._received += part
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken
