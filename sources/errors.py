"""What can go wrong with a source as a whole; what is wrong with one file is a `Problem` instead.

SourceError
└── ApiError          a request to an API server came to nothing
"""


class SourceError(Exception):
    """The source cannot be read at all: its message says why and what to do."""


class ApiError(SourceError):
    """A request to an API server came to nothing. `status` is its answer's, if there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
