"""The forms (表) that the hub fills in from its books; one module each."""

from typing import Final

from hub.ledger.forms import (
    arrears,
    balances,
    f1,
    f2,
    f3,
    f4,
    f6,
    f7,
    f8,
    late_fees,
    subsidies,
    t5,
    t8,
    t9,
    t10,
    t26,
    t27,
    unit,
)
from hub.ledger.forms.form import Form, Measure, Question, Sheet, SheetRow, fill

_ALL: Final = (
    t5, t8, t9, t10, f6, t26, f7, f8, t27, f1, f2, f3, f4, balances, arrears, late_fees, unit, subsidies,
)  # fmt: skip
FORMS: Final[dict[str, Form]] = {module.FORM.name: module.FORM for module in _ALL}

__all__ = ["FORMS", "Form", "Measure", "Question", "Sheet", "SheetRow", "fill"]
