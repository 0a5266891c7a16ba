"""Operating failures. Refusals are values (``faults``), broken assumptions are ``assert``; this is the rest."""


class HubError(Exception):
    """Something outside the rules failed. ``retriable`` says whether the same call may succeed later."""

    retriable: bool = False

    def __init__(self, message: str = "", *, advice: str = "") -> None:
        """``message`` says what happened, ``advice`` what the user can do next; both end on the screen."""
        super().__init__(message or (self.__doc__ or "").strip())
        self.advice = advice
        self.outcome_unknown: bool | None = None
        """Whether what was asked may have happened all the same; a door says so of a delivery."""


class RetriableError(HubError):
    """A failure that time may heal: a connection, a lock, a server that is starting."""

    retriable = True


class ConfigurationError(HubError):
    """hub.toml or its environment cannot be used."""


class NotRunningError(HubError):
    """The hub is not running."""


class CalendarHorizonError(HubError):
    """A date beyond the working-day calendar is needed."""
