"""The forms (表) that the hub fills in from its books; one module each. 财表四 is not made yet."""

from typing import Final

from hub.ledger.forms import arrears, balances, f1, f2, f3, f6, f7, f8, subsidies, t5, t8, t9, t10, t26, t27, unit
from hub.ledger.forms.form import Form, Measure, Question, Sheet, SheetRow, fill

FORMS: Final[dict[str, Form]] = {
    module.FORM.name: module.FORM
    for module in (t5, t8, t9, t10, f6, t26, f7, f8, t27, f1, f2, f3, balances, arrears, unit, subsidies)
}
NOT_YET: Final = ("f4",)
"""Forms of the contract that this version does not fill in."""

__all__ = ["FORMS", "NOT_YET", "Form", "Measure", "Question", "Sheet", "SheetRow", "fill"]
