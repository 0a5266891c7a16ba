"""A bank for each test, with books of its own; the cities are those of the processors' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.app import schedule
from tests.faults.real_bank import RealBank, open_real_bank
from tests.processors.conftest import asked, city, new_city
from tests.sshd import Sshd, sshd
from tests.tcp_proxy import TcpProxy

__all__ = ["asked", "city", "new_city", "sshd"]


@pytest.fixture
def proxy(sshd: Sshd) -> Iterator[TcpProxy]:
    """What stands between the hub and the bank."""
    with TcpProxy(sshd.port) as between:
        yield between


@pytest.fixture
def bank(
    database: str, tmp_path: Path, sshd: Sshd, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealBank]:
    """ICBC and its city, on the 28th of October 2026."""
    opened = open_real_bank(database, tmp_path / "city", sshd, proxy)
    for waiting in ("drain", "settle"):
        monkeypatch.setattr(schedule, waiting, lambda _hub: opened.city.pump.drain())
    yield opened
    opened.city.close()
