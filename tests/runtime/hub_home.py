"""A hub of its own for a test: its hub.toml, and the command ``hub`` run as a person would."""

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINGERPRINT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class HubHome:
    """``config`` is the hub.toml; everything else of the hub lies beside it."""

    config: Path

    @property
    def home(self) -> Path:
        return self.config.parent / ".hub"

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hub.app.cli.main", "--config", str(self.config), *words]

    def run(self, *words: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
        """Runs a command with pipes, and so waits until nobody holds them any more."""
        return subprocess.run(
            self.words(*words), capture_output=True, text=True, timeout=seconds, check=False, cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def answer(self, *words: str) -> Any:
        """The JSON answer of a command that must succeed."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def new_hub(folder: Path) -> HubHome:
    config = folder / "hub.toml"
    config.write_text(
        f"""\
[hub]
home = ".hub"
[clock]
mode = "manual"
start = "2026-11-28T08:00"
[kafka]
bootstrap_servers = "embedded"
[database]
url = "embedded"
[web]
host = "127.0.0.1"
port = {free_port()}
[[agencies]]
code = "110105"
name = "朝阳区社会保险基金管理中心"
[[banks]]
code = "ICBC"
name = "中国工商银行北京市分行"
profile = "pipe-gb18030"
allow_partial = true
host = "127.0.0.1"
port = 22022
username = "hub"
private_key = "keys/icbc"
host_keys = ["{FINGERPRINT}"]
outbound_dir = "outbound"
inbound_dir = "inbound"
done_dir = "done"
""",
        encoding="utf-8",
    )
    return HubHome(config)
