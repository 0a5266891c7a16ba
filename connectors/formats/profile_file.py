"""Reads a bank's file profile: what its requests and results look like, as data (``profiles/*.toml``, one file each).

A profile that could lose money is not loaded: every fund, count and sum has its field, every field has room for the
largest value, every code has one outcome. Columns and records are made out of it elsewhere (``profile_records``); this
module knows no Polars.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART, REASONS
from hub.domain.errors import ConfigurationError
from hub.domain.funds import FUND_NAMES
from hub.domain.signatures import SIG_SUFFIX

FieldName = Literal[
    "constant", "bank", "batch no", "period", "round", "date", "request file name",
    "line", "instruction id", "unit", "account", "account name", "partial", "code", "bank reference",
    "pension", "unemployment", "injury", "maternity", "total", "requested", "deducted",
    "count", "count paid in full", "hash total", "request line", "deducted before", "reason",
]  # fmt: skip
"""What a field of a bank file can be bound to; faults call it by this name."""

Encoding = Literal["gb18030", "utf-8"]
Amounts = Literal["yuan", "fen"]
Outcome = Literal["paid in full", "paid in part", "unpaid"]

MONEY: Final = (*FUND_NAMES, "total", "requested", "deducted", "deducted before")
"""Fields that hold an amount in a detail line and a sum of amounts in a trailer."""
COUNTS: Final = ("line", "request line", "count", "count paid in full")

PLACES: Final = (
    "request.header",
    "request.detail",
    "request.trailer",
    "result.header",
    "result.detail",
    "result.trailer",
)
CHANGE_PLACES: Final = ("change.header", "change.detail", "change.trailer")
"""Of a profile whose bank can change what it has answered."""
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "request.header": ("bank", "batch no", "period", "round", "date"),
    "request.detail": (
        "line", "instruction id", "unit", "account", "account name", *FUND_NAMES, "total", "partial",
    ),
    "request.trailer": ("count", *FUND_NAMES, "total", "hash total"),
    "result.header": ("bank", "batch no", "request file name", "date"),
    "result.detail": (
        "line", "instruction id", "unit", "requested", "deducted", *FUND_NAMES, "code", "bank reference",
    ),
    "result.trailer": ("count", "requested", "deducted", *FUND_NAMES),
    "change.header": ("bank", "date"),
    "change.detail": (
        "batch no", "request line", "instruction id", "unit", "deducted before", "deducted", *FUND_NAMES, "code",
        "bank reference", "reason",
    ),
    "change.trailer": ("count", "deducted before", "deducted", *FUND_NAMES),
}  # fmt: skip
"""Fields without which a record could not say all that the hub asks or is told."""
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {"result.trailer": ("count paid in full",)}

LINE_DIGITS: Final = 9
HASH_TOTAL_DIGITS: Final = 12
FEN_DIGITS: Final[Mapping[str, int]] = {"amount": 12, "sum": 16}  # 9999999999.99, and 14 digits before the point
_YUAN_WIDTH: Final[Mapping[str, int]] = {"amount": 13, "sum": 17}
_LONGEST: Final[Mapping[str, int]] = {
    "bank": 12, "batch no": 36, "period": 7, "round": 1, "date": 10, "line": LINE_DIGITS, "instruction id": 36,
    "unit": 12, "account": 32, "account name": 4, "partial": 1, "bank reference": 1, "count": LINE_DIGITS,
    "count paid in full": LINE_DIGITS, "request line": LINE_DIGITS, "reason": 1, "hash total": HASH_TOTAL_DIGITS,
}  # fmt: skip
"""Bytes of the longest value that a field must hold; of a name, one character; a reference is as long as the bank likes."""
_EXACT: Final = frozenset({"hash total"})  # its digits are agreed, one more would be another number

_FILE_NAME: Final = re.compile(
    r"(?P<begins>[A-Za-z0-9_.-]+)<bank>_<YYYYMMDD>_<seq(?: (?P<digits>[1-9]))?>(?P<ends>\.[A-Za-z0-9.]+)"
)
_SEQ_DIGITS_MAX: Final = 9
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_CONSTANT: Final = re.compile(r"[!-{}~]+(?: [!-{}~]+)*", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a profile: file, key, what was expected and what was found."""

    file: str
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where}: expected {self.expected}, found {self.found or 'nothing'}"


