"""The system that collects for a bank while the hub runs it in shadow: its own numbers, its own order, the same bills."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from hub.app.settings import load
from hub.domain.ids import UnitNo
from simulators.agency import Bill, Paper
from simulators.amounts import NIL, Four, add, yuan
from simulators.bank_program import print_result, read_request
from simulators.bank_work import Given, Request
from tests.processors.city import PERIOD, City, HubInOneProcess
from tests.processors.pump import Pump

BOC = "BOC"


def request(
    bills: Sequence[Bill], day: date, round_: int = 1, period: str = PERIOD, owing: Mapping[str, Four] | None = None
) -> Paper:
    """A request of the other system; ``owing``: by unit, where it is not what the bill says. The last bill comes first."""
    head = ["H", "DEDUCT", "1", BOC, f"OTHER-{day:%Y%m%d}-77", period, str(round_), str(day), "CNY"]
    rows, sums, hashed = [head], NIL, 0
    for line, each in enumerate(reversed(bills), start=1):
        four = (owing or {}).get(each.unit, each.due)
        amounts = [*map(yuan, four), yuan(sum(four))]
        rows.append(["D", str(line), f"X{line}-{each.unit}", each.unit, each.account, each.account_name, *amounts, "P"])
        sums, hashed = add(sums, four), hashed + int(each.account[-10:])
    rows.append(["T", str(len(bills)), *map(yuan, sums), yuan(sum(sums)), f"{hashed % 10**12:012d}"])
    data = "".join("|".join(row) + "\n" for row in rows).encode("gb18030")
    return Paper(f"DK_{BOC}_{day:%Y%m%d}_0077.txt", data)


def as_read_by_the_bank(paper: Paper) -> Request:
    return read_request(paper.name, paper.data, f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n".encode())


def answer(paper: Paper, day: date, given: Mapping[str, int | str], number: int = 1) -> Paper:
    """The bank's answer to the other system; ``given``: by unit, fen or a code, the others in full."""
    asked = as_read_by_the_bank(paper)
    lines = []
    for line in asked.lines:
        whole = sum(line.wanted)
        said = given.get(line.unit, whole)
        code = said if isinstance(said, str) else "00" if said == whole else "01"
        lines.append(Given(line, 0 if isinstance(said, str) else said, code, f"REF{line.line}"))
    return print_result(asked, lines, day, number)


def folder(city: City) -> Path:
    return city.hub.settings.home / "shadow" / BOC


def lay_down(city: City, paper: Paper) -> Path:
    """A person copies the other system's request into the folder."""
    path = folder(city) / "requests" / paper.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(paper.data)
    return path


def our_request(city: City, number: int = 0) -> Request:
    """What the hub would have sent, as the bank would have read it."""
    path = sorted(folder(city).glob("DK_*.txt"))[number]
    return read_request(path.name, path.read_bytes(), path.with_name(f"{path.name}.ok").read_bytes())


def gone_live(city: City, path: Path) -> City:
    """The same city after ``shadow`` was taken out of hub.toml and the hub was started again."""
    return _started_again(city, path, "shadow = true", "shadow = false")


def put_in_shadow(city: City, path: Path, bank: str = BOC) -> City:
    """The same city after ``shadow = true`` was written into the ``[[banks]]`` of one bank, and the hub was started again."""
    config = (path / "hub.toml").read_text("utf-8")
    (entry,) = (each for each in config.split("[[") if f'code = "{bank}"' in each)
    return _started_again(city, path, entry, entry.replace("shadow = false", "shadow = true"))


def _started_again(city: City, path: Path, was: str, becomes: str) -> City:
    config = path / "hub.toml"
    config.write_text(config.read_text("utf-8").replace(was, becomes), "utf-8")
    before = city.hub
    hub: HubInOneProcess = replace(before, settings=load(config, {}))
    return City(hub, Pump(hub), before.servers, path)


def unit(number: int) -> UnitNo:
    return UnitNo(f"110105{number:06d}")
