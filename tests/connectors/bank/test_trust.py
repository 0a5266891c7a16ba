"""Whom the hub speaks to and as whom (faults 45 to 48, 84): one pinned server, one key of its own, strong algorithms."""

import os
import socket
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from connectors.bank import SftpDoor, Timeouts
from connectors.bank.connection import WEAK_ALGORITHMS
from connectors.bank.failures import (
    AuthenticationRefusedError,
    BankUnreachableError,
    HostKeyRefusedError,
    WeakAlgorithmsError,
)
from connectors.bank.host_keys import HostKeyPins, fingerprint
from connectors.bank.private_key import check_private_key
from hub.domain.errors import ConfigurationError, HubError
from tests.sshd import Sshd, fingerprint_of, make_key
from tests.tcp_proxy import Act, TcpProxy

OTHER_PIN = "SHA256:" + "A" * 43
HASTY = Timeouts(connect=1, banner=0.5, auth=1, channel=1, total=3)


@pytest.fixture
def loud_sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A server that logs every step."""
    folder = tmp_path / "bank"
    folder.mkdir()
    with Sshd(folder, config="LogLevel DEBUG1") as server:
        yield server


def test_the_fingerprint_is_what_ssh_keygen_prints(tmp_path: Path) -> None:
    public = make_key(tmp_path / "key").with_suffix(".pub")
    blob = public.read_text("ascii").split()[1]
    assert fingerprint(b64decode(blob)) == fingerprint_of(public)


@pytest.mark.parametrize(
    "pins", [(), ("",), ("MD5:aa:bb",), ("SHA256:short",), (OTHER_PIN, "AAAA"), (OTHER_PIN + "\n",)]
)
def test_impossible_pins_are_refused_before_anything_starts(pins: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError) as failure:
        HostKeyPins(pins)
    assert "ssh-keygen -lf" in failure.value.advice


def test_a_changed_host_key_gets_nothing(loud_sshd: Sshd) -> None:
    door = loud_sshd.door()
    door.list_results()
    door.close()
    loud_sshd.stop()
    loud_sshd.new_host_key()
    loud_sshd.start()
    before = len(loud_sshd.log)
    for call in (door.list_results, door.check, lambda: door.deliver("DK.txt", Path(__file__), b"ok\n")):
        with pytest.raises(HostKeyRefusedError) as failure:
            call()
        assert not failure.value.retriable
        assert loud_sshd.pins[0] in str(failure.value) and "Ask the bank" in failure.value.advice
    seen = loud_sshd.log[before:]
    assert "KEX done" in seen
    assert "userauth-request" not in seen and loud_sshd.user not in seen.replace(str(loud_sshd.folder), "")
    assert list(loud_sshd.outbound.iterdir()) == []


def test_while_a_bank_changes_its_key_both_are_pinned(sshd: Sshd) -> None:
    old = sshd.pins
    sshd.stop()
    sshd.new_host_key()
    sshd.start()
    with sshd.door(host_keys=(*old, *sshd.pins)) as door:
        assert door.check().host_key == sshd.pins[0]


@pytest.mark.parametrize("pinned", [0, 1, 2])
def test_any_of_a_servers_keys_may_be_the_pinned_one(tmp_path: Path, pinned: int) -> None:
    with Sshd(tmp_path, key_kinds=("ed25519", "ecdsa", "rsa")) as server:
        pin = server.pins[pinned]
        with server.door(host_keys=(pin,)) as door:
            assert door.check().host_key == pin
        with server.door(host_keys=(OTHER_PIN,)) as door, pytest.raises(HostKeyRefusedError) as failure:
            door.check()
        assert all(shown in str(failure.value) for shown in server.pins)


def test_a_refused_key_is_not_tried_again_and_again(sshd: Sshd, tmp_path: Path) -> None:
    now = [0.0]
    stranger = make_key(tmp_path / "stranger")
    with sshd.door(private_key=stranger, monotonic=lambda: now[0]) as door:

        def attempts() -> int:
            with pytest.raises(AuthenticationRefusedError) as failure:
                door.list_results()
            assert not failure.value.retriable and "public key" in failure.value.advice
            return sshd.log.count("Connection from")

        first = attempts()
        assert [attempts() for _ in range(5)] == [first] * 5
        now[0] = 61.0
        assert attempts() == first + 1
        now[0] = 130.0
        assert attempts() == first + 1, "the second pause is longer"
        now[0] = 190.0
        (sshd.folder / "authorized_keys").write_bytes(stranger.with_suffix(".pub").read_bytes())
        assert door.list_results() == []


def test_a_person_who_checks_is_not_kept_waiting(sshd: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    with sshd.door(private_key=stranger) as door:
        with pytest.raises(AuthenticationRefusedError):
            door.check()
        (sshd.folder / "authorized_keys").write_bytes(stranger.with_suffix(".pub").read_bytes())
        assert door.check().host_key in sshd.pins


@pytest.mark.parametrize(
    ("mode", "is_fine"), [(0o600, True), (0o400, True), (0o644, False), (0o640, False), (0o660, False), (0o700, False)]
)
def test_a_private_key_is_for_its_owner_alone(sshd: Sshd, mode: int, is_fine: bool) -> None:
    sshd.client_key.chmod(mode)
    with sshd.door() as door:
        if is_fine:
            assert door.list_results() == []
        else:
            with pytest.raises(ConfigurationError) as failure:
                door.list_results()
            assert f"{mode:04o}" in str(failure.value) and "chmod 600" in failure.value.advice


def test_a_private_key_is_the_hubs_own(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    another = os.geteuid() + 1
    monkeypatch.setattr("connectors.bank.private_key.os.geteuid", lambda: another)
    with pytest.raises(ConfigurationError, match="belongs to user") as failure:
        check_private_key(sshd.client_key)
    assert f"chown {another}" in failure.value.advice


def test_pins_are_asked_for_anew_whenever_the_connection_is_used(sshd: Sshd) -> None:
    """A door stays open for days: a pin that ends shuts it, and one that begins opens it."""
    valid: set[str] = set(sshd.pins)
    with sshd.door(host_keys=lambda: valid) as door:
        assert door.list_results() == []
        valid.clear()
        with pytest.raises(HostKeyRefusedError, match="none that is valid today") as failure:
            door.list_results()
        assert sshd.pins[0] in failure.value.shown[0]
        valid.update(sshd.pins)
        assert door.list_results() == []


def test_a_private_key_that_is_none_is_said_so(tmp_path: Path, sshd: Sshd) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check_private_key(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="not a file"):
        check_private_key(tmp_path)
    garbage = tmp_path / "garbage"
    garbage.touch(mode=0o600)
    garbage.write_text("no key", "ascii")
    with sshd.door(private_key=garbage) as door, pytest.raises(ConfigurationError, match="cannot be used"):
        door.list_results()


@pytest.mark.parametrize(
    "config",
    [
        "Ciphers aes128-cbc,aes256-cbc,3des-cbc",
        "MACs hmac-sha1,hmac-sha1-96,hmac-md5\nCiphers aes128-ctr",
        "KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
        "KexAlgorithms diffie-hellman-group-exchange-sha256",
    ],
)
def test_a_server_with_only_weak_algorithms_is_refused(tmp_path: Path, config: str) -> None:
    with Sshd(tmp_path, config=config) as server, server.door() as door:
        with pytest.raises(WeakAlgorithmsError) as failure:
            door.list_results()
        assert not failure.value.retriable and failure.value.advice
        assert "Accepted" not in server.log


def test_weak_algorithms_are_named_and_none_is_left_over() -> None:
    with socket.socketpair()[0] as sock:
        left = paramiko.Transport(sock, disabled_algorithms=WEAK_ALGORITHMS)
        offered = [*left.preferred_ciphers, *left.preferred_macs, *left.preferred_kex, *left.preferred_keys]
    assert offered
    assert [name for name in offered if any(weak in name for weak in ("cbc", "sha1", "md5", "3des", "ssh-rsa"))] == []


def test_a_listener_without_a_banner_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(BankUnreachableError) as failure:
            _door_at(listener.getsockname()[1], tmp_path).list_results()
        assert failure.value.retriable
        assert time.monotonic() - began < 2


def test_nobody_there_is_retriable_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BankUnreachableError) as failure:
        _door_at(port, tmp_path).list_results()
    assert failure.value.retriable and str(port) in str(failure.value)


@pytest.mark.parametrize("silent_after", [0, 30, 800, 1500, 2200, 2600, 3000])
def test_silence_at_any_point_ends_in_time(sshd: Sshd, silent_after: int) -> None:
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port, timeouts=HASTY) as door:
        proxy.down = lambda passed, coming: Act.SILENCE if passed + coming > silent_after else Act.PASS
        began = time.monotonic()
        with pytest.raises(HubError) as failure:
            door.list_results()
        assert failure.value.retriable, failure.value
        assert time.monotonic() - began < 5


def test_one_byte_at_a_time_does_not_outlast_the_deadline(sshd: Sshd) -> None:
    timeouts = Timeouts(connect=2, banner=5, auth=5, channel=5, total=1.5)
    (sshd.inbound / "HD_1.txt").write_bytes(b"x" * 100_000)
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port, timeouts=timeouts) as door:
        door.list_results()
        proxy.down = lambda _passed, _coming: Act.DRIP
        began = time.monotonic()
        with pytest.raises(BankUnreachableError, match=r"longer than 1\.5 seconds") as failure:
            door.fetch("HD_1.txt")
        assert failure.value.retriable
        assert time.monotonic() - began < 4
        proxy.heal()
        with door.fetch("HD_1.txt") as fetched:
            assert len(fetched.read()) == 100_000


def _door_at(port: int, folder: Path) -> SftpDoor:
    return SftpDoor(
        host="127.0.0.1",
        port=port,
        username="hub",
        private_key=make_key(folder / "key"),
        host_keys=(OTHER_PIN,),
        outbound_dir="outbound",
        inbound_dir="inbound",
        done_dir="done",
        timeouts=HASTY,
    )
