"""A city whose books are real PostgreSQL and whose bank ICBC is a real OpenSSH server behind a proxy; CCB is in memory.

Faults are judged by what counts: what the bank holds, what the books hold, and that both agree once the fault is over.
"""

import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.archive.file_archive import FileArchive
from connectors.bank import Timeouts
from hub.app import bank_door
from hub.app.bank_trust import TrustedDoor
from hub.app.settings import load
from hub.ports import BankDoor
from simulators.amounts import Four
from tests.processors.city import City, HubInOneProcess, bill, open_city
from tests.processors.pump import Pump
from tests.sshd import Sshd
from tests.tcp_proxy import TcpProxy

ICBC, CCB = "ICBC", "CCB"
DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
BILLS = 120
"""Their request file has some 12 KB: several blocks on the way, and more than a disk that is full has left."""
TIMEOUTS = Timeouts(connect=3, banner=3, auth=3, channel=3, total=20)
ROOT = Path(__file__).parents[2]


class ServedFolder(MutableMapping[str, bytes]):
    """A directory of the bank's server as the city's bank programs see it: name → bytes, hidden files left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __setitem__(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def __delitem__(self, name: str) -> None:
        (self.folder / name).unlink()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self.folder.iterdir() if not path.name.startswith(".")))

    def __len__(self) -> int:
        return len(list(iter(self)))


class ServedFolders:
    """What the city's bank program uses of a server."""

    def __init__(self, server: Sshd) -> None:
        self.outbound, self.inbound = ServedFolder(server.outbound), ServedFolder(server.inbound)

    def put(self, name: str, data: bytes) -> None:
        self.inbound[name] = data


@dataclass(frozen=True)
class HubAtARealBank(HubInOneProcess):
    """The hub as it is wired, with small time-outs at ICBC's server."""

    sshd: Sshd
    proxy: TcpProxy
    timeouts: Timeouts = TIMEOUTS

    @cached_property
    def archive(self) -> Any:
        return FileArchive(self.settings.home / "archive")

    def door(self, code: str) -> BankDoor:
        trust = self.trust(code)
        if code != ICBC:
            return TrustedDoor(super().door(code), trust)
        bank = self.bank(code)
        door = self.sshd.door(
            port=self.proxy.port, private_key=bank.private_key, host_keys=trust.keys, timeouts=self.timeouts,
            receipts=self.settings.home / "receipts" / code,
        )  # fmt: skip
        return TrustedDoor(door, trust)


