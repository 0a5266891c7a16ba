"""The stage of a simulated month: a home, keys, a server and a program for each bank, and the hub's configuration."""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from simulators.agency import Paper
from simulators.bank import BankServer, free_port, stop_server
from simulators.bank_program import BankProgram
from simulators.bank_signing import Signing, exchange_keys
from simulators.hub_command import HubCommand
from simulators.population import BANKS, DISTRICTS

DESK_PORT: Final = 8600
"""Where the desk is by default (contract, section 5)."""

_HEAD: Final = """\
[hub]
home = "hub"
[clock]
mode = "manual"
start = "{start:%Y-%m-%dT%H:%M}"
[kafka]
bootstrap_servers = "embedded"
[database]
url = "embedded"
[web]
host = "127.0.0.1"
port = {port}
"""
_AGENCY: Final = """\
[[agencies]]
code = "{code}"
name = "{name}"
"""
_BANK: Final = """\
[[banks]]
code = "{code}"
name = "{name}"
profile = "{profile}"
allow_partial = {parts}
host = "127.0.0.1"
port = {port}
username = "{user}"
private_key = "keys/{key}"
host_keys = ["{host_key}"]
outbound_dir = "{outbound}"
inbound_dir = "{inbound}"
done_dir = "{done}"
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stage that is set. ``desk`` is the address of the hub's web desk."""

    home: Path
    hub: HubCommand
    servers: tuple[BankServer, ...]
    programs: dict[str, BankProgram]
    no_parts: frozenset[str]
    desk: str

    def file(self, paper: Paper, folder: str = "papers") -> Path:
        """``paper`` on disk, where an agency would hand it in."""
        place = self.home / folder
        place.mkdir(exist_ok=True)
        file = place / paper.name
        file.write_bytes(paper.data)
        return file

    def open(self) -> None:
        """Start the banks' servers, then the hub."""
        for server in self.servers:
            server.start()
        self.hub.up()


def set_scene(
    home: Path,
    seed: int,
    start: datetime,
    agencies: Sequence[str],
    banks: Sequence[str],
    port: int | None = None,
    max_lines: Mapping[str, int] | None = None,
    profiles: Mapping[str, str] | None = None,
    signing: Mapping[str, str] | None = None,
) -> Scene:
    """Write everything a hub and its banks need under ``home``; nothing is started. The last bank deducts no parts.

    ``max_lines`` limits the request files of the banks it names; ``profiles`` gives banks another than the contract's;
    ``signing`` names banks that sign and want signatures, each with the scheme, ``ed25519`` or ``openpgp``.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    no_parts = frozenset(banks[-1:] if len(banks) > 1 else ())
    desk_port = port or free_port()
    text = _HEAD.format(start=start, port=desk_port)
    text += "".join(_AGENCY.format(code=code, name=DISTRICTS[code]) for code in agencies)
    servers = []
    signings: dict[str, Signing] = {}
    for code in banks:
        server = BankServer.set_up(code, home / "banks" / code, home / "keys" / code.lower())
        servers.append(server)
        text += _BANK.format(
            code=code,
            name=BANKS[code],
            profile=(profiles or {}).get(code, "pipe-gb18030"),
            parts="false" if code in no_parts else "true",
            port=server.port,
            user=server.username,
            key=code.lower(),
            host_key=server.host_key,
            **{name: server.remote(name) for name in ("outbound", "inbound", "done")},
        )
        if max_lines and code in max_lines:
            text += f"max_lines = {max_lines[code]}\n"
        if signing and code in signing:
            signings[code], keys = exchange_keys(signing[code], home / "keys" / "signatures", code.lower())
            text += keys
    configuration = home / "hub.toml"
    configuration.write_text(text, encoding="utf-8")
    programs = {
        server.code: BankProgram(server.code, seed, server.directory, signings.get(server.code)) for server in servers
    }
    return Scene(home, HubCommand(configuration), tuple(servers), programs, no_parts, f"http://127.0.0.1:{desk_port}/")


class SceneError(Exception):
    """A configuration that a scene was to be set by cannot be read."""


def profiles_of(home: Path) -> dict[str, str]:
    """The profile of each bank in the ``hub.toml`` of a scene that was set before; empty where none was."""
    configuration = home / "hub.toml"
    if not configuration.exists():
        return {}
    try:
        banks = tomllib.loads(configuration.read_text(encoding="utf-8")).get("banks", [])
        return {bank["code"]: bank["profile"] for bank in banks}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, AttributeError, KeyError) as wrong:
        raise SceneError(f"{configuration} names no profiles: {wrong}; mend it, or take it away") from wrong


PROFILES: Final = ("pipe-gb18030", "fixed-gb18030", "iso20022")
"""Forms of files that the simulated banks can read and answer."""


def add_profile_argument(parser: argparse.ArgumentParser) -> None:
    """``--profile BANK=NAME``, as often as wanted."""

    def pair(text: str) -> tuple[str, str]:
        bank, is_there, name = text.partition("=")
        if bank not in BANKS or not is_there or name not in PROFILES:
            known = f"banks are {', '.join(BANKS)}, profiles {', '.join(PROFILES)}"
            raise argparse.ArgumentTypeError(f"{text!r} is not BANK=PROFILE; {known}")
        return bank, name

    says = "the form of a bank's files, such as CCB=iso20022; as often as wanted"
    parser.add_argument("--profile", type=pair, action="append", default=[], metavar="BANK=PROFILE", help=says)


def strike(home: Path) -> list[str]:
    """Stop what runs under ``home``: the hub first, then its banks. Answers what was stopped.

    Raises HubAnswerError (``simulators.hub_command``) when the hub does not stop: its data must not be moved then.
    """
    home = home.resolve()
    stopped = []
    if (home / "hub.toml").exists() and (home / "hub").exists():
        HubCommand(home / "hub.toml").down()
        stopped.append("the hub")
    if (home / "banks").is_dir():
        stopped += [f"the server of {bank.name}" for bank in sorted((home / "banks").iterdir()) if stop_server(bank)]
    return stopped
