"""One hub for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.month.story import Story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Iterator[Story]:
    """A hub that is up, with its banks, on the 28th of October 2026; struck at the end, whatever happened."""
    told = Story(tmp_path_factory.mktemp("flow"), seed)
    try:
        told.scene.open()
        yield told
    finally:
        told.strike()