class RealBank:
    """ICBC, its city, and what tests ask of both."""

    def __init__(self, city: City, hub: HubAtARealBank) -> None:
        self.city, self.hub = city, hub
        self.sshd, self.proxy = hub.sshd, hub.proxy

    # -- the hub --------------------------------------------------------------------------------------------------

    def has_a_file_to_send(self) -> str:
        """Due bills have become a request file that is written and could not be delivered yet; its name."""
        city = self.city
        city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, BILLS + 1)), bill("C-1", 999, DUE, bank=CCB)))
        self.proxy.refuses = True
        city.advance("11-03T10:00")
        self.proxy.heal()
        assert self.state() == "SENDING"
        return str(city.value("select file_name from batch where bank = 'ICBC'"))

    def was_asked(self) -> None:
        """The request file has reached the bank, which has not answered."""
        self.has_a_file_to_send()
        assert self.deliver()

    def deliver(self) -> bool:
        """The connector's delivery in a process that has just started: whether everything went."""
        door = self.hub.door(ICBC)
        try:
            return bank_door.deliver(self.hub, ICBC, door)
        finally:
            door.close()

    def poll(self) -> list[str]:
        """``hub bank poll ICBC``: outcomes."""
        door = self.hub.door(ICBC)
        try:
            return [polled.outcome for polled in bank_door.poll(self.hub, ICBC, door)]
        finally:
            door.close()

    def command(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """``hub`` as a process of its own."""
        command = [sys.executable, "-m", "hub.app.cli.main", "--config", str(self.hub.settings.file), *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip

    # -- looking --------------------------------------------------------------------------------------------------

    def state(self, bank: str = ICBC) -> str:
        return str(self.city.value("select state from batch where bank = :bank", bank=bank))

    def outbound(self) -> list[str]:
        """Everything in the outbound directory, half files among it."""
        return sorted(path.name for path in self.sshd.outbound.iterdir())

    def connections(self) -> int:
        """How often somebody knocked at the bank's server."""
        return self.proxy.connections

    def nothing_was_sent(self) -> None:
        """Neither the bank nor the books have a file."""
        assert self.outbound() == []
        assert self.state() == "SENDING"
        assert self._sent() == (0, 0)

    def was_sent_once(self, name: str) -> None:
        """The bank has the file and its ``.ok``, the books one receipt and one event; another delivery changes nothing."""
        before = self._stamps()
        signature = [f"{name}.sig"] if ICBC in self.city.signings else []
        assert sorted(before) == [name, f"{name}.ok", *signature]
        assert self.state() == "SENT" and self._sent() == (1, 1)
        assert self.deliver()
        assert self._stamps() == before and self._sent() == (1, 1)

    def nothing_is_booked(self) -> None:
        """No result, no money."""
        assert self.city.value("select count(*) from result_line") == 0
        assert self.city.value("select count(*) from collection") == 0

    def all_is_booked_once(self) -> None:
        """The bank answers what it was asked, and every bill has its money once."""
        self.city.answer(ICBC)
        self.what_was_answered_is_booked_once()

    def what_was_answered_is_booked_once(self) -> None:
        """An answer lies at the bank, read or not; after its posting every bill of ICBC has its money once."""
        self.poll()
        self.city.advance("11-05T09:00")
        paid = "select b.bill_no, sum(c.pension + c.unemployment + c.injury + c.maternity)::bigint from collection c"
        found = self.city.rows(f"{paid} join bill b on b.id = c.bill_id group by b.id, b.bill_no order by b.id")
        assert found == [(f"A-{n}", WHOLE) for n in range(1, BILLS + 1)]
        assert self.city.value("select count(*) from result_line") == BILLS
        assert self.city.value("select count(*) from collection") == BILLS
        assert self.poll() == []

    def _sent(self) -> tuple[int, int]:
        """Receipts and events of files that went to ICBC."""
        receipts = self.city.value(
            "select count(*) from bank_file_receipt r join batch b on b.id = r.batch_id where b.bank = 'ICBC'"
        )
        events = self.city.value("select count(*) from outbox where topic like '%bank-file-sent%' and key in ('ICBC')")
        return int(receipts), int(events)

    def _stamps(self) -> dict[str, tuple[int, int]]:
        """Name → (inode, time of change): another upload or rename would show."""
        return {path.name: (path.stat().st_ino, path.stat().st_ctime_ns) for path in self.sshd.outbound.iterdir()}


def open_real_bank(url: str, folder: Path, sshd: Sshd, proxy: TcpProxy, **wishes: Any) -> RealBank:
    """A city of its own, whose hub.toml names the server."""
    fake = open_city(url, folder, **wishes)
    fake.hub.engine.dispose()
    config = folder / "hub.toml"
    icbc, ccb, *_ = config.read_text("utf-8").split("[[banks]]")[1:]
    head = config.read_text("utf-8").split("[[banks]]")[0]
    icbc = icbc.replace("port = 22\n", f"port = {proxy.port}\n").replace('"hub"', f'"{sshd.user}"')
    icbc = icbc.replace('"keys/ICBC"', f'"{sshd.client_key}"').replace("SHA256:" + "A" * 43, sshd.pins[0])
    config.write_text(f"{head}[[banks]]{icbc}[[banks]]{ccb}", "utf-8")
    servers: dict[str, Any] = {ICBC: ServedFolders(sshd), CCB: fake.servers[CCB]}
    hub = HubAtARealBank(
        load(config, {}),
        folder=folder / "archive",
        servers=servers,
        receipts={ICBC: {}, CCB: {}},
        sshd=sshd,
        proxy=proxy,
    )
    return RealBank(City(hub, Pump(hub), servers, folder, fake.signings), hub)
