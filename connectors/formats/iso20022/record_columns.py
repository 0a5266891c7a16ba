"""The records of a message as columns of their texts, in parts of bounded size.

Only what is certainly right passes: no prefix, no attribute but the currency, no reference but to the five signs that XML
names itself, white space anywhere. Whoever meets a doubt reads the message again by its elements (``document``), which finds
every fault and words it. What passes here, that reader takes with the same texts.

A part is cut into its records, and these at every ``<`` into pieces, each a tag and the text behind it. Records with the same
elements have the same number of pieces, which so make a table, a record a row: a tag is compared for all of them at once.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import BinaryIO, Final, NamedTuple

import polars as pl

from connectors.formats.column_file import DoubtError
from connectors.formats.iso20022 import document as by_elements
from connectors.formats.iso20022.document import Document
from connectors.formats.iso20022.elements import CURRENCY, Message, Place

PART_BYTES: Final = 4 << 20
"""About so many bytes are cut into pieces at once; they take some ten times the memory on their way."""
_HEAD_BYTES: Final = 1 << 18
"""What may stand before the end of the first record, and what may follow that of the last."""

PLACE: Final = "place"

_SPACE: Final = " \t\r\n"
_PLAIN: Final = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_SIGNS: Final = "[^<>&\ufffe\uffff]*"  # control characters are left to the grammars
_ANY_TEXT: Final = f"{_SIGNS}(?:&(?:amp|lt|gt|quot|apos);{_SIGNS})*"


class _Piece(NamedTuple):
    """A tag without its ``<``; that of a ``leaf``, with the column's name, has its text behind it.

    ``raw``: an expression for exactly the pieces that are right. Where the text may have other signs than its grammar names,
    among them some that are written as a reference, ``grammar`` is that of the text they stand for.
    """

    tag: str
    leaf: str = ""
    raw: str = ""
    grammar: str = ""

    @property
    def ends(self) -> bool:
        """Whether this is the end of an element."""
        return self.tag.startswith("/")


_Shape = tuple[_Piece, ...]
"""The pieces of a record, in order, of those elements that it has."""


class RecordColumns:
    """The records of one kind of message. A column is named after the path of its leaf; ``PLACE`` counts the records from 0.

    A leaf of an element that stands there several times has a column each, ``<path>[1]`` and so on; a leaf that a record
    does without is null there.
    """

    def __init__(self, message: Message) -> None:
        record = _record_of(message.root)
        assert record is not None, f"{message.name} has a {message.record}"
        self._message = message
        self._begin, self._end = f"<{message.record}>".encode(), f"</{message.record}>".encode()
        # The tag that ends the record is the end of a row.
        self._shapes = {len(shape) - 1: shape[:-1] for shape in _shapes_of(record, "")}
        assert len(self._shapes) == len(list(_shapes_of(record, ""))), (
            "records are told apart by how many tags they have"
        )
        self._columns = list(
            dict.fromkeys(piece.leaf for shape in self._shapes.values() for piece in shape if piece.leaf)
        )

    def read(self, data: BinaryIO, head: dict[str, list[str]]) -> Iterator[pl.DataFrame]:
        """The texts of all records, a row each, in parts, in each of which those with the same elements stand together.

        ``head`` fills with the texts outside of records: before the first part with those that stand there, then with all.

        DoubtError unless the document is well formed and ``Document`` would certainly find no fault in it. ``data`` is read
        once, to its end.
        """
        document, records, elements = Document(self._message, []), 0, 0
        beginning = data.read(_HEAD_BYTES)
        ended = beginning.find(self._end) + len(self._end)
        if ended < len(self._end) or not document.ends_first_record(beginning[:ended]):
            raise DoubtError("the head or the first record is in doubt")
        head.update(document.head)
        rest = beginning[max(beginning.rfind(self._begin, 0, ended), 0) :]
        going_on = True
        while going_on:
            cut = rest.rfind(self._end) + len(self._end)
            if cut >= len(self._end):
                texts, found = self._texts(rest[:cut], records)
                yield texts
                records, elements = records + len(texts), elements + found
                rest = rest[cut:]
            if len(rest) > _HEAD_BYTES or document.elements + elements > by_elements.MAX_ELEMENTS:
                raise DoubtError("a record is too long, or there are too many")
            piece = data.read(PART_BYTES)
            going_on, rest = bool(piece), rest + piece
        if not document.ends(rest):
            raise DoubtError("what follows the records is in doubt")
        head.update(document.head)

    def _texts(self, part: bytes, before: int) -> tuple[pl.DataFrame, int]:
        """The texts of whole records that follow so many, and how many elements they have."""
        try:
            whole = pl.Series([part], dtype=pl.Binary).cast(pl.String)
        except pl.exceptions.PolarsError as failure:
            raise DoubtError("no UTF-8") from failure
        records = whole.str.split(self._end.decode()).explode()[:-1]  # nothing follows the last end
        pieces = records.str.split("<")
        counts = pieces.list.len()
        frames, elements = [], 0
        for count in counts.unique():
            shape = self._shapes.get(count - 1)  # but for what stands before the first tag
            if shape is None:
                raise DoubtError("a record has other elements")
            places = (counts == count).arg_true()
            columns = pieces.gather(places).list.to_struct(fields=list(map(str, range(count)))).struct.unnest()
            texts = _leaves(shape, columns)
            missing = [pl.lit(None, pl.String).alias(name) for name in self._columns if name not in texts.columns]
            found = texts.select(pl.all(), *missing).select(self._columns)
            frames.append(found.with_columns((places + before).cast(pl.Int64).alias(PLACE)))
            elements += len(places) * sum(piece.ends for piece in shape)
        return pl.concat(frames), elements


def _leaves(shape: _Shape, pieces: pl.DataFrame) -> pl.DataFrame:
    """The texts of records that have the tags of this shape and keep their grammar, out of their pieces."""
    columns = [(pl.col(str(number)), piece) for number, piece in enumerate(shape, start=1)]
    if not _are(pieces, [(pl.col("0"), ""), *((column, piece.tag) for column, piece in columns if not piece.leaf)]):
        raise DoubtError("other tags than a record has")
    leaves = [(column, piece) for column, piece in columns if piece.leaf]
    if not _all(pieces, [column.str.contains(piece.raw) for column, piece in leaves]):
        raise DoubtError("a leaf has another tag, or its text differs from its grammar")
    texts = pieces.select(column.str.slice(len(piece.tag)).alias(piece.leaf) for column, piece in leaves)
    referring = [
        pl.col(piece.leaf)
        for _, piece in leaves
        if piece.grammar and texts[piece.leaf].str.contains("&", literal=True).any()
    ]
    if referring:
        texts = texts.with_columns(text.str.replace_many(list(_PLAIN), list(_PLAIN.values())) for text in referring)
    if not _all(texts, [pl.col(piece.leaf).str.contains(piece.grammar) for _, piece in leaves if piece.grammar]):
        raise DoubtError("a text differs from its grammar")
    return texts


def _are(pieces: pl.DataFrame, columns: list[tuple[pl.Expr, str]]) -> bool:
    """Whether columns hold one text each and white space behind it, which mostly is the same in all rows."""
    firsts = pieces.head(1).select(column for column, _ in columns).row(0)
    if any(first.rstrip(_SPACE) != text for first, (_, text) in zip(firsts, columns, strict=True)):
        return False
    same = pieces.select((column == first).all() for first, (column, _) in zip(firsts, columns, strict=True)).row(0)
    others = [
        column.str.strip_chars_end(_SPACE) == text
        for (column, text), alike in zip(columns, same, strict=True)
        if not alike
    ]
    return _all(pieces, others)


def _all(frame: pl.DataFrame, truths: list[pl.Expr]) -> bool:
    return (
        not truths or frame.select(pl.all_horizontal(truth.all(ignore_nulls=False) for truth in truths)).item() is True
    )


def _shapes_of(place: Place, which: str) -> Iterator[_Shape]:
    """Every sequence of tags that an element can have; ``which``: in the how manyth of an element repeated it stands."""
    if place.column is not None:
        assert place.column.exact or place.column.value is None, f"{place.path} is told by its pattern"
        tag = place.name + (f' Ccy="{CURRENCY}"' if place.takes_money else "") + ">"
        text = place.column.exact or place.column.pattern
        is_open = "[^" in text  # the grammar names the signs that may not stand there
        raw = _ANY_TEXT if is_open else text
        grammar = rf"\A(?:{text})\z" if is_open else ""
        yield _Piece(tag, place.path + which, rf"\A{re.escape(tag)}(?:{raw})\z", grammar), _Piece(f"/{place.name}>")
        return
    inner: list[list[_Shape]] = []
    for child in place.children.values():
        numbers = [f"[{number}]" for number in range(1, child.most + 1)] if child.most > 1 else [which]
        for number in numbers:
            shapes = list(_shapes_of(child, number))
            inner.append(shapes if child in place.required else [(), *shapes])
    for parts in product(*inner):
        yield _Piece(f"{place.name}>"), *(piece for part in parts for piece in part), _Piece(f"/{place.name}>")


def _record_of(place: Place) -> Place | None:
    """The record's place in a tree."""
    if place.is_record:
        return place
    return next((found for child in place.children.values() if (found := _record_of(child)) is not None), None)
