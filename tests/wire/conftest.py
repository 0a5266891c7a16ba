"""What the tests of the wire share."""

from collections.abc import Iterator

import pytest

from tests.wire.registry_server import RegistryServer


@pytest.fixture
def registry_server() -> Iterator[RegistryServer]:
    server = RegistryServer()
    try:
        yield server
    finally:
        server.close()
