"""Fault 84: a private key that others may use keeps the hub from starting."""

from pathlib import Path

import pytest

from hub.app import services
from hub.app.settings import load
from hub.domain.errors import ConfigurationError
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
