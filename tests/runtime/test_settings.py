"""hub.toml (contract section 5): one table of bad files; every fault is named with its line, or with its variable."""

import re
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats import PROFILES as IMPLEMENTED
from connectors.formats.profile_file import read_profile
from hub.app.settings import PROFILES, Settings, SettingsError, VerifyKey, load, profile_terms
from hub.app.toml_lines import lines_of
from hub.domain.errors import ConfigurationError
from hub.domain.host_keys import HostKeyPin
from hub.domain.signatures import Demand, Scheme, Terms

KEY = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

SIGNED = 'signature = "required"\n'

GOOD = f"""\
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
port = 8600
[[agencies]]
code = "110105"
name = "朝阳区社会保险基金管理中心"
[[agencies]]
code = "110108"
name = "海淀区社会保险基金管理中心"
[[banks]]
code = "ICBC"
name = "中国工商银行北京市分行"
profile = "pipe-gb18030"
allow_partial = true
host = "127.0.0.1"
port = 22022
username = "hub"
private_key = "keys/icbc"
host_keys = ["{KEY}"]
outbound_dir = "outbound"
inbound_dir = "inbound"
done_dir = "done"
"""


def write(folder: Path, text: str = GOOD) -> Path:
    file = folder / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str = GOOD, **environment: str) -> Settings:
    return load(write(folder, text), environment)


def faults_of(folder: Path, text: str = GOOD, **environment: str) -> list[tuple[int | None, str]]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, **environment)
    named = {str(folder / "hub.toml"), "environment"}
    assert {fault.file for fault in caught.value.faults} <= named
    assert all(str(fault) in str(caught.value) for fault in caught.value.faults)
    return [(fault.line, fault.key) for fault in caught.value.faults]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.home == tmp_path / ".hub"
    assert settings.clock.start == datetime(2026, 11, 28, 8, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert [agency.code for agency in settings.agencies] == ["110105", "110108"]
    bank = settings.banks[0]
    assert (bank.private_key, bank.host_keys) == (tmp_path / "keys" / "icbc", (KEY,))
    assert (bank.max_lines, bank.poll_seconds) == (500_000, 5)
    assert settings.base == tmp_path


def test_a_host_key_may_have_days(tmp_path: Path) -> None:
    dated = (
        f'host_keys = ["{KEY}", {{ key = "{KEY}", from = "2026-12-01", until = "2027-01-31" }}, {{ key = "{KEY}" }}]'
    )
    bank = read(tmp_path, GOOD.replace(f'host_keys = ["{KEY}"]', dated)).banks[0]
    assert bank.pins == (
        HostKeyPin(key=KEY),
        HostKeyPin(key=KEY, first_day=date(2026, 12, 1), last_day=date(2027, 1, 31)),
        HostKeyPin(key=KEY),
    )
    by_variable = f'[{{"key": "{KEY}", "until": "2027-01-31"}}]'
    bank = read(tmp_path, HUB_BANKS__0__HOST_KEYS=by_variable).banks[0]
    assert bank.pins == (HostKeyPin(key=KEY, last_day=date(2027, 1, 31)),)


def test_all_that_is_wrong_with_a_host_key_is_said_at_once(tmp_path: Path) -> None:
    wrong = GOOD.replace(f'"{KEY}"]', '{ key = "MD5:aa", from = "soon", to = "later" }]')
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, wrong)
    (fault,) = caught.value.faults
    assert all(word in fault.message for word in ("to is not one of its keys", "SHA256:", "from must be a date"))


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path).web.port = 1  # type: ignore[misc]


def test_keys_of_signatures_are_files_beside_hub_toml_and_may_have_days(tmp_path: Path) -> None:
    keys = 'verify_keys = ["keys/a.pub", { key = "/srv/b.pub", from = "2026-12-01", until = "2027-01-31" }]\n'
    bank = read(tmp_path, GOOD + SIGNED + keys + 'signing_key = "keys/ours"\n').banks[0]
    assert bank.signing_key == tmp_path / "keys" / "ours"
    assert bank.verify_keys == (
        VerifyKey(path=tmp_path / "keys" / "a.pub"),
        VerifyKey(path=Path("/srv/b.pub"), first_day=date(2026, 12, 1), last_day=date(2027, 1, 31)),
    )
    assert bank.signatures == Terms(request=Demand.REQUIRED, result=Demand.REQUIRED)
    by_variable = {"HUB_BANKS__0__SIGNATURE": "optional", "HUB_BANKS__0__VERIFY_KEYS": "keys/a.pub"}
    assert read(tmp_path, **by_variable).banks[0].signatures == Terms(result=Demand.OPTIONAL)
    assert read(tmp_path).banks[0].signatures == Terms(), "without an agreement nothing is signed"


