"""A sheet's total is the sum of its rows, whatever the rows; CSV and JSON say the same."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from hub.app.cli.sheets import as_csv, harmless
from hub.domain.money import yuan
from hub.ledger.forms import FORMS, Measure, Question, Sheet, SheetRow, fill

FIELDS = ("count", "pension", "unemployment", "injury", "maternity")
fen = st.integers(min_value=0, max_value=10**14)
measures = st.builds(Measure, st.integers(min_value=0, max_value=10**7), fen, fen, fen, fen)
keys = st.tuples(st.from_regex(r"[0-9]{6}", fullmatch=True), st.from_regex(r"[A-Z0-9]{2,12}", fullmatch=True))
sheets = st.builds(
    lambda rows: Sheet(form=FORMS["t27"], period="2026-12", round=1, rows=tuple(rows)),
    st.lists(st.builds(SheetRow, keys, st.tuples(*[measures] * 4)), max_size=8),
)


@given(sheets)
def test_total_adds_the_measures_up(sheet: Sheet) -> None:
    document = sheet.as_json()
    for measure in ("requested", "arrived", "unarrived", "unanswered"):
        for field in (*FIELDS, "total"):
            assert document["total"][measure][field] == sum(row[measure][field] for row in document["rows"])
        assert document["total"][measure]["total"] == sum(document["total"][measure][field] for field in FIELDS[1:])


@given(sheets)
def test_csv_and_json_say_the_same(sheet: Sheet) -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(sheet))))
    flat = [
        {"agency": row["agency"], "bank": row["bank"]}
        | {f"{name}_{field}": str(row[name][field]) for name in sheet.form.measures for field in (*FIELDS, "total")}
        for row in sheet.as_json()["rows"]
    ]
    assert read == flat


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(cell: str) -> None:
    assert not harmless(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert harmless(cell).endswith(cell)


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_yuan_for_reading_is_exact(amount: int) -> None:
    whole, cents = yuan(amount).replace(",", "").split(".")
    assert (int(whole.lstrip("-")) * 100 + int(cents)) * (-1 if amount < 0 else 1) == amount


def test_requested_is_arrived_unarrived_and_unanswered(books: Connection) -> None:
    """Invariant 1, per fund and count, on every row of every session form."""
    for name in ("f8", "t27"):
        for question in (Question(period="2026-12", round=each) for each in (1, 2, None)):
            for row in fill(books, FORMS[name], question).rows:
                requested, arrived, unarrived, unanswered = row.measures
                assert requested == arrived.plus(unarrived).plus(unanswered)
