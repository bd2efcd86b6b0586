"""What can go wrong with a source as a whole; what is wrong with one file is a `Problem` instead.

SourceError
└── ApiError          a request to an API server came to nothing
"""


class SourceError(Exception):
    """The source cannot be read at all: its message says why and what to do."""


class Reason:
    """The words of an API server for what it refuses, where a status alone does not tell."""

    ALREADY_EXISTS = "AlreadyExists"
    CONFLICT = "Conflict"
    EXPIRED = "Expired"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"
    NOT_FOUND = "NotFound"


class ApiError(SourceError):
    """A request to an API server came to nothing. `status` is its answer's, if there was one, and
    `reason` its word for it, such as those of `Reason`. `retry_after`: seconds that it wants us to
    wait. Nothing of what was sent or answered is in the text.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