def test_hub_toml_may_not_ask_for_less_than_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = Terms(request=Demand.REQUIRED, result=Demand.REQUIRED, scheme=Scheme.OPENPGP)
    monkeypatch.setattr("hub.app.settings.profile_terms", {"pipe-gb18030": strict}.__getitem__)
    assert faults_of(tmp_path) == [(19, "banks.0.verify_keys"), (19, "banks.0.signing_key")]
    less = GOOD + 'signature = "optional"\nverify_keys = ["a"]\nsigning_key = "b"\nsignature_scheme = "ed25519"\n'
    assert faults_of(tmp_path, less) == [(32, "banks.0.signature"), (35, "banks.0.signature_scheme")]


def test_what_a_profile_says_of_signatures_is_read_as_the_formats_read_it() -> None:
    for file in files("connectors").joinpath("formats", "profiles").iterdir():
        if file.name.endswith(".toml"):
            profile = read_profile(file)
            said = Terms(**dict(profile.signature))
            assert profile_terms(profile.name) == said == Terms(), "those of this version ask for none"


# One row a rule: what stands in the file, what is put there instead, and where the fault must be named.
BAD = [
    ('mode = "manual"', 'mode = "fast"', 4, "clock.mode"),
    ('mode = "manual"', "mode = 3", 4, "clock.mode"),
    ('start = "2026-11-28T08:00"\n', "", 3, "clock.start"),
    ('"2026-11-28T08:00"', '"2026-11-31T08:00"', 5, "clock.start"),
    ('"2026-11-28T08:00"', '"2026-11-28 08:00"', 5, "clock.start"),
    ('"2026-11-28T08:00"', '"2026-11-28T08:00:00+08:00"', 5, "clock.start"),
    ('"2026-11-28T08:00"', "2026-11-28T08:00:00", 5, "clock.start"),
    ('home = ".hub"', 'home = ""', 2, "hub.home"),
    ('home = ".hub"', "home = 7", 2, "hub.home"),
    ('home = ".hub"\n', "", 1, "hub.home"),
    ('bootstrap_servers = "embedded"', 'bootstrap_servers = "kafka"', 7, "kafka.bootstrap_servers"),
    ('bootstrap_servers = "embedded"', 'bootstrap_servers = "a:1,b:70000"', 7, "kafka.bootstrap_servers"),
    ('url = "embedded"', 'url = "sqlite:///x"', 9, "database.url"),
    ('url = "embedded"', 'url = "postgresql://host"', 9, "database.url"),
    ('url = "embedded"', 'url = "postgresql://host:port/hub"', 9, "database.url"),
    ("port = 8600", "port = 0", 12, "web.port"),
    ("port = 8600", "port = 65536", 12, "web.port"),
    ("port = 8600", 'port = "8600"', 12, "web.port"),
    ("port = 8600", "port = true", 12, "web.port"),
    ("port = 8600", "port = 8600.0", 12, "web.port"),
    ("port = 8600", "port = 8600\ntls = true", 13, "web.tls"),
    ('code = "110105"', 'code = "1101O5"', 14, "agencies.0.code"),
    ('code = "110105"', 'code = "１１０１０５"', 14, "agencies.0.code"),
    ('code = "110105"', "code = 110105", 14, "agencies.0.code"),
    ('code = "110108"', 'code = "110105"', 17, "agencies.1.code"),
    ('name = "海淀区社会保险基金管理中心"\n', "", 16, "agencies.1.name"),
    ('"海淀区社会保险基金管理中心"', '"海淀|区"', 18, "agencies.1.name"),
    ('code = "ICBC"', 'code = "icbc"', 20, "banks.0.code"),
    ('code = "ICBC"', 'code = "I"', 20, "banks.0.code"),
    ("pipe-gb18030", "csv-utf8", 22, "banks.0.profile"),
    ("allow_partial = true", 'allow_partial = "yes"', 23, "banks.0.allow_partial"),
    ("allow_partial = true", "allow_partial = 1", 23, "banks.0.allow_partial"),
    ('host = "127.0.0.1"\nport = 22022', 'host = "sftp://bank"\nport = 22022', 24, "banks.0.host"),
    ('host = "127.0.0.1"\nport = 22022', 'host = "127.0.0.256"\nport = 22022', 24, "banks.0.host"),
    ('username = "hub"', 'username = ""', 26, "banks.0.username"),
    ('private_key = "keys/icbc"', "private_key = []", 27, "banks.0.private_key"),
    (f'host_keys = ["{KEY}"]', "host_keys = []", 28, "banks.0.host_keys"),
    (f'host_keys = ["{KEY}"]', f'host_keys = "{KEY}"', 28, "banks.0.host_keys"),
    (f'host_keys = ["{KEY}"]', f'host_keys = [\n  "{KEY}",\n  "SHA256:abc",\n]', 30, "banks.0.host_keys.1"),
    ('host_keys = ["SHA256:', 'host_keys = ["MD5:', 28, "banks.0.host_keys.0"),
    (f'"{KEY}"]', f'{{ key = "{KEY}", until = "2026-02-30" }}]', 28, "banks.0.host_keys.0"),
    (f'"{KEY}"]', f'{{ key = "{KEY}", from = 2026-12-01 }}]', 28, "banks.0.host_keys.0"),
    (f'"{KEY}"]', f'{{ key = "{KEY}", from = "2026-12-02", until = "2026-12-01" }}]', 28, "banks.0.host_keys.0"),
    (f'"{KEY}"]', f'{{ key = "{KEY}", to = "2026-12-01" }}]', 28, "banks.0.host_keys.0"),
    (f'"{KEY}"]', f'"{KEY}",\n{{ from = "2026-12-01" }}]', 29, "banks.0.host_keys.1"),
    (f'"{KEY}"]', f'"{KEY}", 7]', 28, "banks.0.host_keys.1"),
    ('done_dir = "done"', 'done_dir = "./inbound/"', 31, "banks.0.done_dir"),
    ('done_dir = "done"', 'done_dir = ""', 31, "banks.0.done_dir"),
    ('done_dir = "done"', 'done_dir = "done"\nmax_lines = 0', 32, "banks.0.max_lines"),
    ('done_dir = "done"', 'done_dir = "done"\npoll_seconds = 0', 32, "banks.0.poll_seconds"),
    ('done_dir = "done"', 'done_dir = "done"\npoll_seconds = 3601', 32, "banks.0.poll_seconds"),
    ('done_dir = "done"', 'done_dir = "done"\npoll_seconds = 0.5', 32, "banks.0.poll_seconds"),
    ('done_dir = "done"', 'done_dir = "done"\nsignature = "must"', 32, "banks.0.signature"),
    ('done_dir = "done"', 'done_dir = "done"\nsignature = "required"', 19, "banks.0.verify_keys"),
    ('done_dir = "done"', 'done_dir = "done"\nverify_keys = ["k.pub"]', 19, "banks.0.signature"),
    ('done_dir = "done"', 'done_dir = "done"\nsignature = "none"\nverify_keys = ["k.pub"]', 32, "banks.0.signature"),
    ('done_dir = "done"', 'done_dir = "done"\nsignature_scheme = "openpgp"', 32, "banks.0.signature_scheme"),
    ('done_dir = "done"', 'done_dir = "done"\nsigning_key = 7', 32, "banks.0.signing_key"),
    ('done_dir = "done"', f'done_dir = "done"\n{SIGNED}verify_keys = [""]', 33, "banks.0.verify_keys.0"),
    (
        'done_dir = "done"',
        f'done_dir = "done"\n{SIGNED}verify_keys = ["a", {{ key = 7 }}]',
        33,
        "banks.0.verify_keys.1",
    ),
    (
        'done_dir = "done"',
        f'done_dir = "done"\n{SIGNED}verify_keys = [{{ key = "a", until = "x" }}]',
        33,
        "banks.0.verify_keys.0",
    ),
    ('done_dir = "done"', 'done_dir = "done"\n[bench]\nx = 1', 32, "bench"),
    ('[web]\nhost = "127.0.0.1"\nport = 8600\n', "", 28, "web"),
    ("[hub]", "[hub", 1, ""),
    ("port = 8600", "port = 8600\nport = 8601", 13, ""),
]


