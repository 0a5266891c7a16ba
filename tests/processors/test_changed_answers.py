"""An answer that was changed after its ``.ok`` was written is never taken in, whatever the bank's profile."""

from hashlib import sha256
from random import Random

import pytest

from simulators.agency import Paper
from simulators.amounts import Four
from tests.processors.city import bill
from tests.processors.conftest import NewCity

DUE: Four = (10000, 700, 250, 150)
PROFILES = ("pipe-gb18030", "fixed-gb18030", "iso20022")
CHANGES = 40


def changed(data: bytes, chance: Random) -> bytes:
    """The bytes with one of them changed, left out or put in, or cut short."""
    place, other = chance.randrange(len(data)), bytes([chance.randrange(256)])
    ways = (
        data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :],
        data[:place] + data[place + 1 :],
        data[:place] + other + data[place:],
        data[:place],
    )
    return ways[chance.randrange(len(ways))]


@pytest.mark.parametrize("profile", PROFILES)
def test_what_was_changed_after_its_ok_was_written_is_quarantined_and_books_nothing(
    new_city: NewCity, seed: int, profile: str
) -> None:
    city = new_city(profiles={"ICBC": profile})
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    chance = Random(f"{seed} {profile}")
    for _ in range(CHANGES):
        paper = city.result(request, {"A-2": 10400, "A-3": "02"})
        data = changed(paper.data, chance)
        if data == paper.data:
            continue
        ok = f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n".encode()
        city.servers["ICBC"].put(paper.name, data)
        city.servers["ICBC"].put(f"{paper.name}.ok", ok)
        assert city.poll("ICBC") == [], "it may still be coming"
        assert city.poll("ICBC") == ["quarantined"]
        item = city.work("quarantine")[-1]
        assert (item["file"], item["field"]) == (paper.name, ".ok")
    assert city.value("select count(*) from result_line") == 0
    good = city.result(request, {"A-2": 10400, "A-3": "02"})
    city.put("ICBC", Paper(good.name, good.data))
    assert city.poll("ICBC") == ["taken"]
