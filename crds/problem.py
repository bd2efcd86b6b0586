"""What is wrong with an object, as a value.

Bad input never raises in the pure layers: it becomes a `Problem` that travels beside the result.
The CLI prints it, the
control plane logs it once, the webhook rejects on it, a status writer can post it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from crds.meta import Key, Origin

MAX_SHOWN_CHARS = 120
MAX_SHOWN_BITS = 128


class Severity(StrEnum):
    """`ERROR`: the object, or the part that `path` names, has no effect. `WARNING`: it works, but
    not all of it as meant.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with the way out in its message.

    `code` is stable and in kebab-case (`unknown-subset`), `path` is the field
    (`spec.http[0].route[0].destination`),
    `value` the offending value as the user wrote it. `object` is absent for a file that holds no
    readable object.
    """

    code: str
    severity: Severity
    message: str
    object: Key | None = None
    path: str = ""
    value: str | None = None
    origin: Origin | None = None

    def at(self, origin: Origin | None) -> "Problem":
        """The same problem, saying which file the object came from."""
        return self if origin is None or self.origin is not None else replace(self, origin=origin)

    @property
    def place(self) -> Origin | None:
        """The file and line of the field that is meant. This reads the document again: for what is
        shown, not for what is compared.
        """
        return self.origin.of(self.path) if self.origin is not None else None

    def __str__(self) -> str:
        parts = [str(part) for part in (self.place, self.object, self.path) if part]
        shown = f" (got {self.value!r})" if self.value is not None else ""
        text = ": ".join([*parts, self.message])
        return printable(f"{self.severity.value}[{self.code}] {text}{shown}")


def error(code: str, path: str, message: str, value: object = None) -> Problem:
    """A problem that makes its object, or the part that `path` names, unusable."""
    return Problem(
        code=code, severity=Severity.ERROR, message=message, path=path, value=shown(value)
    )


def warning(code: str, path: str, message: str, value: object = None) -> Problem:
    """A problem that the object works in spite of."""
    return Problem(
        code=code, severity=Severity.WARNING, message=message, path=path, value=shown(value)
    )


def printable(text: str) -> str:
    """One line that is safe to show: a terminal acts on control characters, and names of files and
    fields may hold any.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object) -> str | None:
    """A value in a few characters, whatever it is: never its whole depth, never all its digits."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            text = value
        case int() if value.bit_length() > MAX_SHOWN_BITS:
            return f"a number of {value.bit_length()} bits"
        case int() | float():
            text = str(value)
        case Mapping():
            return "{}" if not value else f"an object with {len(value)} fields"
        case list() | tuple():
            return "[]" if not value else f"a list of {len(value)}"
        case _:
            return f"a {type(value).__name__}"
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return clean if len(clean) <= MAX_SHOWN_CHARS else clean[: MAX_SHOWN_CHARS - 3] + "..."
