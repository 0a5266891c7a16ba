"""hub.toml and its environment, read once, checked whole, then frozen (contract section 5).

Every fault is found before anything starts, and named with file and line, or with the variable it came from.
"""

import difflib
import ipaddress
import json
import os
import posixpath
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
)

from hub.app.toml_lines import Place, lines_of
from hub.domain.errors import ConfigurationError
from hub.domain.host_keys import HostKeyPin, is_fingerprint
from hub.domain.key_days import KeyDays
from hub.domain.parties import MAX_LINES_DEFAULT
from hub.domain.signatures import Demand, Scheme, Terms, agreed, disagreements

_PROFILE_FILES: Final = {
    file.name.removesuffix(".toml"): file
    for file in files("connectors").joinpath("formats", "profiles").iterdir()
    if file.name.endswith(".toml")
}
PROFILES: Final = frozenset({"iso20022", *_PROFILE_FILES})
"""Bank file profiles of this version, which ``connectors.formats`` reads; that is too much to do here."""

EMBEDDED: Final = "embedded"
_TZ: Final = ZoneInfo("Asia/Shanghai")
_VARIABLE: Final = re.compile(r"HUB_([A-Z0-9]+(?:_[A-Z0-9]+)*?)__(.+)")
_T = TypeVar("_T")
_A_FINGERPRINT: Final = "must be a key's fingerprint as `ssh-keygen -l` prints it: SHA256: and 43 characters"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One thing wrong: where it stands (``line`` None for a variable of the environment), which key, and what."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class SettingsError(ConfigurationError):
    """hub.toml cannot be used; ``faults`` holds all that is wrong."""

    def __init__(self, faults: Sequence[SettingFault]) -> None:
        listed = "\n".join(f"  {fault}" for fault in faults)
        many = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"the configuration has {many}:\n{listed}",
            advice="Correct what is named; nothing was started.",
        )
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyKey(KeyDays):
    """A file with a bank's public key (absolute), and the days on which the key counts."""

    path: Path


# ── what a value may be ─────────────────────────────────────────────────────────────────────────────────────────────


def _matching(pattern: str, must_be: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"must be {must_be}")
        return value

    return check


def _readable(value: str) -> str:
    if not value or value != value.strip() or _CONTROL.search(value) or "|" in value:
        raise ValueError("must be a name: not empty, no blanks at its ends, no control characters, no '|'")
    return value


def _remote_path(value: str) -> str:
    if not value.strip() or _CONTROL.search(value):
        raise ValueError("must be a directory on the bank's server")
    return value


def _local_path(value: object, info: ValidationInfo) -> object:
    """Relative paths start at the folder of hub.toml."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\x00" in value:
        raise ValueError("must be a path")
    base = info.context["base"] if info.context else Path.cwd()
    return Path(os.path.normpath(base / Path(value).expanduser()))


def _home(value: Path) -> Path:
    if value.exists() and not value.is_dir():
        raise ValueError("must be a directory, and is a file")
    return value


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not re.fullmatch(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", value) or _like_ipv4(value):
            raise ValueError("must be a host name or an IP address") from None
    return value


def _like_ipv4(value: str) -> bool:
    return re.fullmatch(r"[0-9.]+", value) is not None


def _business_time(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('must be a time in quotes, such as "2026-11-28T08:00"')
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", value, re.ASCII):
        raise ValueError("must be a time such as 2026-11-28T08:00")
    try:
        return datetime.fromisoformat(value).replace(tzinfo=_TZ)
    except ValueError:
        raise ValueError("must be a real date and time") from None


def _servers(value: str) -> str:
    if value == EMBEDDED:
        return value
    for server in value.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or not 0 < int(port) < 65536:
            raise ValueError('must be "embedded" or "host:port,host:port"')
        _host(host.removeprefix("[").removesuffix("]"))
    return ",".join(server.strip() for server in value.split(","))


def _database(value: str) -> str:
    """Any way to write a PostgreSQL URL, as plain ``postgresql://``. Never shown: it may hold a password."""
    if value == EMBEDDED:
        return value
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as wrong:
        raise ValueError(f"must be a PostgreSQL URL ({wrong})") from None
    known = {"postgresql", "postgres", "postgresql+psycopg"}
    if parts.scheme not in known or not value.startswith(f"{parts.scheme}://"):
        raise ValueError('must be "embedded" or a PostgreSQL URL, postgresql://user@host:port/database')
    if not parts.path.strip("/"):
        raise ValueError("must name a database: postgresql://user@host:port/database")
    return "postgresql" + value[len(parts.scheme) :]


