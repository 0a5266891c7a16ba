"""Dunning (催缴, C9, C11): who is dunned after the first posting, and who has to declare himself (自行申报, C8)."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from hub.domain.periods import Period


class DunningState(StrEnum):
    """Where a unit that is not paid in full stands until the second upload."""

    TO_DUN = "to-dun"  # nobody has named it again: a new date and mode are to be set
    NAMED = "named"  # its agency has named it in a second collection
    UNANSWERED = "unanswered"  # a bank was asked and has not answered: not dunned, an AGAIN naming it is refused
    NOT_ASKED = "not-asked"  # its bill came after the first upload and joins the second session by itself


def dunning_state(*, by_bank: bool, asked: bool, unanswered: bool, named: bool) -> DunningState:
    """Where a unit stands whose bill lacks something. ``by_bank``: its bill names an account; ``named``: by an AGAIN.

    An unanswered line is neither collected nor unarrived, whatever else was said about the unit (rules, section 3).
    """
    if unanswered:
        return DunningState.UNANSWERED
    if named:
        return DunningState.NAMED
    return DunningState.NOT_ASKED if by_bank and not asked else DunningState.TO_DUN


MONTHS_TO_DECLARE: Final = 2
"""Months running wholly in arrears (连续两个月以上全额欠缴), from which a unit may be required to declare itself (C8)."""


def months_running(wholly: Collection[Period], last_billed: Period) -> tuple[Period, ...]:
    """The months running, oldest first, up to the last one billed, for which nothing at all has arrived.

    *Our reading*: running is by the calendar. Months after the last one billed are passed over, since a unit that does
    not declare itself gets no report, and would otherwise be out of arrears by that.
    """
    running: list[Period] = []
    month = last_billed
    while month in wholly:
        running.append(month)
        month = month.previous()
    return tuple(reversed(running))


def must_declare(running: Collection[Period]) -> bool:
    """Whether months running wholly in arrears are enough to require a declaration."""
    return len(running) >= MONTHS_TO_DECLARE
