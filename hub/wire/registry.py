"""A Confluent-compatible schema registry (Karapace, Confluent, Apicurio): ids of schemas and schemas of ids.

Two calls, answered once and remembered, since an id never changes its schema. Blocking; called from threads.
"""

import json
import threading
from http import HTTPStatus
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import schemas
from hub.domain.errors import HubError, RetriableError
from schemas import Schema

_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_TIMEOUT_SECONDS: Final = 5.0


class RegistryUnavailableError(RetriableError):
    """The schema registry does not answer."""


class SchemaRefusedError(HubError):
    """The schema registry refuses one of our schemas."""


class UnknownSchemaError(HubError):
    """The schema registry does not know the id, or what it has under it is no record."""


class Registry:
    """A client of the registry at ``url`` (http or https)."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("the schema registry's URL starts with http:// or https://")
        self._url = url.rstrip("/")
        self._lock = threading.Lock()
        self._ids: dict[tuple[str, bytes], int] = {}
        self._schemas: dict[int, Schema] = {}

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id of a schema under a subject, registered when it is new.

        Raises RegistryUnavailableError, or SchemaRefusedError when it is incompatible with what stands there.
        """
        known = self._ids.get((subject, schema.fingerprint))
        if known is not None:
            return known
        status, answer = self._call(f"/subjects/{quote(subject, safe='')}/versions", {"schema": schema.text})
        if status != HTTPStatus.OK:
            raise SchemaRefusedError(f"{schema.name} for {subject}: {answer.get('message', status)}")
        with self._lock:
            self._ids[subject, schema.fingerprint] = int(answer["id"])
        return int(answer["id"])

    def schema(self, schema_id: int) -> Schema:
        """The schema of an id. Raises RegistryUnavailableError or UnknownSchemaError."""
        known = self._schemas.get(schema_id)
        if known is not None:
            return known
        status, answer = self._call(f"/schemas/ids/{schema_id}", None)
        if status != HTTPStatus.OK:
            raise UnknownSchemaError(f"no schema has id {schema_id} at the registry")
        try:
            schema = schemas.from_text(answer["schema"])
        except Exception as error:  # a stranger's schema can be wrong in any way
            raise UnknownSchemaError(f"the schema of id {schema_id} is no record: {type(error).__name__}") from error
        with self._lock:
            self._schemas[schema_id] = schema
        return schema

    def _call(self, path: str, body: dict[str, str] | None) -> tuple[int, dict[str, Any]]:
        request = Request(  # noqa: S310 - the scheme is checked in the constructor
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE},
        )
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return response.status, json.load(response)
        except HTTPError as error:
            if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code == HTTPStatus.TOO_MANY_REQUESTS:
                raise RegistryUnavailableError(f"the schema registry answers {error.code}") from error
            return error.code, _json_or_nothing(error.read())
        except (URLError, OSError, ValueError) as error:
            raise RegistryUnavailableError(f"the schema registry does not answer: {error}") from error


def _json_or_nothing(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
