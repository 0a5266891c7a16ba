"""How long the door waits and how much it takes. Every number has a reason; tests make them small."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. The first four are per phase, ``total`` is for one whole call of the door."""

    connect: float = 10.0
    banner: float = 15.0  # banner and key exchange, each
    auth: float = 20.0
    channel: float = 60.0  # opening the SFTP channel; later, silence between two answers
    total: float = 900.0  # a server that sends one byte a second never trips the others
    keepalive: int = 15

    def __post_init__(self) -> None:
        """Zero would mean "wait for ever" to the socket layer."""
        for seconds in (self.connect, self.banner, self.auth, self.channel, self.total, self.keepalive):
            assert seconds > 0, "every wait has an end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes and counts the door takes from a server it does not control."""

    file_bytes: int = 1 << 30  # a result of 500,000 lines has about 100 MB
    entries: int = 100_000  # in one directory
    read_back_bytes: int = 8 << 20  # uploads up to here are read back and hashed before the rename
    spool_bytes: int = 1 << 20  # a fetched file stays in memory up to here
    concurrent_requests: int = 16  # 1 for servers that answer out of turn or stall on more
    done_numbers: int = 1_000  # how far .2, .3 ... is counted

    def __post_init__(self) -> None:
        """At least one request must be under way for anything to move."""
        assert self.concurrent_requests >= 1, "one request at a time is the least"
