"""Reads one message of ISO 20022 as a stream: its records one by one, the texts around them, every fault of its form.

expat of the standard library, with all that a bank's message has no use for refused at its first byte: document type
declarations and so entities, other encodings than UTF-8, comments, processing instructions, CDATA. Nothing is fetched,
nothing refers to anything. What one element, text or tag may take is capped, since expat before 2.6 reads an unfinished
tag anew with every piece of the file.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final, NamedTuple, NoReturn
from xml.parsers import expat

from connectors.formats import line_file
from connectors.formats.grammar import shown
from connectors.formats.iso20022.elements import CURRENCY, NAMESPACE, Message, Place
from hub.domain.faults import Fault, FaultCode

PIECE_BYTES: Final = 1 << 16
MAX_TAG_BYTES: Final = 1 << 14
"""Of a tag or reference that does not end within the piece it began in."""
MAX_TEXT: Final = 4096  # characters; the longest text that any grammar of the profile passes has 140
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 100_000_000
MAX_STRANGE: Final = 1000
"""Elements out of place; a message with more is no message of this kind, and is not read to its end."""

HEAD: Final = 1
"""The line that faults of what stands outside of the records bear; the nth record is line n + 1."""

_OUR_MONEY: Final = {"Ccy": CURRENCY}

_SCHEMA_HINT: Final = "http://www.w3.org/2001/XMLSchema-instance "  # where a schema lies; nobody looks there
_ENCODING_MARKS: Final = {
    codecs.BOM_UTF8: "EF BB BF",
    codecs.BOM_UTF16_LE: "FF FE, UTF-16",
    codecs.BOM_UTF16_BE: "FE FF, UTF-16",
}

Texts = Mapping[str, Sequence[str]]
"""The texts of leaves by path, in the order of the document."""


class Record(NamedTuple):
    """One record. ``line``: where it stands when the head is line 1 and each record a line of its own.

    ``sound``: all its elements are in place and keep their grammar.
    """

    line: int
    texts: Texts
    sound: bool


class _StoppedError(Exception):
    """The rest of the document is not to be read; the fault is noted."""


class _Open:
    """An element that has begun and not ended: how many of each child it has had, and how far in their order it is."""

    __slots__ = ("counts", "latest", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.counts: dict[Place, int] = {}
        self.latest = 0


class Document:
    """One message. ``head`` fills with the texts outside of records while ``records`` is read, once."""

    def __init__(self, message: Message, faults: list[Fault]) -> None:
        self.head: dict[str, list[str]] = {}
        self.whole = False
        """The document is well formed to its end."""
        self._message = message
        self._faults = faults
        self._open: list[_Open] = []
        self._strange_depth = 0  # how deep in an element out of place
        self._strange = 0
        self._elements = 0
        self._text: list[str] = []
        self._text_size = 0
        self._line = HEAD
        self._default_namespaces: list[tuple[int, str | None]] = []  # how deep each is declared
        self._bytes = 0  # of the document read
        self._fed = 0  # of those that expat has seen
        self._records = 0
        self._texts: dict[str, list[str]] = self.head
        self._faults_before = 0  # the record in hand
        self._done: list[Record] = []
        self._ended = False
        self._behind = ""  # what follows the root element
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._parser = self._new_parser()

    @property
    def elements(self) -> int:
        """How many have begun so far."""
        return self._elements

    def records(self, data: BinaryIO) -> Iterator[Record]:
        """Every record, those at fault too, as the document is read; ``data`` is read in pieces to its end."""
        try:
            while piece := data.read(PIECE_BYTES):
                self._go_on(piece)
                yield from self._handed_over()
            self._end_document()
        except _StoppedError:
            pass
        yield from self._handed_over()

    def ends_first_record(self, beginning: bytes) -> bool:
        """Whether a document that begins so is right so far, has just ended its first record, and gives names without a
        prefix to the message there."""
        try:
            self._go_on(beginning)
        except _StoppedError:
            return False
        ended = self._records == 1 == len(self._done) and not self._strange_depth
        return ended and not self._faults and self._default_namespaces == [(0, self._message.namespace)]

    def ends(self, end: bytes) -> bool:
        """Whether the document, its records behind the first left out, is right when it ends so."""
        try:
            self._go_on(end)
            self._end_document()
        except _StoppedError:
            return False
        return self._records == 1 and not self._faults

    def _go_on(self, piece: bytes) -> None:
        self._parse(self._decoded(piece))

    def _end_document(self) -> None:
        self._parse(self._decoded(b""))
        self._parse("", last=True)
        self.whole = True

    def _handed_over(self) -> list[Record]:
        done, self._done = self._done, []
        return done

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("UTF-8", " ")
        parser.buffer_text = True
        parser.buffer_size = MAX_TEXT
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartNamespaceDeclHandler = self._namespace
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._document_type
        parser.CommentHandler = self._no_comment
        parser.ProcessingInstructionHandler = self._no_instruction
        parser.StartCdataSectionHandler = self._no_cdata
        parser.DefaultHandler = self._other
        return parser

    def _decoded(self, piece: bytes) -> str:
        """Strict UTF-8 without a byte order mark and without NUL, which expat would only call not well formed.

        An empty piece is the end of the document.
        """
        if self._bytes == 0:
            for mark, found in _ENCODING_MARKS.items():
                if piece.startswith(mark):
                    self._stop("encoding", FaultCode.ENCODING, "UTF-8 without a byte order mark", found)
        place = piece.find(b"\0")
        if place >= 0:
            self._stop("Document", FaultCode.CONTROL_CHARACTER, "no NUL", f"one at byte {self._bytes + place + 1}")
        try:
            text = self._decoder.decode(piece, not piece)
        except UnicodeDecodeError as failure:
            at = failure.object[failure.start : failure.start + 4].hex(" ").upper()
            self._stop("encoding", FaultCode.ENCODING, "valid UTF-8", f"{at} after byte {self._bytes}")
        self._bytes += len(piece)
        return text

    def _parse(self, text: str, *, last: bool = False) -> None:
        parser, piece = self._parser, text.encode()
        self._fed += len(piece)
        try:
            parser.Parse(piece, last)
            if self._fed - max(parser.CurrentByteIndex, 0) > MAX_TAG_BYTES:
                self._stop("Document", FaultCode.TOO_LARGE, f"at most {MAX_TAG_BYTES} bytes a tag", "more")
        except expat.ExpatError as failure:
            what, at = expat.ErrorString(failure.code), f"line {failure.lineno}, column {failure.offset + 1}"
            if self._ended:
                self._stop("Document", FaultCode.RECORD_TYPE, "nothing after </Document>", f"more at {at}")
            if last:
                self._stop("Document", FaultCode.TRAILER_MISSING, "</Document> at the end", f"{what} at {at}")
            self._stop("Document", FaultCode.GRAMMAR, "well-formed XML", f"{what} at {at}")

    # -- what a message has no use for ----------------------------------------------------------------------------

    def _declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            self._stop("encoding", FaultCode.ENCODING, "UTF-8", shown(encoding))
        if version != "1.0":
            self._stop("Document", FaultCode.HEADER, "XML 1.0", shown(version))

    def _document_type(self, *_: object) -> None:
        self._stop("Document", FaultCode.HEADER, "no document type declaration, so no entities", "<!DOCTYPE")

    def _no_comment(self, _: str) -> None:
        self._stop("Document", FaultCode.RECORD_TYPE, "no comments", "<!--")

    def _no_instruction(self, target: str, _: str) -> None:
        self._stop("Document", FaultCode.RECORD_TYPE, "no processing instructions", shown(f"<?{target}"))

    def _no_cdata(self) -> None:
        self._stop("Document", FaultCode.RECORD_TYPE, "no CDATA sections", "<![CDATA[")

    def _other(self, text: str) -> None:
        """White space around the root element; one line end may follow it, as editors leave it there."""
        if not self._open and not self._ended:
            self._text_size += len(text)
            if self._text_size > MAX_TEXT:
                self._stop("Document", FaultCode.TOO_LARGE, f"at most {MAX_TEXT} characters before <Document>", "more")
        if self._ended:
            self._behind += text
            if self._behind != "\n":
                self._stop("Document", FaultCode.RECORD_TYPE, "nothing after </Document>", shown(self._behind))

    def _namespace(self, prefix: str | None, name: str | None) -> None:
        if prefix is None:
            self._default_namespaces.append((len(self._open), name))

    # -- elements -------------------------------------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            self._stop("Document", FaultCode.TOO_LARGE, f"at most {MAX_ELEMENTS} elements", "more")
        if self._strange_depth:
            self._pass_over()
            return
        if not self._open:
            self._start_root(name, attributes)
            return
        if self._text:
            self._no_text(self._open[-1].place)
        above = self._open[-1]
        place = above.place.children.get(name)
        if place is None:
            awaited = ", ".join(child.name for child in above.place.children.values()) or "no element"
            self._note(above.place.path, FaultCode.RECORD_TYPE, awaited, shown(name.removeprefix(NAMESPACE)))
            self._pass_over()
            return
        if place.is_record:
            self._records += 1
            self._line = self._records + HEAD
            self._texts = {}
            self._faults_before = len(self._faults)
        else:
            count = above.counts.get(place, 0) + 1
            above.counts[place] = count
            if count > place.most:
                self._note(place.path, FaultCode.DUPLICATE, f"at most {place.most}", f"{count}")
                self._pass_over()
                return
        if place.order < above.latest:
            self._note(place.path, FaultCode.RECORD_TYPE, "the order of the schema", f"{place.name} too late")
        above.latest = place.order
        if place.takes_money:
            if attributes != _OUR_MONEY:
                found = " ".join(f'{each}="{text}"' for each, text in attributes.items())
                self._note(f"{place.path}/@Ccy", FaultCode.GRAMMAR, f'Ccy="{CURRENCY}"', shown(found))
        elif attributes:
            self._note(place.path, FaultCode.RECORD_TYPE, "no attributes", shown(" ".join(attributes)))
        self._open.append(_Open(place))

    def _start_root(self, name: str, attributes: Mapping[str, str]) -> None:
        root = self._message.root
        namespace, _, local = name.rpartition(" ")
        if local != root.name or namespace != self._message.namespace:
            expected = f"{root.name} of {self._message.namespace}"
            self._stop("Document", FaultCode.HEADER, expected, shown(f"{local} of {namespace or 'no namespace'}"))
        strange = [each for each in attributes if not each.startswith(_SCHEMA_HINT)]
        if strange:
            self._note(root.path, FaultCode.RECORD_TYPE, "no attributes", shown(" ".join(strange)))
        self._text_size = 0
        self._open.append(_Open(root))

    def _pass_over(self) -> None:
        """One more element within one out of place, which is passed over whole; its fault is noted."""
        self._strange += 1
        self._strange_depth += 1
        if self._strange > MAX_STRANGE or self._strange_depth > MAX_DEPTH:
            expected = f"at most {MAX_STRANGE} elements out of place, {MAX_DEPTH} deep"
            self._stop("Document", FaultCode.TOO_LARGE, expected, "more")

    def _end(self, _: str) -> None:
        if self._strange_depth:
            self._strange_depth -= 1
            return
        ended = self._open.pop()
        place = ended.place
        if place.column is not None:
            text = "".join(self._text)
            self._text.clear()
            self._text_size = 0
            fault = place.fault(self._line, text)
            if fault is not None:
                self._note(fault.field, fault.code, fault.expected, fault.found)
            self._texts.setdefault(place.path, []).append(text)
            return
        if self._text:
            self._no_text(place)
        for child in place.required:
            if child not in ended.counts:
                self._note(child.path, FaultCode.COLUMNS, f"a {child.name} in {place.name}", "")
        if place.is_record:
            self._done.append(Record(self._records + HEAD, self._texts, len(self._faults) == self._faults_before))
            self._line, self._texts = HEAD, self.head
        self._ended = not self._open

    def _characters(self, text: str) -> None:
        if self._strange_depth:
            return
        self._text_size += len(text)
        if self._text_size > MAX_TEXT:
            path = self._open[-1].place.path
            self._stop(path, FaultCode.TOO_LARGE, f"at most {MAX_TEXT} characters of text", "more")
        self._text.append(text)

    def _no_text(self, group: Place) -> None:
        """Between the elements of a group there is white space only."""
        text = "".join(self._text)
        self._text.clear()
        self._text_size = 0
        if text.strip(" \t\r\n"):
            self._note(group.path, FaultCode.GRAMMAR, "elements, no text between them", shown(text))

    # -- faults ---------------------------------------------------------------------------------------------------

    def _note(self, field: str, code: FaultCode, expected: str, found: str) -> None:
        self._faults.append(Fault(self._line, field, code, expected, found))
        if len(self._faults) >= line_file.MAX_FAULTS:
            self._stop("Document", FaultCode.TOO_LARGE, f"at most {line_file.MAX_FAULTS} faults", "more")

    def _stop(self, field: str, code: FaultCode, expected: str, found: str) -> NoReturn:
        """A fault of the whole document, after which nothing more of it can be told."""
        self._faults.append(Fault(None, field, code, expected, found))
        raise _StoppedError
