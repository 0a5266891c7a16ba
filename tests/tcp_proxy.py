"""A TCP proxy that misbehaves on order: refuses, falls silent, drips, or cuts at a byte or at a moment."""

import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self

_BUFFER = 1 << 16


class Act(Enum):
    """What to do with bytes that are about to be passed on."""

    PASS = "pass"
    CUT = "cut"  # reset both sides; these bytes are lost
    SILENCE = "silence"  # keep both sides open and pass nothing more
    DRIP = "drip"  # one byte at a time, with a pause


def always_pass(_passed: int, _coming: int) -> Act:
    """The proxy's ordinary behaviour."""
    return Act.PASS


Rule = Callable[[int, int], Act]


def cut_at(limit: int) -> Rule:
    """Passes exactly ``limit`` bytes of a connection's direction, then cuts."""
    return lambda passed, coming: Act.CUT if passed + coming > limit else Act.PASS


class TcpProxy:
    """127.0.0.1:port → 127.0.0.1:target. ``up`` and ``down`` judge each piece by (bytes passed, bytes coming).

    A CUT by byte count passes the bytes before the limit, so that the other side sees exactly the first n.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.up: Rule = always_pass
        self.down: Rule = always_pass
        self.refuses = False
        self.passed_up = 0
        self.passed_down = 0
        self.connections = 0
        self._stop = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self) -> None:
        """Ordinary behaviour for what comes."""
        self.up = self.down = always_pass
        self.refuses = False

    def close(self) -> None:
        """Ends everything."""
        self._stop.set()
        self._listener.close()
        for sock in self._open:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuses:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            self._open += [client, server]
            self.passed_up = self.passed_down = 0
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        passed = 0
        try:
            while data := source.recv(_BUFFER):
                act = (self.up if is_up else self.down)(passed, len(data))
                if act is Act.CUT:
                    rest = self._passable(passed, len(data), is_up)
                    sink.sendall(data[:rest])
                    _reset(source)
                    _reset(sink)
                    return
                if act is Act.SILENCE:
                    self._stop.wait()
                    return
                if act is Act.DRIP:
                    self._drip(data, sink)
                else:
                    sink.sendall(data)
                passed += len(data)
                if is_up:
                    self.passed_up = passed
                else:
                    self.passed_down = passed
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _passable(self, passed: int, coming: int, is_up: bool) -> int:
        rule = self.up if is_up else self.down
        low = 0
        for count in range(1, coming + 1):
            if rule(passed, count) is Act.CUT:
                break
            low = count
        return low

    def _drip(self, data: bytes, sink: socket.socket) -> None:
        for at in range(len(data)):
            if self._stop.wait(0.02):
                return
            sink.sendall(data[at : at + 1])


def _reset(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD)  # wakes the other pump
    except OSError:
        pass
    sock.close()
