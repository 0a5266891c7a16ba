"""What stands ready before a hub starts: its configuration, the plan of the run, the demo's folders."""

import tomllib
from pathlib import Path

import pytest

from simulators.demo import set_aside
from simulators.plan import Comes, plan_of
from simulators.scene import SceneError, profiles_of, set_scene

AGENCIES = ["110105", "110108", "110102"]
BANKS = ["ICBC", "CCB", "ABC", "BOC"]


def test_the_configuration_has_every_key_of_the_contract(tmp_path: Path) -> None:
    plan = plan_of(7, ["2026-09"], 10, AGENCIES, BANKS)
    scene = set_scene(tmp_path / "home", plan.seed, plan.start, plan.agencies, plan.banks)
    written = tomllib.loads(scene.hub.configuration.read_text(encoding="utf-8"))
    assert written["clock"] == {"mode": "manual", "start": "2026-08-28T08:00"}
    assert [agency["code"] for agency in written["agencies"]] == AGENCIES
    assert [bank["allow_partial"] for bank in written["banks"]] == [True, True, True, False]
    for bank in written["banks"]:
        assert set(bank) == {
            "code", "name", "profile", "allow_partial", "host", "port", "username", "private_key", "host_keys",
            "outbound_dir", "inbound_dir", "done_dir",
        }  # fmt: skip
        assert (tmp_path / "home" / bank["private_key"]).is_file()
        assert bank["host_keys"][0].startswith("SHA256:")


def test_every_period_has_a_slow_bank_a_round_and_a_prompt_one_that_garbles() -> None:
    for seed in range(30):
        plan = plan_of(seed, ["2026-09", "2026-10", "2026-11"], 10, AGENCIES, BANKS)
        patterns = set()
        for period in plan.periods:
            comes = [[plan.comes(period, number, bank) for bank in BANKS] for number in (1, 2)]
            assert all(row.count(Comes.PROMPT) == len(BANKS) - 1 for row in comes)
            assert plan.comes(period, 1, plan.garbler(period)) is Comes.PROMPT
            patterns.add(tuple(next(one for one in row if one is not Comes.PROMPT) for row in comes))
        assert len(patterns) == 3, "three periods see all three patterns"


def test_a_month_without_announced_days_is_refused() -> None:
    with pytest.raises(ValueError, match="not announced"):
        plan_of(7, ["2027-01"], 10, AGENCIES, BANKS)


def test_the_data_of_an_earlier_demo_is_set_aside(tmp_path: Path) -> None:
    home = tmp_path / ".demo"
    assert set_aside(home) is None
    home.mkdir()
    (home / "kept").write_text("as it was")
    aside = set_aside(home)
    assert aside is not None
    assert aside.name.startswith(".demo.")
    assert (aside / "kept").read_text() == "as it was"
    assert not home.exists()


def test_a_bank_keeps_the_profile_its_configuration_names(tmp_path: Path) -> None:
    home = tmp_path / ".demo"
    assert profiles_of(home) == {}
    plan = plan_of(7, ["2026-09"], 10, AGENCIES, BANKS)
    wanted = {"CCB": "iso20022"}
    scene = set_scene(home, plan.seed, plan.start, plan.agencies, plan.banks, profiles=wanted)
    assert profiles_of(home) == {**dict.fromkeys(BANKS, "pipe-gb18030"), **wanted}
    edited = scene.hub.configuration.read_text(encoding="utf-8").replace("iso20022", "fixed-gb18030")
    scene.hub.configuration.write_text(edited, encoding="utf-8")
    assert profiles_of(home)["CCB"] == "fixed-gb18030"


@pytest.mark.parametrize("text", ["[[banks", "banks = 1", "[[banks]]\ncode = 'ICBC'"])
def test_a_configuration_without_profiles_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SceneError, match=r"hub\.toml names no profiles"):
        profiles_of(tmp_path)
