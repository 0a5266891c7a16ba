"""Answers of banks for tests: the honest one, and the same with lines rewritten."""

import re
from collections.abc import Mapping

from simulators.agency import Paper
from simulators.amounts import Four, fen, yuan
from tests.processors.city import City

DUE: Four = (10000, 1000, 500, 300)
CHARSET = "gb18030"


def answered(city: City, bank: str = "ICBC", given: Mapping[str, int | str] | None = None) -> Paper:
    return city.result(city.requests(bank)[0], given or {"A-2": 10400, "A-3": "02"})


def changed(paper: Paper, *changes: tuple[str, str]) -> Paper:
    """The same file with lines rewritten by regular expressions; each must be found."""
    words = paper.data.decode(CHARSET)
    for pattern, instead in changes:
        words, count = re.subn(pattern, instead, words, flags=re.MULTILINE)
        assert count, f"{pattern} is not in the answer"
    return Paper(paper.name, words.encode(CHARSET))


def adding_up(paper: Paper) -> Paper:
    """The same lines under a trailer that counts them and adds them up as they stand."""
    lines = paper.data.decode(CHARSET).splitlines()
    details = [line.split("|") for line in lines if line.startswith("D|")]
    sums = [yuan(sum(fen(fields[column]) for fields in details)) for column in range(4, 10)]
    paid_in_full = sum(fields[10] == "00" for fields in details)
    trailer = "|".join(("T", str(len(details)), str(paid_in_full), *sums))
    return Paper(paper.name, "".join(f"{line}\n" for line in (*lines[:-1], trailer)).encode(CHARSET))


def books_are_untouched(city: City) -> bool:
    untouched = "select (select count(*) from result_line) + (select count(*) from batch where state <> 'SENT')"
    return int(city.value(untouched)) == 0


UNITS = (2, 4, 1)
"""Units of the first three shards: a bank's lines are in the order of the shards."""

# The beginnings of the lines of what ``answered`` gives for ICBC: paid in full, in part, and not at all.
FULL, PART, NOTHING = r"^D\|1\|A-1-1\|", r"^D\|2\|A-2-1\|", r"^D\|3\|A-3-1\|"
