"""Same seed, same month, byte for byte; another seed, another month."""

from datetime import date

from simulators import agency
from simulators.population import Population


def month(seed: int) -> list[bytes]:
    people = Population(seed, ["110105", "110108"], ["ICBC", "CCB"], 60)
    return [
        agency.dues(
            code,
            "2026-10",
            1,
            date(2026, 9, 28),
            [agency.bill_of(people, unit, "2026-10") for unit in people.of_agency(code)],
        ).data
        for code in people.agencies
    ]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert month(7) == month(7)


def test_another_seed_gives_other_bytes() -> None:
    assert month(7) != month(8)


def test_a_bank_gives_a_line_the_same_whatever_else_it_was_asked(paper_hub) -> None:
    answers = []
    for _ in range(2):
        hub = paper_hub(seed=11)
        hub.file_dues("2026-09")
        assert hub.ask_banks("2026-09", 1) == []
        for bank in hub.programs:
            hub.answer(bank, "2026-09", 1)
        answers.append(
            {file.name: file.read_bytes() for program in hub.programs.values() for file in program.inbound.iterdir()}
        )
    assert answers[0] == answers[1]


def test_the_population_looks_like_a_district() -> None:
    people = Population(7, ["110105", "110108", "110102"], ["ICBC", "CCB", "ABC", "BOC"], 3000)
    assert len(people.units) == len({unit.no for unit in people.units}) == 3000
    names = "".join(unit.name + unit.account_name for unit in people.units)
    assert "䶮" in names
    assert "𠮷" in names
    assert names.encode("gb18030").decode("gb18030") == names
    sizes = sorted(unit.headcount for unit in people.units)
    assert sizes[len(sizes) // 2] < 15
    assert sizes[-1] > 100
    for unit in people.units[:200]:
        pension, unemployment, injury, maternity = people.due(unit, "2026-12")
        assert pension > unemployment > 0
        assert (injury == 0) is (maternity == 0) is unit.is_proxy
        assert bool(unit.bank) is (unit.mode == "B") is bool(unit.account)
