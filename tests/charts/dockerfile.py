"""A Dockerfile, read: its stages and their instructions."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of them: `COPY`, and the text after it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[str]:
        """The texts of the instructions of a name."""
        return [each.text for each in self.instructions if each.name == name]

    def copies(self) -> list[tuple[list[str], str]]:
        """What is copied from the checkout, and where to."""
        words = [shlex.split(text) for text in self.all("COPY")]
        return [(w[:-1], w[-1]) for w in words if not w[0].startswith("--from=")]


def stages(path: Path) -> list[Stage]:
    """All of them, in order."""
    found: list[Stage] = []
    for name, text in _instructions(path.read_text()):
        if name == "FROM":
            base, _, stage = text.partition(" AS ")
            found.append(Stage(base, stage, ()))
        else:
            last = found.pop()
            with_it = (*last.instructions, Instruction(name, text))
            found.append(Stage(last.base, last.name, with_it))
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]
