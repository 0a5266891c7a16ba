"""Chance out of a seed: what is drawn depends on the seed and on what it is about, never on the order of asking."""

from hashlib import blake2b
from random import Random


def draw(seed: int, *about: object) -> int:
    """A number of 64 bits that belongs to ``seed`` and ``about``, the same in every run and on every machine."""
    text = "|".join((str(seed), *(str(part) for part in about)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def percent(seed: int, *about: object) -> int:
    """A number from 0 to 99."""
    return draw(seed, *about) % 100


def dice(seed: int, *about: object) -> Random:
    """A generator of its own for what needs many draws."""
    return Random(draw(seed, *about))