def _registry(value: str) -> str:
    if value and urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("must be empty or an http(s) URL")
    return value


def _host_key(value: object) -> str | HostKeyPin:
    """A fingerprint, or a table of one with the days on which it counts."""
    key, days = _key_on_days(value, "SHA256:…", lambda text: None if is_fingerprint(text) else _A_FINGERPRINT)
    return key if days is None else HostKeyPin(key=key, first_day=days.first_day, last_day=days.last_day)


def _verify_key(value: object, info: ValidationInfo) -> VerifyKey:
    """The file of a public key, or a table of one with the days on which it counts."""
    key, days = _key_on_days(
        value, "keys/….pub", lambda text: None if text.strip() and "\x00" not in text else "must be a path"
    )
    path = _local_path(key, info)
    assert isinstance(path, Path), "it is text"
    days = days or KeyDays()
    return VerifyKey(path=path, first_day=days.first_day, last_day=days.last_day)


def _key_on_days(value: object, example: str, why_not: Callable[[str], str | None]) -> tuple[str, KeyDays | None]:
    """A key, and its days where it is a table. All that is wrong with it is said at once.

    ``why_not`` says what a key must be, or nothing.
    """
    if isinstance(value, str):
        if (wrong_key := why_not(value)) is not None:
            raise ValueError(wrong_key)
        return value, None
    if not isinstance(value, dict):
        raise ValueError(f'must be text in quotes, or a table {{ key = "{example}", from = "…", until = "…" }}')
    wrong = [f"{key} is not one of its keys, key, from, until" for key in value if key not in {"key", "from", "until"}]
    key = value.get("key")
    wrong_key = why_not(key) if isinstance(key, str) else (why_not("") or "must be text in quotes")
    if wrong_key is not None:
        wrong.append(f"key {wrong_key}")
    days: dict[str, date | None] = {}
    for name in ("from", "until"):
        try:
            days[name] = _day(value[name]) if name in value else None
        except ValueError as fault:
            wrong.append(f"{name} {fault}")
    first, last = days.get("from"), days.get("until")
    if first is not None and last is not None and last < first:
        wrong.append("until must not be before from")
    if wrong:
        raise ValueError("; ".join(wrong))
    assert isinstance(key, str), "it was asked"
    return key, KeyDays(first_day=first, last_day=last)


def _day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError('must be a date in quotes, such as "2026-12-01"')
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a real date") from None


def _at_least_one(values: tuple[_T, ...]) -> tuple[_T, ...]:
    """Only asked when every element is right: a wrong element is the fault then, not a short list."""
    if not values:
        raise ValueError("must hold at least one")
    return values