@pytest.mark.parametrize(("there", "instead", "line", "key"), BAD)
def test_one_fault_is_named_where_it_stands(tmp_path: Path, there: str, instead: str, line: int, key: str) -> None:
    assert there in GOOD
    assert faults_of(tmp_path, GOOD.replace(there, instead, 1)) == [(line, key)]


def test_a_misspelt_key_is_unknown_and_missing_and_the_right_one_is_proposed(tmp_path: Path) -> None:
    text = GOOD.replace('mode = "manual"', 'mdoe = "manual"')
    assert faults_of(tmp_path, text) == [(3, "clock.mode"), (4, "clock.mdoe")]
    with pytest.raises(SettingsError, match="did you mean mode"):
        read(tmp_path, text)


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("manual", "slow").replace("8600", "0").replace("110108", "x").replace('done_dir = "done"', "")
    assert [line for line, _ in faults_of(tmp_path, text)] == [4, 12, 17, 19]


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_bytes(GOOD.encode("gb18030"))
    with pytest.raises(SettingsError, match=r"hub\.toml:15: is not UTF-8"):
        load(file, {})


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, GOOD.replace('url = "embedded"', 'url = "mysql://hub:secret@host/hub"'))
    assert "secret" not in str(caught.value)
    settings = read(tmp_path, GOOD.replace('url = "embedded"', 'url = "postgresql+psycopg://hub:secret@host/hub"'))
    assert settings.database.url == "postgresql://hub:secret@host/hub"
    assert "secret" not in repr(settings)