class ProfileError(ConfigurationError):
    """A bank file profile cannot be used; ``mistakes`` holds all that is wrong."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        listed = "\n".join(f"  {mistake}" for mistake in self.mistakes)
        many = "one mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__(f"a bank file profile has {many}:\n{listed}", advice="Correct what is named.")


def _matching(pattern: re.Pattern[str], must_be: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(must_be)
        return value

    return AfterValidator(check)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FieldSpec(_Table):
    """One field of a record. ``width`` in bytes: of every field of a fixed profile, of none but amounts otherwise.

    ``too_long``: what becomes of an account name that does not fit. ``refuse``: it is never written, which is a broken
    assumption; ``cut``: the bank gets as many whole characters as fit.
    """

    field: FieldName
    name: str | None = None
    text: Annotated[str, _matching(_CONSTANT, "printed characters without |")] | None = None
    width: Annotated[int, Field(ge=1, le=1000)] | None = None
    too_long: Literal["refuse", "cut"] = "refuse"

    @property
    def title(self) -> str:
        """What faults call it."""
        return self.name or self.field


_Fields = Annotated[tuple[FieldSpec, ...], Field(strict=False)]


class FileSpec(_Table):
    """A kind of file: the pattern of its name and the fields of its records, in order, after the record type."""

    name: Annotated[str, _matching(_FILE_NAME, "<letters><bank>_<YYYYMMDD>_<seq>.<ending>, <seq 4> for four digits")]
    header: _Fields
    detail: _Fields
    trailer: _Fields

    @property
    def name_begins(self) -> str:
        return self._parts()["begins"]

    @property
    def name_ends(self) -> str:
        return self._parts()["ends"]

    @property
    def seq_digits(self) -> int | None:
        """How many digits a sequence number has; None when that is left to the sender."""
        digits = self._parts()["digits"]
        return None if digits is None else int(digits)

    @property
    def name_pattern(self) -> str:
        """An expression for such names, with the groups ``bank``, ``day`` and ``seq``."""
        digits = self.seq_digits
        seq = f"[0-9]{{1,{_SEQ_DIGITS_MAX}}}" if digits is None else f"[0-9]{{{digits}}}"
        begins, ends = re.escape(self.name_begins), re.escape(self.name_ends)
        return f"{begins}(?P<bank>[A-Z0-9]{{2,12}})_(?P<day>[0-9]{{8}})_(?P<seq>{seq}){ends}"

    @property
    def longest_name(self) -> int:
        """Bytes of the longest such name."""
        seq = self.seq_digits or _SEQ_DIGITS_MAX
        return len(self.name_begins) + 12 + len("_YYYYMMDD_") + seq + len(self.name_ends)

    def _parts(self) -> re.Match[str]:
        found = _FILE_NAME.fullmatch(self.name)
        assert found is not None, "checked when it was read"
        return found


class CodeSpec(_Table):
    """A code of the bank and what it means; ``reason`` is the contract's code of an answer that deducts nothing."""

    code: Annotated[str, _matching(_CODE, "1 to 8 letters and digits")]
    outcome: Outcome
    reason: str | None = None

    @property
    def ours(self) -> str:
        """The contract's code (section 4)."""
        if self.outcome == "unpaid":
            assert self.reason is not None, "checked when it was read"
            return self.reason
        return PAID_IN_FULL if self.outcome == "paid in full" else PAID_IN_PART


class SignatureSpec(_Table):
    """Whether requests and results are signed, and how; hub.toml may ask for more and names the keys."""

    request: Literal["none", "optional", "required"] = "none"
    result: Literal["none", "optional", "required"] = "none"
    scheme: Literal["ed25519", "openpgp"] = "ed25519"