_Port = Annotated[int, Field(ge=1, le=65535)]
_Host = Annotated[str, AfterValidator(_host)]
_Name = Annotated[str, AfterValidator(_readable)]
_RemotePath = Annotated[str, AfterValidator(_remote_path)]
_LocalPath = Annotated[Path, BeforeValidator(_local_path)]
_AgencyCode = Annotated[str, AfterValidator(_matching(r"[0-9]{6}", "six digits"))]
_BankCode = Annotated[str, AfterValidator(_matching(r"[A-Z0-9]{2,12}", "2 to 12 capital letters and digits"))]
_User = Annotated[str, AfterValidator(_matching(r"[A-Za-z0-9_.@-]{1,64}", "a user name"))]
_HostKey = Annotated[str | HostKeyPin, PlainValidator(_host_key)]
_VerifyKey = Annotated[VerifyKey, PlainValidator(_verify_key)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class HubTable(_Table):
    """[hub]: ``home`` holds the data of the embedded services, the archive, keys. Absolute."""

    home: Annotated[_LocalPath, AfterValidator(_home)]


class ClockTable(_Table):
    """[clock]: ``start`` is aware, Asia/Shanghai; None only with the system clock."""

    mode: Literal["system", "manual"]
    start: Annotated[datetime | None, BeforeValidator(_business_time)] = None


class KafkaTable(_Table):
    """[kafka]: ``embedded`` or servers; a schema registry only where one is kept."""

    bootstrap_servers: Annotated[str, AfterValidator(_servers)]
    schema_registry_url: Annotated[str, AfterValidator(_registry)] = ""

    @property
    def embedded(self) -> bool:
        return self.bootstrap_servers == EMBEDDED


class DatabaseTable(_Table):
    """[database]: ``embedded`` or a plain ``postgresql://`` URL of the owner."""

    url: Annotated[str, AfterValidator(_database)] = Field(repr=False)

    @property
    def embedded(self) -> bool:
        return self.url == EMBEDDED


class WebTable(_Table):
    """[web]: where the desk listens."""

    host: _Host
    port: _Port


class Agency(_Table):
    """[[agencies]]: an agency that may hand in files."""

    code: _AgencyCode
    name: _Name


class Bank(_Table):
    """[[banks]]: a bank, its profile and its SFTP server. ``private_key`` is absolute, the directories are there.

    An entry of ``host_keys`` is a fingerprint, or a table ``{ key = "SHA256:…", from = "2026-12-01", until = "2027-01-31" }``
    that counts on those days, both included and each of them optional.
    ``poll_seconds`` is between two looks into the inbound directory, with the system clock.
    Signatures: requests are signed with ``signing_key`` where one is named; answers are checked with the public keys in the
    files ``verify_keys``, a path or a table of ``key``, ``from``, ``until`` each, as ``signature`` says (None: as the
    profile says).
    ``shadow``: the bank's files are made, read and compared; nothing is sent to it, and nothing booked for it.
    """

    code: _BankCode
    name: _Name
    profile: Annotated[str, AfterValidator(_readable)]
    allow_partial: bool
    host: _Host
    port: _Port
    username: _User
    private_key: _LocalPath
    host_keys: Annotated[tuple[_HostKey, ...], Field(strict=False), AfterValidator(_at_least_one)]
    outbound_dir: _RemotePath
    inbound_dir: _RemotePath
    done_dir: _RemotePath
    max_lines: Annotated[int, Field(ge=1)] = MAX_LINES_DEFAULT
    poll_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    shadow: bool = False
    signature: Literal["none", "optional", "required"] | None = None
    signature_scheme: Literal["ed25519", "openpgp"] | None = None
    signing_key: _LocalPath | None = None
    verify_keys: Annotated[tuple[_VerifyKey, ...], Field(strict=False)] = ()

    @property
    def signatures(self) -> Terms:
        """What holds for signatures on this bank's files: what the profile asks for, and what is asked beyond it."""
        return agreed(
            profile_terms(self.profile),
            result=None if self.signature is None else Demand(self.signature),
            scheme=None if self.signature_scheme is None else Scheme(self.signature_scheme),
            signs=self.signing_key is not None,
        )

    @property
    def pins(self) -> tuple[HostKeyPin, ...]:
        """``host_keys`` with their days."""
        return tuple(HostKeyPin(key=entry) if isinstance(entry, str) else entry for entry in self.host_keys)


@cache
def profile_terms(profile: str) -> Terms:
    """What a profile of this version asks for by its table ``[signature]``, which ``connectors.formats`` has checked."""
    file = _PROFILE_FILES.get(profile)
    asked = {} if file is None else tomllib.loads(file.read_text("utf-8")).get("signature", {})
    return Terms(
        request=Demand(asked.get("request", "none")),
        result=Demand(asked.get("result", "none")),
        scheme=Scheme(asked.get("scheme", "ed25519")),
    )


class Settings(_Table):
    """The whole configuration. ``file`` is the hub.toml it came from, ``base`` its folder."""

    hub: HubTable
    clock: ClockTable
    kafka: KafkaTable
    database: DatabaseTable
    web: WebTable
    agencies: Annotated[tuple[Agency, ...], Field(strict=False), AfterValidator(_at_least_one)]
    banks: Annotated[tuple[Bank, ...], Field(strict=False), AfterValidator(_at_least_one)]
    file: Path

    @property
    def base(self) -> Path:
        return self.file.parent

    @property
    def home(self) -> Path:
        return self.hub.home

    def agency(self, code: str) -> Agency | None:
        return next((agency for agency in self.agencies if agency.code == code), None)

    def bank(self, code: str) -> Bank | None:
        return next((bank for bank in self.banks if bank.code == code), None)


_TABLES: Final[Mapping[str, type[_Table]]] = {
    "hub": HubTable, "clock": ClockTable, "kafka": KafkaTable, "database": DatabaseTable,
    "web": WebTable, "agencies": Agency, "banks": Bank,
}  # fmt: skip
_REPEATED: Final = frozenset({"agencies", "banks"})


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def load(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    profiles: frozenset[str] = PROFILES,
) -> Settings:
    """The settings of this hub: ``config``, else HUB_CONFIG, else hub.toml in HUB_HOME; then the environment over it.

    SettingsError names every fault; ConfigurationError says where a file was looked for.
    """
    variables = os.environ if environment is None else environment
    file = find(config, variables)
    reading = _Reading(file)
    reading.read_file()
    reading.read_environment(variables)
    return reading.settled(profiles)


def find(config: Path | None, variables: Mapping[str, str]) -> Path:
    """Which hub.toml holds; absolute."""
    if config is not None:
        file, why = config, "--config"
    elif variables.get("HUB_CONFIG"):
        file, why = Path(variables["HUB_CONFIG"]), "HUB_CONFIG"
    elif variables.get("HUB_HOME"):
        file, why = Path(variables["HUB_HOME"]) / "hub.toml", "HUB_HOME"
    else:
        raise ConfigurationError(
            "no hub.toml was named.",
            advice="Give --config FILE, or set HUB_CONFIG to the file or HUB_HOME to the folder that holds it.",
        )
    file = Path(os.path.normpath(Path.cwd() / file.expanduser()))
    if not file.is_file():
        raise ConfigurationError(f"there is no file {file} (from {why}).", advice="Name an existing hub.toml.")
    return file


class _Reading:
    """One configuration on its way: data, where each key came from, and the faults so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.data: dict[str, Any] = {}
        self.lines: dict[Place, int] = {}
        self.last_line = 1
        self.variables: dict[Place, str] = {}
        self.faults: list[SettingFault] = []

    def read_file(self) -> None:
        try:
            text = self.file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as wrong:
            line = wrong.object[: wrong.start].count(b"\n") + 1
            raise SettingsError([SettingFault(str(self.file), line, "", "is not UTF-8 text")]) from None
        except OSError as wrong:
            raise ConfigurationError(f"{self.file} cannot be read: {wrong.strerror}.") from wrong
        text = text.replace("\r\n", "\n")
        self.last_line = max(1, len(text.splitlines()))
        try:
            self.data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as wrong:
            told = re.search(r"at line (\d+)", str(wrong))
            line = int(told[1]) if told else self.last_line
            raise SettingsError([SettingFault(str(self.file), line, "", f"is not TOML: {wrong}")]) from None
        self.lines = lines_of(text)

    def read_environment(self, variables: Mapping[str, str]) -> None:
        """HUB_<TABLE>__<KEY>, HUB_<TABLE>__<N>__<KEY>; other variables are not ours to judge."""
        for name in sorted(variables, key=lambda name: [word.zfill(4) for word in name.split("__")]):
            if found := _VARIABLE.fullmatch(name):
                self._take_variable(name, found[1].lower(), found[2].lower().split("__"), variables[name])
        if home := variables.get("HUB_HOME"):
            table = self.data.setdefault("hub", {})
            if isinstance(table, dict):
                table["home"] = str(Path.cwd() / Path(home).expanduser())
                self.variables["hub", "home"] = "HUB_HOME"

    def _take_variable(self, name: str, table: str, words: list[str], value: str) -> None:
        if table not in _TABLES:
            self._fault_of_variable(name, f"there is no table [{table}]{_nearest(table, _TABLES)}")
            return
        target: Any = self.data.setdefault(table, [] if table in _REPEATED else {})
        place: Place = (table,)
        if table in _REPEATED:
            index = int(words[0]) if re.fullmatch(r"[0-9]{1,4}", words[0], re.ASCII) else -1
            if not isinstance(target, list) or not 0 <= index <= len(target) or len(words) < 2:
                known = len(target) if isinstance(target, list) else 0
                self._fault_of_variable(name, f"must count on from 0; hub.toml holds {known} {table}")
                return
            if index == len(target):
                target.append({})
            target, place, words = target[index], (table, index), words[1:]
        field = _TABLES[table].model_fields.get(words[0])
        if field is None or len(words) > 1:
            known_keys = _TABLES[table].model_fields
            self._fault_of_variable(name, f"is not a key of [{table}]{_nearest(words[0], known_keys)}")
        elif isinstance(target, dict):
            target[words[0]] = _from_text(value, field.annotation)
            self.variables[(*place, words[0])] = name

    def _fault_of_variable(self, name: str, message: str) -> None:
        self.faults.append(SettingFault("environment", None, name, message))

    def settled(self, profiles: frozenset[str]) -> Settings:
        """The settings, or SettingsError with all the faults in the order of the file."""
        settings = None
        for unknown in [key for key in self.data if key not in _TABLES]:
            self._fault((unknown,), f"is not a table of hub.toml{_nearest(unknown, _TABLES)}")
            del self.data[unknown]
        try:
            whole = {**self.data, "file": self.file}
            settings = Settings.model_validate(whole, context={"base": self.file.parent})
        except ValidationError as wrong:
            for error in wrong.errors(include_url=False):
                self._fault_of_pydantic(error)
        self._check_together(profiles)
        if self.faults or settings is None:
            in_file = [fault for fault in self.faults if fault.line is not None]
            of_variables = [fault for fault in self.faults if fault.line is None]
            raise SettingsError([*sorted(in_file, key=lambda fault: fault.line or 0), *of_variables])
        return settings

    def _fault(self, place: Place, message: str) -> None:
        key = ".".join(str(part) for part in place)
        above = [place[:length] for length in range(len(place), 0, -1)]
        if variable := next((self.variables[part] for part in above if part in self.variables), None):
            self._fault_of_variable(variable, message)
            return
        line = next((self.lines[part] for part in above if part in self.lines), self.last_line)
        self.faults.append(SettingFault(str(self.file), line, key, message))

    def _fault_of_pydantic(self, error: Any) -> None:
        place: Place = tuple(error["loc"])
        table = str(place[0])
        kind = str(error["type"])
        if kind == "missing":
            self._fault(place, "is missing")
        elif kind == "extra_forbidden":
            self._fault(place, f"is not a key of [{table}]{_nearest(str(place[-1]), _TABLES[table].model_fields)}")
        else:
            shown = "" if table == "database" else f"; found {_shown(error['input'])}"
            self._fault(place, _said(kind, error) + shown)

    def _check_together(self, profiles: frozenset[str]) -> None:
        """What a single value cannot show: duplicates, a start for the manual clock, directories that must differ."""
        clock = self.data.get("clock")
        if isinstance(clock, dict) and clock.get("mode") == "manual" and "start" not in clock:
            self._fault(("clock", "start"), "is missing; the manual clock begins there")
        for table in sorted(_REPEATED):
            self._check_codes(table)
        for index, bank in enumerate(self._entries("banks")):
            profile = bank.get("profile")
            if isinstance(profile, str) and profile and profile not in profiles:
                known = ", ".join(sorted(profiles))
                self._fault(("banks", index, "profile"), f"must be one of {known}; found {_shown(profile)}")
            else:
                self._check_signatures(index, bank)
            self._check_directories(index, bank)

    def _check_codes(self, table: str) -> None:
        first: dict[str, int] = {}
        for index, entry in enumerate(self._entries(table)):
            code = entry.get("code")
            if isinstance(code, str) and first.setdefault(code, index) != index:
                line = self.lines.get((table, first[code], "code"))
                where = f" (line {line})" if line else ""
                self._fault((table, index, "code"), f"{code} is there already{where}")

    def _check_signatures(self, index: int, bank: Mapping[str, object]) -> None:
        """Only what is right by itself is held against the profile; the rest is told already."""
        said, scheme = bank.get("signature"), bank.get("signature_scheme")
        for key, message in disagreements(
            profile_terms(str(bank.get("profile"))),
            result=Demand(said) if isinstance(said, str) and said in list(Demand) else None,
            scheme=Scheme(scheme) if isinstance(scheme, str) and scheme in list(Scheme) else None,
            signs=bool(bank.get("signing_key")),
            verifies=bool(bank.get("verify_keys")),
        ):
            self._fault(("banks", index, key), message)

    def _check_directories(self, index: int, bank: Mapping[str, object]) -> None:
        done = bank.get("done_dir")
        for other in ("inbound_dir", "outbound_dir"):
            path = bank.get(other)
            if isinstance(done, str) and isinstance(path, str) and posixpath.normpath(done) == posixpath.normpath(path):
                self._fault(("banks", index, "done_dir"), f"must differ from {other}")

    def _entries(self, table: str) -> list[dict[str, Any]]:
        entries = self.data.get(table)
        return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _from_text(value: str, annotation: Any) -> object:
    """A variable's text as the type its key has; what does not fit stays text and is refused like any wrong value."""
    if annotation is bool and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    if annotation is int and re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
        return int(value)
    if get_origin(annotation) is tuple and get_args(annotation):
        if value.lstrip().startswith("["):
            try:
                return json.loads(value)
            except ValueError:
                return value
        return [word.strip() for word in value.split(",")]
    return value


def _nearest(word: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _said(kind: str, error: Any) -> str:
    """pydantic's finding in our words."""
    context = error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    plain = {
        "string_type": "must be text in quotes",
        "int_type": "must be a whole number",
        "bool_type": "must be true or false",
        "model_type": "must be a table",
        "tuple_type": "must be a list",
        "path_type": "must be text in quotes",
        "is_instance_of": "must be text in quotes",
    }
    if kind in plain:
        return plain[kind]
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    if kind == "less_than_equal":
        return f"must be at most {context['le']}"
    return str(error["msg"])


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
