"""A bank file profile described from itself: names, records, fields, codes and limits, for the documents that banks read.

Nothing of a profile is told twice: what stands here is asked of the profile's own records and of the trees of its messages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from connectors.formats.element_words import ELEMENT_OF_FIELD, ELEMENT_WORDS
from connectors.formats.iso20022 import answer, document, notification, request
from connectors.formats.iso20022 import profile as iso20022
from connectors.formats.iso20022.elements import CURRENCY, Message, Place
from connectors.formats.iso20022.names import NOTIFICATION, REQUEST, RESULT
from connectors.formats.line_file import MAX_LINE_BYTES
from connectors.formats.line_profile import LineProfile
from connectors.formats.profile_file import FEN_DIGITS, Profile
from connectors.formats.profile_records import PlacedField
from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART
from hub.domain.field_words import FIELD_WORDS, FieldWords
from hub.domain.money import AMOUNT_GRAMMAR, TOTAL_GRAMMAR
from hub.ports import BankFormat


class FieldRow(NamedTuple):
    """A field of a record. ``place``: its number or its bytes, or in a message how often it is there, per record."""

    place: str
    width: str
    name: str
    words: FieldWords
    form: str


class RecordTable(NamedTuple):
    """A record, or a message: ``file`` is request, result or returns; ``record`` header, detail, trailer or a message's name."""

    file: str
    record: str
    rows: tuple[FieldRow, ...]


class CodeRow(NamedTuple):
    """A code of the bank, and the contract's code (section 4) for what it says."""

    code: str
    ours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A profile, as a bank has to know it. ``names``: patterns of names by kind of file; ``limits``: what every file keeps."""

    name: str
    version: str
    encoding: str
    kind: str
    of_messages: bool
    names: Mapping[str, str]
    amounts: tuple[str, ...]
    max_lines: int
    limits: tuple[str, ...]
    deducts_parts: bool
    tables: tuple[RecordTable, ...]
    codes: tuple[CodeRow, ...]


class BankTerms(NamedTuple):
    """How a profile writes what the hub calls by names and codes of its own. What is not there is written alike."""

    fields: Mapping[str, str]
    codes: Mapping[str, str]


def describe(profile: BankFormat) -> Description:
    """A profile of lines, or the messages of ISO 20022; any other is a broken assumption."""
    if isinstance(profile, LineProfile):
        return _of_lines(profile)
    assert isinstance(profile, iso20022.Iso20022), f"{profile.name} has no description"
    return _of_messages(profile)


def terms_of(profile: BankFormat) -> BankTerms:
    """The bank's own terms for what faults name."""
    if isinstance(profile, LineProfile):
        return BankTerms({}, {ours: theirs for theirs, ours in reversed(profile.profile.our_codes.items())})
    rejected = dict.fromkeys((*answer.REASONS.values(), answer.OTHER), answer.REJECTED)
    return BankTerms(ELEMENT_OF_FIELD, {PAID_IN_FULL: answer.PAID, PAID_IN_PART: answer.PARTS[0], **rejected})


def words_of(profile: BankFormat, field: str) -> FieldWords | None:
    """The words of a field or an element of a result, by the name that faults give it; None for what has none."""
    if isinstance(profile, LineProfile):
        return FIELD_WORDS.get(field)
    elements = ELEMENT_WORDS["result"]
    for path in (field, field.removesuffix("/@Ccy"), _without_place(field)):
        if path in elements:
            return elements[path]
    return FIELD_WORDS.get(field)


def _without_place(path: str) -> str:
    return "".join(part.partition("]")[2] if "]" in part else part for part in path.split("["))


# -- files of lines ---------------------------------------------------------------------------------------------------


def _of_lines(profile: LineProfile) -> Description:
    spec = profile.profile
    digits = FEN_DIGITS
    in_fen = (f"whole fen, at most {digits['amount']} digits; sums at most {digits['sum']} digits",)
    return Description(
        name=profile.name,
        version=str(profile.version),
        encoding=profile.encoding.upper(),
        kind="fields of fixed width, in bytes" if spec.fixed else f"fields split by {spec.separator}",
        of_messages=False,
        names={"request": spec.request.name, "result": spec.result.name, **_change_of(spec)},
        amounts=in_fen if spec.amounts == "fen" else (AMOUNT_GRAMMAR, TOTAL_GRAMMAR),
        max_lines=profile.max_lines,
        limits=("LF after the last line too", "no byte order mark", f"at most {MAX_LINE_BYTES} bytes a line"),
        deducts_parts=profile.deducts_parts,
        tables=tuple(_tables_of(profile.fields(), fixed=spec.fixed)),
        codes=tuple(CodeRow(each.code, each.ours) for each in spec.codes),
    )


