"""What goes wrong at the other parties: files with one fault each, made out of good ones. The digest is made good again
unless the digest is the fault, so that the hub must find the fault itself."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from simulators.agency import Paper, sealed
from simulators.amounts import fen, yuan


def _resealed(paper: Paper, change: Callable[[list[str]], None]) -> Paper:
    """``paper`` with its lines changed and its ``T`` line made to fit the new bytes."""
    *lines, last = paper.data.decode().splitlines()
    change(lines)
    _, count, total, _ = last.split("|")
    return Paper(paper.name, sealed(lines, int(count), total))


def wrong_control_total(paper: Paper) -> Paper:
    """One fen more in a ``C`` line than its bills add up to; its own sum fits."""

    def change(lines: list[str]) -> None:
        number = next(n for n, line in enumerate(lines) if line.startswith("C|"))
        fields = lines[number].split("|")
        fields[4], fields[8] = yuan(fen(fields[4]) + 1), yuan(fen(fields[8]) + 1)
        lines[number] = "|".join(fields)

    return _resealed(paper, change)


def wrong_amount_text(paper: Paper) -> Paper:
    """An amount with one decimal: not an amount in this contract."""

    def change(lines: list[str]) -> None:
        fields = lines[1].split("|")
        fields[9] = fields[9][:-1]
        lines[1] = "|".join(fields)

    return _resealed(paper, change)


def bill_twice(paper: Paper) -> Paper:
    """The first bill's number once more on the second line."""

    def change(lines: list[str]) -> None:
        first, second = lines[1].split("|"), lines[2].split("|")
        second[2] = first[2]
        lines[2] = "|".join(second)

    return _resealed(paper, change)


def wrong_digest(paper: Paper) -> Paper:
    """Another digest than that of the bytes."""
    body = paper.data[: paper.data.rindex(b"\nT|") + 1]
    last = paper.data[len(body) :].decode().rstrip("\n").split("|")
    last[3] = sha256(body + b"x").hexdigest()
    return Paper(paper.name, body + ("|".join(last) + "\n").encode())


DUES_FAULTS: Final[tuple[Callable[[Paper], Paper], ...]] = (
    wrong_control_total,
    wrong_amount_text,
    bill_twice,
    wrong_digest,
)
