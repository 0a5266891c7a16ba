"""What both embedded services stand on: ports, room on the disk, the end of a log."""

import random
import shutil
import socket
from pathlib import Path
from typing import Final

from hub.domain.errors import HubError

LOCALHOST: Final = "127.0.0.1"
_PORTS: Final = range(20_000, 32_000)  # below the range from which the kernel takes ports for outgoing connections
_ROOM_BYTES: Final = 1 << 30


def port_is_free(port: int, host: str = LOCALHOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_for(wanted: object, *taken: int) -> int:
    """The port a service had before, while nobody else has it; else a free one. Addresses stay the same if they can."""
    if isinstance(wanted, int) and wanted not in taken and port_is_free(wanted):
        return wanted
    for port in random.SystemRandom().sample(_PORTS, k=200):
        if port not in taken and port_is_free(port):
            return port
    raise HubError("no free port between 20000 and 32000 on 127.0.0.1.", advice="See `ss -ltn` for what holds them.")


def need_room(home: Path, what: str) -> None:
    """Refuses to start a store that would soon run full."""
    free = shutil.disk_usage(home).free
    if free < _ROOM_BYTES:
        raise HubError(
            f"{what} needs room: {free >> 20} MiB are free where {home} is, 1024 MiB are the least.",
            advice="Free some room there, or move the home to another disk. Delete nothing inside the home by hand.",
        )


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for a message that says why something died."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(0, log.stat().st_size - 8192))
            tail = lines.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in tail[-count:] if line.strip())
