"""What can go wrong in `heddle/local/`, apart from bugs.

LocalError
├── ModeUnavailable   the mode that was asked for does not work here
├── ProgramMissing    a program that containers need is not there, or is too old
├── CannotRun         one pod or container cannot be run as it is written
└── CommandFailed     `ip` or a launcher failed
"""


class LocalError(Exception):
    """Anything that the local runner raises. The text is a sentence for the user."""


class ModeUnavailable(LocalError):
    """The mode that was asked for does not work on this machine."""


class ProgramMissing(LocalError):
    """A program that containers need is not there, or is too old."""


class CannotRun(LocalError):
    """A pod cannot be run as it is written. `path` is the field, `value` what stands there."""

    def __init__(
        self, code: str, message: str, *, path: str = "", value: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.path = path
        self.value = value


class CommandFailed(LocalError):
    """A helper program failed."""
