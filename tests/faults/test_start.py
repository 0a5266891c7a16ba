"""Fault 84: a key that others may use, or change, keeps the hub from starting."""

from pathlib import Path

import pytest

from hub.app import services
from hub.app.settings import load
from hub.domain.errors import ConfigurationError
from simulators.bank_signing import exchange_keys
from tests.runtime.hub_home import new_hub
from tests.sshd import make_key


def test_fault_84_private_key_that_others_may_use(tmp_path: Path) -> None:
    hub = new_hub(tmp_path)
    (tmp_path / "keys").mkdir()
    make_key(tmp_path / "keys" / "icbc").chmod(0o644)
    settings = load(hub.config, {})
    told: list[str] = []
    with pytest.raises(ConfigurationError, match="may be used by others") as failure:
        services.up(settings, told.append)
    assert "chmod 600" in failure.value.advice
    assert told == [] and set(services.services(settings).values()) == {"down"}, "nothing was started"


@pytest.mark.parametrize("scheme", ["ed25519", "openpgp"])
@pytest.mark.parametrize(
    ("file", "mode", "why"),
    [
        ("icbc-hub", 0o644, "may be used by others"),
        ("icbc-hub", None, "cannot be read"),
        ("icbc-bank.pub", 0o666, "may be changed by others"),
        ("icbc-bank.pub", None, "cannot be read"),
    ],
)
def test_fault_84_keys_of_signatures(tmp_path: Path, scheme: str, file: str, mode: int | None, why: str) -> None:
    hub = new_hub(tmp_path)
    _, keys = exchange_keys(scheme, tmp_path / "keys", "icbc")
    text = hub.config.read_text("utf-8")
    hub.config.write_text(text + keys, "utf-8")
    key = tmp_path / "keys" / file
    if mode is None:
        key.unlink()
    else:
        key.chmod(mode)
    settings = load(hub.config, {})
    with pytest.raises(ConfigurationError, match=why) as failure:
        services.up(settings, lambda _: None)
    assert str(key) in str(failure.value) and failure.value.advice
    assert set(services.services(settings).values()) == {"down"}, "nothing was started"
