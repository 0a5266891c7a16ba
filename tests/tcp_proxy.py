"""A TCP proxy that misbehaves on order: refuses, falls silent, drips, or cuts at a byte or at a moment."""

import selectors
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
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
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def heal(self) -> None:
        """Ordinary behaviour for what comes."""
        self.up = self.down = always_pass
        self.refuses = False

    def close(self) -> None:
        """Ends everything."""
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

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
            self.passed_up = self.passed_down = 0
            thread = threading.Thread(target=self._serve, args=(client, server), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """One thread has both directions, so that nobody reads from a number that has become another connection's."""
        passed = {client: 0, server: 0}
        with selectors.DefaultSelector() as waiting:
            waiting.register(client, selectors.EVENT_READ, server)
            waiting.register(server, selectors.EVENT_READ, client)
            try:
                while not self._stop.is_set():
                    for key, _ in waiting.select(0.05) if waiting.get_map() else self._idle():
                        source = client if key.fileobj is client else server
                        act, data = self._next(source, source is client, passed)
                        if act is Act.SILENCE:
                            waiting.unregister(source)
                        elif not self._pass_on(act, data, key.data):
                            return
            except OSError:
                return  # one side is gone; the other is told so below
            finally:
                _reset(client)
                _reset(server)

    def _idle(self) -> list[tuple[selectors.SelectorKey, int]]:
        self._stop.wait(0.05)
        return []

    def _next(self, source: socket.socket, is_up: bool, passed: dict[socket.socket, int]) -> tuple[Act, bytes]:
        """The next bytes of a direction and what becomes of them; b"" at its end."""
        data = source.recv(_BUFFER)
        rule = self.up if is_up else self.down
        act = rule(passed[source], len(data))
        if act is Act.CUT:
            fits = (count for count in range(len(data)) if rule(passed[source], count + 1) is Act.CUT)
            return act, data[: next(fits, len(data))]
        passed[source] += len(data)
        if is_up:
            self.passed_up = passed[source]
        else:
            self.passed_down = passed[source]
        return act, data

    def _pass_on(self, act: Act, data: bytes, sink: socket.socket) -> bool:
        """Whether the connection goes on."""
        if act is Act.DRIP:
            for at in range(len(data)):
                if self._stop.wait(0.02):
                    return False
                sink.sendall(data[at : at + 1])
        else:
            sink.sendall(data)
        return act is not Act.CUT and bool(data)


def _reset(sock: socket.socket) -> None:
    """Closes at once, with an RST."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
