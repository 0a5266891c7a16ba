"""Work for a person: the queues in which it waits."""

from enum import StrEnum


class Queue(StrEnum):
    """Why somebody has to look."""

    QUARANTINE = "quarantine"  # a bank's file that does not fit what was asked
    LATE = "late"  # no answer when it was due
    MISSING = "missing"  # a session's request was due at its bank, and no file is proven to be there
    EARLY = "early"  # an answer before its request was proven sent
    EMPTY = "empty"  # an answer without lines
    SEQUENCE = "sequence"  # a gap or a repeat in a bank's numbers of results; a warning
    UNSENT = "unsent"  # a bank file that could not be delivered
    HOST_KEY = "host-key"  # a bank's server shows a key that is not pinned; the hub does not speak to it
    UNREACHABLE = "unreachable"  # a bank's server that cannot be used, or does not let the hub in
    SUSPENSE = "suspense"  # 暂收款: money beyond what was outstanding
    CONTROL_TOTALS = "control-totals"  # a hand-over whose totals do not match; that batch is stopped
    CALENDAR = "calendar"  # a step needs a day beyond the calendar's horizon
    DUNNING = "dunning"  # an agency's units that are not paid in full after the first posting
    SHADOW = "shadow"  # bills that this hub does not ask a bank in shadow for; files there that differ
    DEAD_LETTER = "dead-letter"  # an event that could not be taken