def _change_of(spec: Profile) -> dict[str, str]:
    return {} if spec.change is None else {"change": spec.change.name}


def _tables_of(fields: tuple[PlacedField, ...], *, fixed: bool) -> Iterator[RecordTable]:
    for place, found in groupby(fields, key=lambda field: field.record):
        file, _, record = place.partition(".")
        rows = tuple(_row(field, fixed=fixed) for field in found)
        yield RecordTable(file, record, rows)


def _row(field: PlacedField, *, fixed: bool) -> FieldRow:
    last = field.place + (field.width or 1) - 1
    place = f"{field.place}–{last}" if fixed and last > field.place else str(field.place)
    width = "" if field.width is None else str(field.width)
    return FieldRow(place, width, field.name, FIELD_WORDS[field.name], field.grammar)


# -- messages ---------------------------------------------------------------------------------------------------------

_MESSAGES: Final = {"request": request.MESSAGE, "result": answer.MESSAGE, "returns": notification.MESSAGE}
FUND_GROUP: Final = "LineDtls"
_KINDS: Final = {"request": REQUEST, "result": RESULT, "returns": NOTIFICATION}


def _of_messages(profile: iso20022.Iso20022) -> Description:
    statuses = [CodeRow(answer.PAID, PAID_IN_FULL), *(CodeRow(each, PAID_IN_PART) for each in answer.PARTS)]
    reasons = [CodeRow(f"{answer.REJECTED} {reason}", ours) for reason, ours in answer.REASONS.items()]
    others = CodeRow(f"{answer.REJECTED} …", answer.OTHER)
    names = {kind: f"{begins}_<bank>_<YYYYMMDD>_<seq>.xml" for kind, begins in _KINDS.items()}
    return Description(
        name=profile.name,
        version=", ".join(message.name for message in _MESSAGES.values()),
        encoding=profile.encoding.upper(),
        kind="messages of ISO 20022, elements in the order of the schema",
        of_messages=True,
        names={**names, "request": f"{REQUEST}_<bank>_<YYYYMMDD>_<seq 4>.xml"},
        amounts=(AMOUNT_GRAMMAR, TOTAL_GRAMMAR),
        max_lines=profile.max_lines,
        limits=(
            "UTF-8 without a byte order mark",
            "no document type declaration, so no entities",
            "no comments",
            "no processing instructions",
            "no CDATA sections",
            f"at most {document.MAX_ELEMENTS} elements",
            f"at most {document.MAX_TEXT} characters of text",
            f"at most {document.MAX_TAG_BYTES} bytes a tag",
        ),
        deducts_parts=profile.deducts_parts,
        tables=tuple(
            RecordTable(kind, message.name, tuple(_rows(kind, message))) for kind, message in _MESSAGES.items()
        ),
        codes=(*statuses, *reasons, others),
    )


def _rows(kind: str, message: Message) -> Iterator[FieldRow]:
    for place, least, most in _leaves(message.root, 1, 1):
        column = place.column
        assert column is not None, "a leaf has its grammar"
        form = f'{column.expected}; Ccy="{CURRENCY}"' if place.takes_money else column.expected
        times = str(most) if least == most else f"{least}–{most}"
        yield FieldRow(times, "", place.path, ELEMENT_WORDS[kind][place.path], form)


def _leaves(place: Place, least: int, most: int) -> Iterator[tuple[Place, int, int]]:
    """The leaves in the order of the schema, and how often each is there in its record, at least and at most."""
    if place.column is not None:
        yield place, least, most
    for child in place.children.values():
        needed = child.is_record or child in place.required
        # Of the funds there are always all: fewer, or in another order, are refused.
        fewest = child.most if child.name == FUND_GROUP else 1
        yield from _leaves(child, least * fewest if needed else 0, most * child.most)