class Profile(_Table):
    """A bank file profile as its file says it, without a mistake."""

    name: Annotated[str, _matching(_NAME, "small letters, digits and -")]
    version: Annotated[int, Field(ge=1)]
    kind: Literal["delimited", "fixed"]
    encoding: Encoding
    # No other separator: it is the one character that no name may hold (contract section 1).
    separator: Literal["|"] | None = None
    padding: Literal[" "] | None = None
    amounts: Amounts
    completeness: Literal["ok-file"]
    max_lines: Annotated[int, Field(ge=1, lt=10**LINE_DIGITS)]
    deducts_parts: bool
    request: FileSpec
    result: FileSpec
    change: FileSpec | None = None
    codes: Annotated[tuple[CodeSpec, ...], Field(strict=False)]
    signature: SignatureSpec = SignatureSpec()

    @property
    def fixed(self) -> bool:
        return self.kind == "fixed"

    @property
    def our_codes(self) -> dict[str, str]:
        """The bank's codes, each with the contract's."""
        return {each.code: each.ours for each in self.codes}

    @property
    def places(self) -> tuple[str, ...]:
        """The records that the profile has."""
        return PLACES if self.change is None else (*PLACES, *CHANGE_PLACES)

    def fields_at(self, place: str) -> tuple[FieldSpec, ...]:
        """The fields of a record; ``place`` is one of ``places``."""
        file, _, record = place.partition(".")
        found: tuple[FieldSpec, ...] = getattr(getattr(self, file), record)
        return found


def money_kind(place: str) -> str:
    """Whether money there is the amount of a line or a sum of them."""
    return "sum" if place.endswith(".trailer") else "amount"


def read_profile(file: Traversable) -> Profile:
    """The profile in a file; ProfileError with every mistake of it."""
    return parse_profile(file.name, file.read_bytes())


def parse_profile(file: str, data: bytes) -> Profile:
    """As ``read_profile``, of the bytes of a file of this name."""
    try:
        tables = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise ProfileError([Mistake(file, "", "a TOML file in UTF-8", str(wrong))]) from None
    try:
        profile = Profile.model_validate(tables)
    except ValidationError as wrong:
        raise ProfileError(_of_pydantic(file, error) for error in wrong.errors(include_url=False)) from None
    mistakes = [Mistake(file, *found) for found in _mistakes(file, profile)]
    if mistakes:
        raise ProfileError(mistakes)
    return profile


_Found = tuple[str, str, str]  # key, expected, found


def _of_pydantic(file: str, error: Any) -> Mistake:
    key = ".".join(str(part) for part in error["loc"])
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "missing":
        return Mistake(file, key, "this key", "")
    if kind == "extra_forbidden":
        return Mistake(file, key, "a key of a profile", str(error["loc"][-1]))
    if kind == "value_error":
        return Mistake(file, key, str(context["error"]), _shown(error["input"]))
    if kind == "literal_error":
        return Mistake(file, key, str(context["expected"]), _shown(error["input"]))
    return Mistake(file, key, str(error["msg"]).removeprefix("Input should be "), _shown(error["input"]))


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _mistakes(file: str, profile: Profile) -> Iterator[_Found]:
    if file != f"{profile.name}.toml":
        yield "name", f"the name of its file, {file.removesuffix('.toml')}", profile.name
    for key, wanted, found in (
        ("separator", not profile.fixed, profile.separator), ("padding", profile.fixed, profile.padding),
    ):  # fmt: skip
        if wanted and found is None:
            yield key, f"one, for kind {profile.kind}", ""
        if not wanted and found is not None:
            yield key, f"none, for kind {profile.kind}", repr(found)
    if profile.request.seq_digits is None:
        yield "request.name", "a number of digits, <seq 4>", profile.request.name
    if profile.request.name_begins == profile.result.name_begins:
        yield "result.name", "another beginning than that of the request's name", profile.result.name
    named = {"request.name": profile.request, "result.name": profile.result}
    if profile.change is not None:
        named["change.name"] = profile.change
        if profile.change.name_begins in (profile.request.name_begins, profile.result.name_begins):
            yield "change.name", "another beginning than those of the other names", profile.change.name
    for key, spec in named.items():
        for beside in (".ok", SIG_SUFFIX):
            if spec.name_ends.endswith(beside):
                yield key, f"an ending that no {beside} file has", spec.name
    for place in profile.places:
        yield from _of_record(profile, place)
    yield from _of_codes(profile)


