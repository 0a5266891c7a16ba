"""The messages of the profile are messages of ISO 20022, by the schemas and models that others made."""

import importlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sepaxml
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

from connectors.formats.iso20022 import answer, notification
from connectors.formats.iso20022.elements import Message, Place
from hub.ports import RequestLine
from simulators.bank_program import decide
from tests.connectors.formats.iso20022.papers import LINES, answered, line, one_of_each, request_lines, written
from tests.connectors.formats.iso20022.test_notification import GOOD as RETURNS

PAIN_008 = xmlschema.XMLSchema(str(Path(sepaxml.__file__).parent / "schemas" / "pain.008.001.08.xsd"))


@settings(max_examples=50, deadline=None)
@given(request_lines())
def test_requests_are_valid_by_the_schema(lines: list[RequestLine]) -> None:
    PAIN_008.validate(written(lines)[0].decode())


def test_the_longest_request_is_valid_by_the_schema() -> None:
    longest = line(1, 999_999_999_999, 0, 0, 0, name="名" * 140, number="Z" * 34 + "-2")
    PAIN_008.validate(written([longest] * 1)[0].decode())


def test_the_schema_refuses_what_is_none() -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        PAIN_008.validate(written(LINES)[0].decode().replace("<PmtMtd>DD<", "<PmtMtd>XX<"))


def model_of(message: str) -> Any:
    """The models of a message, with ``Document`` among them."""
    name = message.replace(".", "_")
    return importlib.import_module(f"pyiso20022.{message[:4]}.{name}.{name}")


def read_by_model(message: str, content: bytes) -> Any:
    """The message as the model reads it; an element that the model does not know is an error."""
    strict = ParserConfig(
        fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True
    )
    return XmlParser(config=strict).from_bytes(content, model_of(message).Document)


def breaches(value: Any) -> Iterator[str]:
    """Where a message breaks what its model says of lengths, patterns' ends and elements that must be there."""
    for field in fields(value):
        held, rule = getattr(value, field.name), field.metadata
        each = held if isinstance(held, list) else [held]
        if rule.get("required") and (held is None or held == []):
            yield f"{type(value).__name__}.{field.name} is missing"
        if isinstance(held, list) and not rule.get("min_occurs", 0) <= len(held) <= rule.get("max_occurs", len(held)):
            yield f"{type(value).__name__}.{field.name} is there {len(held)} times"
        for one in each:
            if is_dataclass(one):
                yield from breaches(one)
            elif isinstance(one, str) and not rule.get("min_length", 0) <= len(one) <= rule.get("max_length", len(one)):
                yield f"{type(value).__name__}.{field.name} has {len(one)} characters"
            elif isinstance(one, Decimal) and len(one.as_tuple().digits) > rule.get("total_digits", 18):
                yield f"{type(value).__name__}.{field.name} has too many digits"


def tags_and_texts(content: bytes | str) -> list[tuple[str, str]]:
    root = ElementTree.fromstring(content)  # noqa: S314  our own
    return [(element.tag, (element.text or "").strip()) for element in root.iter()]


def test_the_models_find_what_is_wrong() -> None:
    long = answered(LINES, one_of_each).replace(b"GH-0002", b"G" * 36)
    assert list(breaches(read_by_model(answer.NAME, long))) == ["PaymentTransaction105.acct_svcr_ref has 36 characters"]
    with pytest.raises(Exception, match="Unknown property"):
        read_by_model(answer.NAME, answered(LINES, one_of_each).replace(b"TxSts>", b"TxStatus>"))


@settings(max_examples=25, deadline=None)
@given(request_lines(), st.integers(0, 99))
def test_answers_are_messages_by_the_models(lines: list[RequestLine], seed: int) -> None:
    content = answered(lines, lambda asked: decide(seed, asked))
    assert list(breaches(read_by_model(answer.NAME, content))) == []


@pytest.mark.parametrize(
    ("message", "content"),
    [(answer.NAME, answered(LINES, one_of_each)), (notification.NAME, RETURNS)],
    ids=[answer.NAME, notification.NAME],
)
def test_the_models_write_again_what_they_read_in_the_same_order(message: str, content: bytes) -> None:
    read = read_by_model(message, content)
    assert list(breaches(read)) == []
    again = XmlSerializer().render(read, ns_map={None: f"urn:iso:std:iso:20022:tech:xsd:{message}"})
    tags = [tag for tag, _ in tags_and_texts(content)]
    assert [tag for tag, _ in tags_and_texts(again)] == tags


@pytest.mark.parametrize("message", [answer.MESSAGE, notification.MESSAGE], ids=lambda each: each.name)
def test_the_order_of_elements_is_that_of_the_message(message: Message) -> None:
    """Our trees are narrower than the models, and in their order."""

    def compare(place: Place, model: Any, models: Any) -> None:
        names = [field.metadata.get("name", "") for field in fields(model)]
        ours = [child.name for child in place.children.values()]
        assert [name for name in names if name in ours] == ours, place.path
        for child in place.children.values():
            (field,) = (each for each in fields(model) if each.metadata.get("name") == child.name)
            types = str(field.type).replace("list[", "").replace("]", "").split("|")
            inner = getattr(models, next(each.strip() for each in types if each.strip() != "None"), None)
            if child.column is None:
                compare(child, inner, models)

    models = model_of(message.name)
    compare(message.root, models.Document, models)
