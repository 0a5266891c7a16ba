"""Delivering (faults 40 to 45): the final name is never half, never twice, never over another file."""

import random
import tracemalloc
from pathlib import Path

import pytest

from connectors.bank import Limits, SftpDoor
from connectors.bank.failures import (
    BankRefusedError,
    DeliveryUnderWayError,
    DeliveryUnknownError,
    NameTakenError,
    SourceChangedError,
    SpoiledUploadError,
)
from connectors.bank.protocol import SftpProtocol
from connectors.bank.receipts import Receipts, Stage
from connectors.bank.upload import Content
from hub.domain.errors import HubError
from tests.sshd import Sshd
from tests.tcp_proxy import Act, TcpProxy, cut_at

NAME = "DK_ICBC_20261210_0001.txt"
OK = b"0" * 64 + b" 60000\n"
DATA = b"0123456789" * 6_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "request"
    path.write_bytes(DATA)
    return path


def _delivered(server: Sshd) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in server.outbound.iterdir()}


@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_at_many_bytes_the_final_name_is_never_half(sshd: Sshd, source: Path, seed: int, direction: str) -> None:
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        door.deliver("DK_measure.txt", source, OK)
        total = proxy.passed_up if direction == "up" else proxy.passed_down
        _clear(sshd)
        points = [*sorted(random.Random(seed).sample(range(total + 1), 22)), total - 1, total]
        for number, point in enumerate(points):
            name = f"DK_{number}.txt"
            door.close()
            setattr(proxy, direction, cut_at(point))
            try:
                door.deliver(name, source, OK)
            except HubError as failure:
                assert failure.retriable, f"cut {direction} at {point}: {failure}"
            else:
                assert _delivered(sshd).keys() >= {name, f"{name}.ok"}
            found = _delivered(sshd)
            assert found.get(name) in (None, DATA), f"half after a cut {direction} at {point}"
            assert f"{name}.ok" not in found or (found[f"{name}.ok"] == OK and found[name] == DATA)
            proxy.heal()
            door.deliver(name, source, OK)
            assert _delivered(sshd) == {name: DATA, f"{name}.ok": OK}, f"after a cut {direction} at {point}"
            _clear(sshd)


def test_another_file_under_the_name_stays_what_it_is(sshd: Sshd, source: Path) -> None:
    (sshd.outbound / NAME).write_bytes(b"x" * len(DATA))  # the same size, even
    with sshd.door() as door, pytest.raises(NameTakenError):
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: b"x" * len(DATA)}


@pytest.mark.parametrize("rival", [b"somebody else's", DATA])
def test_a_file_that_appears_just_before_the_rename_is_not_overwritten(sshd: Sshd, source: Path, rival: bytes) -> None:
    def appear(_passed: int, _coming: int) -> Act:
        final = sshd.outbound / NAME
        if not final.exists() and _sizes(sshd) == [len(DATA)]:
            final.write_bytes(rival)
        return Act.PASS

    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        proxy.up = appear
        if rival == DATA:
            door.deliver(NAME, source, OK)
            assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}
        else:
            with pytest.raises(NameTakenError):
                door.deliver(NAME, source, OK)
            assert _delivered(sshd) == {NAME: rival}


def test_a_temporary_file_that_vanishes_is_no_delivery(sshd: Sshd, source: Path) -> None:
    def sweep(_passed: int, _coming: int) -> Act:
        if Receipts(sshd.folder / "receipts").find(NAME):  # verified, and the rename is on its way
            for part in sshd.outbound.glob(".*.part"):
                part.unlink()
        return Act.PASS

    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        proxy.up = sweep
        with pytest.raises(SpoiledUploadError) as failure:
            door.deliver(NAME, source, OK)
        assert failure.value.retriable
        assert _delivered(sshd) == {}
        proxy.heal()
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