def test_every_key_can_be_set_by_a_variable(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        HUB_CLOCK__MODE="system",
        HUB_WEB__PORT="9000",
        HUB_AGENCIES__1__NAME="海淀",
        HUB_BANKS__0__PORT="2222",
        HUB_BANKS__0__ALLOW_PARTIAL="false",
        HUB_BANKS__0__HOST_KEYS=f"{KEY}, {KEY}",
        HUB_BANKS__0__MAX_LINES="1000",
        HUB_BANKS__0__POLL_SECONDS="30",
        HUB_AGENCIES__2__CODE="110101",
        HUB_AGENCIES__2__NAME="东城",
        HUB_TEST_SEED="1",
    )
    bank = settings.banks[0]
    assert (settings.clock.mode, settings.web.port, settings.agencies[1].name) == ("system", 9000, "海淀")
    assert (bank.port, bank.allow_partial, bank.host_keys) == (2222, False, (KEY, KEY))
    assert (bank.max_lines, bank.poll_seconds) == (1000, 30)
    assert settings.agencies[2].code == "110101"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HUB_WEB__PORT", "many"),
        ("HUB_WEB__PORT", "0"),
        ("HUB_WEB__TLS", "true"),
        ("HUB_WBE__PORT", "1"),
        ("HUB_CLOCK__MODE", ""),
        ("HUB_BANKS__0__ALLOW_PARTIAL", "perhaps"),
        ("HUB_BANKS__0__HOST_KEYS", "SHA256:abc"),
        ("HUB_BANKS__7__PORT", "22"),
        ("HUB_BANKS__PORT", "22"),
        ("HUB_BANKS__0", "x"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path, variable: str, value: str) -> None:
    assert faults_of(tmp_path, GOOD, **{variable: value}) == [(None, variable)]


def test_hub_home_overrides_home_and_holds_hub_toml(tmp_path: Path) -> None:
    write(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    assert load(tmp_path / "hub.toml", {"HUB_HOME": str(elsewhere)}).home == elsewhere
    assert load(None, {"HUB_HOME": str(tmp_path)}).home == tmp_path
    assert load(None, {"HUB_CONFIG": str(tmp_path / "hub.toml"), "HUB_HOME": str(elsewhere)}).home == elsewhere
    other = tmp_path / "other"
    other.mkdir()
    write(other, GOOD.replace('".hub"', '"/srv/hub"'))
    assert load(other / "hub.toml", {"HUB_CONFIG": str(tmp_path / "hub.toml")}).home == Path("/srv/hub")


def test_without_a_file_the_ways_to_name_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as none:
        load(None, {})
    assert all(way in none.value.advice for way in ("--config", "HUB_CONFIG", "HUB_HOME"))
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path / "hub.toml"))):
        load(None, {"HUB_HOME": str(tmp_path)})


def test_the_profiles_known_here_are_those_that_are_implemented() -> None:
    assert frozenset(IMPLEMENTED) == PROFILES


def test_inline_tables_have_lines_too() -> None:
    text = (
        'a = {b = 1, c = [2,\n  3, {d = "]"}]}\n# x = 1\n"q.r" = """\n[no]\n"""\n'
        '[t."u"]\nv.w = 1\n[[t.x]]\ny=1\n[[t.x]]\n  y = 2\n'
    )
    lines = lines_of(text)
    assert lines["a",] == lines["a", "b"] == lines["a", "c", 0] == 1
    assert lines["a", "c", 1] == lines["a", "c", 2, "d"] == 2
    assert (lines["q.r",], lines["t", "u"], lines["t", "u", "v", "w"]) == (4, 7, 8)
    assert (lines["t", "x", 0, "y"], lines["t", "x", 1], lines["t", "x", 1, "y"]) == (10, 11, 12)
    assert ("no",) not in lines


@given(st.lists(st.sampled_from(["", "# note", "   "]), max_size=5))
def test_lines_move_with_what_stands_above(above: list[str]) -> None:
    text = "".join(f"{line}\n" for line in above) + GOOD
    assert {place: line - len(above) for place, line in lines_of(text).items()} == lines_of(GOOD)
