"""A process that polls a bank once, to be killed in the middle: ``poll_once.py <database> <folder> <bank> <inbound>``.

``inbound`` is a directory that stands for the bank's; the books and the archive are those of the test's own city.
"""

import sys
from pathlib import Path

from hub.app import bank_door
from hub.app.settings import load
from tests.fakes import FakeBankServer
from tests.processors.city import HubInOneProcess


def main(database: str, folder: str, bank: str, inbound: str) -> None:
    """Prints the outcomes, if it comes so far."""
    server = FakeBankServer()
    for path in sorted(Path(inbound).iterdir()):
        server.put(path.name, path.read_bytes())
    settings = load(Path(folder) / "hub.toml", {"HUB_DATABASE__URL": database})
    hub = HubInOneProcess(settings, folder=Path(folder) / "archive", servers={bank: server}, receipts={bank: {}})
    print([polled.outcome for polled in bank_door.poll(hub, bank, hub.door(bank))], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
