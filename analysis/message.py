"""One finding, with all that a reader needs: what, where, how bad, and what to do."""

from dataclasses import dataclass, replace

from analysis.code import Code
from analysis.severity import Severity
from crds.meta import Key, Origin
from crds.problem import printable, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`path` is the field (`spec.http[0].route[0].destination.subset`), `value` what the user wrote
    there, `text` one sentence on what is wrong and what comes of it, `remedy` one on the way out.
    `object` is absent for a file that holds no readable object. `origin` has the line of the field
    where that is known, else of the document.
    """

    code: Code
    severity: Severity
    object: Key | None
    path: str
    value: str | None
    text: str
    remedy: str
    origin: Origin | None = None

    def at(self, origin: Origin | None) -> "Message":
        """The same message, saying which file and line it is about."""
        return self if origin is None else replace(self, origin=origin)

    def __str__(self) -> str:
        """In istioctl's form, on one line."""
        parts = [friendly(self.object)] if self.object else []
        parts += [self.reference] if self.reference else []
        where = f" ({' '.join(parts)})" if parts else ""
        field = f"{self.path}: " if self.path else ""
        got = f" (got {self.value!r})" if self.value is not None else ""
        head = f"{self.severity.value} [{self.code.id}]{where}"
        return printable(f"{head} {field}{self.text}{got}")

    @property
    def advice(self) -> str:
        """What is wrong and what to do, in two sentences."""
        return f"{self.text.rstrip('.')}. {self.remedy}"

    @property
    def reference(self) -> str:
        """`file:line`; empty for what comes from no file."""
        if self.origin is None:
            return ""
        return self.origin.file + (f":{self.origin.line}" if self.origin.line else "")


def friendly(key: Key) -> str:
    """An object as istioctl names it: `Kind name.namespace`."""
    return f"{key.kind} {key.name}" + (f".{key.namespace}" if key.namespace else "")


def finding(
    code: Code,
    key: Key | None,
    path: str,
    text: str,
    *,
    value: object = None,
    remedy: str = "",
    severity: Severity | None = None,
) -> Message:
    """A message; `remedy` and `severity` are those of the code unless this finding has its own."""
    return Message(
        code=code,
        severity=severity or code.severity,
        object=key,
        path=path,
        value=shown(value),
        text=text,
        remedy=remedy or code.remedy,
    )


def rank(message: Message) -> tuple[int, str, tuple[str, str, str, str], str, str, str]:
    """The order of a report: the worst first, then by code, object, field and text."""
    key = message.object
    place = (key.namespace, key.kind, key.name, key.group) if key else ("", "", "", "")
    file = str(message.origin) if key is None and message.origin else ""
    return message.severity.rank, message.code.id, place, file, message.path, message.text
