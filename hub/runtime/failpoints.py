"""Places where a test makes a process die as by ``kill -9``: no cleanup, no flush, no goodbye.

``HUB_FAILPOINT=<name>`` dies the first time the place is reached, ``<name>:<n>`` the n-th time. Unset, nothing happens.
"""

import os
from collections import Counter
from typing import Final

VARIABLE: Final = "HUB_FAILPOINT"
KILLED: Final = 137
"""What a shell reports of a process that took SIGKILL."""

BEFORE_DB_COMMIT: Final = "before_db_commit"
AFTER_DB_COMMIT: Final = "after_db_commit"
AFTER_PUBLISH: Final = "after_publish"
AFTER_DERIVE: Final = "after_derive"
AFTER_FETCH: Final = "after_fetch"

_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Ends the process here when this is the place and the time that the environment names."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    place, _, turn = wanted.partition(":")
    if place == name:
        _reached[name] += 1
        if _reached[name] == int(turn or 1):
            os._exit(KILLED)
