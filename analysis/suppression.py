"""Findings that somebody does not want to hear of: told on the command line, or written on the
object itself.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from analysis.facts import Facts
from analysis.message import Message, friendly
from crds.meta import Annotation, Key


@dataclass(frozen=True, slots=True)
class Suppression:
    """As istioctl has it: a code, and the objects as `Kind name.namespace`. `*` stands for any
    text, `?` for any character.
    """

    code: str
    objects: str

    def covers(self, message: Message) -> bool:
        """Whether the message is one of these."""
        if message.code.id != self.code:
            return False
        return any(fnmatchcase(name, self.objects) for name in _names(message.object))


def suppression(text: str, known: Collection[str]) -> Suppression | None:
    """What `CODE=Kind name.namespace` says; None if it is not of this form, or not a known code."""
    code, equals, objects = text.partition("=")
    if not equals or code.strip() not in known or not objects.strip():
        return None
    return Suppression(code.strip(), objects.strip())


def unsuppressed(
    messages: Iterable[Message], facts: Facts, suppressions: Collection[Suppression] = ()
) -> Sequence[Message]:
    """The messages that are left. An object's annotation has the codes that do not matter there,
    with commas between, or `*`.
    """
    return [
        message
        for message in messages
        if not _accepted(facts, message) and not any(each.covers(message) for each in suppressions)
    ]


def _names(key: Key | None) -> tuple[str, ...]:
    if key is None:
        return ()
    # As the report has it, and as other tools write it.
    return friendly(key), str(key)


def _accepted(facts: Facts, message: Message) -> bool:
    if message.object is None:
        return False
    written = facts.annotations(message.object).get(Annotation.SUPPRESS, "")
    codes = {code.strip() for code in written.split(",")}
    return "*" in codes or message.code.id in codes