def test_a_link_under_the_name_is_not_followed(sshd: Sshd, source: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(DATA)
    (sshd.outbound / NAME).symlink_to(victim)
    with sshd.door() as door, pytest.raises(NameTakenError):
        door.deliver(NAME, source, OK)


def test_a_full_disk_leaves_nothing_and_heals(sshd: Sshd, source: Path) -> None:
    sshd.limit_file_size(len(DATA) - 1)
    with sshd.door() as door:
        with pytest.raises(BankRefusedError) as failure:
            door.deliver(NAME, source, OK)
        assert failure.value.retriable and "disk" in failure.value.advice
        assert _delivered(sshd) == {}
        sshd.limit_file_size(1 << 30)
        door.close()
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


@pytest.mark.parametrize("denied", ["", "fsync", "posix-rename", "fsync,posix-rename,hardlink,limits", "read"])
def test_syncs_where_the_server_can_and_does_without_where_it_cannot(
    tmp_path: Path, source: Path, denied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    fsync = SftpProtocol.fsync

    def noted(self: SftpProtocol, handle: bytes) -> bool:
        synced.append(fsync(self, handle))
        return synced[-1]

    monkeypatch.setattr(SftpProtocol, "fsync", noted)
    folder = tmp_path / "bank"
    folder.mkdir()
    with Sshd(folder, sftp_options=f"-P {denied}" if denied else "") as server, server.door() as door:
        door.deliver(NAME, source, OK)
        (server.outbound / f"{NAME}.ok").unlink()
        door.deliver(NAME, source, OK)
        assert _delivered(server) == {NAME: DATA}, "an .ok that is gone was taken by the bank"
    assert synced == ["fsync" not in denied] * 2


def test_a_server_that_drops_dead_connections_is_dialled_again(sshd: Sshd, source: Path) -> None:
    with sshd.door() as door:
        door.list_results()
        sshd.drop_sessions()
        door.deliver(NAME, source, OK)
        sshd.stop()
        with pytest.raises(HubError) as failure:
            door.list_results()
        assert failure.value.retriable
        sshd.start()
        assert door.list_results() == []


def test_leftovers_of_this_name_are_cleared_and_others_are_not(sshd: Sshd, source: Path) -> None:
    ours = sshd.outbound / f".{NAME}.{'0a' * 8}.part"
    others = [
        sshd.outbound / name for name in (".DK_other.txt.0123456789abcdef.part", f"{NAME}.part", f".{NAME}.x.part")
    ]
    for path in (ours, *others):
        path.write_bytes(b"old")
    with sshd.door() as door:
        door.deliver(NAME, source, OK)
    assert not ours.exists()
    assert all(path.read_bytes() == b"old" for path in others)


def test_a_large_existing_file_is_compared_byte_by_byte(sshd: Sshd, source: Path) -> None:
    with sshd.door(limits=Limits(read_back_bytes=10), receipts=None) as door:
        door.deliver(NAME, source, OK)
        door.deliver(NAME, source, OK)
        (sshd.outbound / NAME).write_bytes(DATA[:-1] + b"x")
        with pytest.raises(NameTakenError):
            door.deliver(NAME, source, OK)


def test_without_receipts_the_look_alone_decides(sshd: Sshd, source: Path) -> None:
    with sshd.door(receipts=None) as door:
        door.deliver(NAME, source, OK)
        (sshd.outbound / f"{NAME}.ok").unlink()
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


def test_a_rename_that_was_asked_for_goes_on_from_its_receipt(sshd: Sshd, source: Path) -> None:
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        receipts = Receipts(sshd.folder / "receipts")
        proxy.up = lambda _p, _c: Act.CUT if receipts.find(NAME) else Act.PASS  # the rename itself never gets there
        with pytest.raises(HubError) as failure:
            door.deliver(NAME, source, OK)
        assert failure.value.retriable
        kept = receipts.find(NAME)
        assert kept is not None and kept.stage is Stage.RENAMING
        assert list(_delivered(sshd)) == [kept.temporary]
        proxy.heal()
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


def test_taken_after_a_lost_answer_is_neither_sent_again_nor_said_to_be_sent(sshd: Sshd, source: Path) -> None:
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        _lose_the_answer(proxy, door, sshd, source, NAME)
        _clear(sshd)  # the bank has taken it, or has lost it
        proxy.heal()
        for _ in range(2):
            with pytest.raises(DeliveryUnknownError) as unknown:
                door.deliver(NAME, source, OK)
            assert not unknown.value.retriable and NAME in unknown.value.advice
            assert _delivered(sshd) == {}


def test_an_unknown_delivery_that_turns_up_is_delivered(sshd: Sshd, source: Path) -> None:
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        _lose_the_answer(proxy, door, sshd, source, NAME)
        _clear(sshd)
        proxy.heal()
        with pytest.raises(DeliveryUnknownError):
            door.deliver(NAME, source, OK)
        (sshd.outbound / NAME).write_bytes(DATA)
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


def test_an_ok_that_may_have_been_taken_is_put_there_again(sshd: Sshd, source: Path) -> None:
    """Twice the same ``.ok`` deducts nothing twice, and without one the bank does not begin."""
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        _lose_the_answer(proxy, door, sshd, source, f"{NAME}.ok")
        _clear(sshd)
        proxy.heal()
        assert door.deliver(NAME, source, OK).size == len(DATA)
    assert _delivered(sshd) == {f"{NAME}.ok": OK}


def test_two_never_deliver_the_same_file_at_once(sshd: Sshd, source: Path) -> None:
    """Whatever lock of the books was lost meanwhile: the second one would clear away what the first is writing."""
    with Receipts(sshd.folder / "receipts").held(NAME), sshd.door() as door:
        with pytest.raises(DeliveryUnderWayError) as busy:
            door.deliver(NAME, source, OK)
        assert busy.value.retriable and _delivered(sshd) == {}
    with sshd.door() as door:
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {NAME: DATA, f"{NAME}.ok": OK}


def _lose_the_answer(proxy: TcpProxy, door: SftpDoor, server: Sshd, source: Path, name: str) -> None:
    """The rename to ``name`` happens, and nobody hears of it."""
    proxy.down = lambda _p, _c: Act.CUT if (server.outbound / name).exists() else Act.PASS
    with pytest.raises(HubError):
        door.deliver(NAME, source, OK)
    assert (server.outbound / name).exists()


def test_a_rename_that_is_refused_is_forgotten_and_tried_afresh(tmp_path: Path, source: Path) -> None:
    folder = tmp_path / "bank"
    folder.mkdir()
    with Sshd(folder, sftp_options="-P rename") as server:
        with server.door() as door, pytest.raises(HubError) as failure:
            door.deliver(NAME, source, OK)
        assert not failure.value.retriable
        assert _delivered(server) == {}, "the temporary file is removed"
        server.stop()
        server.sftp_options = ""
        server.start()
        with server.door() as door:
            door.deliver(NAME, source, OK)
        assert _delivered(server) == {NAME: DATA, f"{NAME}.ok": OK}


def test_a_source_that_changes_while_it_is_sent_is_not_delivered(
    sshd: Sshd, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known_before(path: Path) -> Content:
        return Content(lambda: path.open("rb"), "0" * 64, len(DATA))

    monkeypatch.setattr(Content, "of_file", known_before)
    with sshd.door() as door, pytest.raises(SourceChangedError):
        door.deliver(NAME, source, OK)
    assert _delivered(sshd) == {}


def test_fifty_megabytes_there_and_back_in_little_memory(sshd: Sshd, tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as out:
        for number in range(50):
            out.write(bytes([number]) * 1_000_000)
    with sshd.door() as door:
        tracemalloc.start()
        door.deliver(NAME, big, OK)
        (sshd.outbound / NAME).rename(sshd.inbound / "HD_1.txt")
        with door.fetch("HD_1.txt") as fetched:
            size = sum(len(block) for block in iter(lambda: fetched.read(1 << 16), b""))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size == 50_000_000
    assert peak < 16_000_000, f"{peak} bytes at the peak"


def _sizes(server: Sshd) -> list[int]:
    return [part.stat().st_size for part in server.outbound.glob(f".{NAME}.*.part")]


def _clear(server: Sshd) -> None:
    for path in server.outbound.iterdir():
        path.unlink()
