"""The little month, for papers of real books."""

from tests.ledger.forms.conftest import books

__all__ = ["books"]
