"""What is wrong with an object, as a value.

Bad input never raises in the pure layers: it becomes a `Problem` that travels beside the result.
The CLI prints it, the
control plane logs it once, the webhook rejects on it, a status writer can post it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from crds.meta import Key, Origin


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

    def __str__(self) -> str:
        parts = [str(part) for part in (self.origin, self.object, self.path) if part]
        shown = f" (got {self.value!r})" if self.value is not None else ""
        return f"{self.severity.value}[{self.code}] {': '.join([*parts, self.message])}{shown}"
