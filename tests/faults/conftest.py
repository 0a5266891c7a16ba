"""The cities of these tests are those of the processors' tests."""

from tests.processors.conftest import asked, city, new_city

__all__ = ["asked", "city", "new_city"]
