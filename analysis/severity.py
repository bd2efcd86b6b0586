"""How bad a finding is, in istioctl's words."""

from enum import StrEnum


class Severity(StrEnum):
    """`ERROR`: something does not work. `WARNING`: it probably does not work as meant. `INFO`: good
    to know.
    """

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _ORDER.index(self)


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)