def _of_record(profile: Profile, place: str) -> Iterator[_Found]:
    """A record has each field it needs, once, and each field has room."""
    fields = profile.fields_at(place)
    times = Counter(spec.title for spec in fields)
    bound = {spec.field for spec in fields}
    for needed in _NEEDED[place]:
        if needed not in bound:
            yield place, f"a field {needed}", ""
    for title, count in times.items():
        if count > 1:
            yield place, f"one field {title}", str(count)
    allowed = {"constant", *_NEEDED[place], *_ALLOWED.get(place, ())}
    for number, spec in enumerate(fields):
        key = f"{place}.{number}"
        if spec.field not in allowed:
            yield f"{key}.field", f"a field of a {place}", spec.field
        else:
            yield from _of_field(profile, place, key, spec)


def _of_field(profile: Profile, place: str, key: str, spec: FieldSpec) -> Iterator[_Found]:
    constant = spec.field == "constant"
    if constant and (spec.name is None or spec.name in get_args(FieldName)):
        yield f"{key}.name", "a name of its own for the constant", spec.name or ""
    if constant and spec.text is None:
        yield f"{key}.text", "the text of the constant", ""
    for what, found in (("name", spec.name), ("text", spec.text)):
        if not constant and found is not None:
            yield f"{key}.{what}", f"none, for a field {spec.field}", found
    if spec.too_long == "cut" and not (profile.fixed and spec.field == "account name"):
        yield f"{key}.too_long", "refuse; only an account name of fixed width may be cut", "cut"
    by_digits = profile.amounts == "fen" and spec.field in MONEY
    if not profile.fixed and not by_digits:
        if spec.width is not None:
            yield f"{key}.width", "none, for a field that ends at a separator", str(spec.width)
        return
    least = _least_width(profile, place, spec)
    if spec.width is None or spec.width < least:
        yield f"{key}.width", f"at least {least} bytes for the largest {spec.title}", str(spec.width or "")
    elif spec.field in _EXACT and spec.width != least:
        yield f"{key}.width", f"{least} bytes", str(spec.width)


def _least_width(profile: Profile, place: str, spec: FieldSpec) -> int:
    if spec.field in MONEY:
        return (FEN_DIGITS if profile.amounts == "fen" else _YUAN_WIDTH)[money_kind(place)]
    if spec.field == "constant":
        return len(spec.text or "")
    if spec.field == "request file name":
        return profile.request.longest_name
    if spec.field == "code":
        return max((len(each.code) for each in profile.codes), default=1)
    return _LONGEST[spec.field]


def _of_codes(profile: Profile) -> Iterator[_Found]:
    """Every code has one outcome, and every outcome that a bank can tell has a code."""
    for code, times in Counter(each.code for each in profile.codes).items():
        if times > 1:
            yield "codes", f"code {code} once", str(times)
    for number, each in enumerate(profile.codes):
        if each.outcome == "unpaid" and each.reason not in REASONS:
            yield f"codes.{number}.reason", f"one of {', '.join(REASONS)}", each.reason or ""
        if each.outcome != "unpaid" and each.reason is not None:
            yield f"codes.{number}.reason", f"none, for a code that is {each.outcome}", each.reason
    told = {each.outcome for each in profile.codes}
    for outcome in get_args(Outcome):
        if outcome == "paid in part" and not profile.deducts_parts:
            if outcome in told:
                yield "codes", "no code paid in part, as no parts are deducted", "one"
        elif outcome not in told:
            yield "codes", f"a code that is {outcome}", ""
