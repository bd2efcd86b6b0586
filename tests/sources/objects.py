"""Small objects, and a short form of events, for the tests of sources."""

from collections.abc import Iterable

from crds.meta import Key
from sources.events import Applied, Deleted, Event, Moved, Problems, Synced


def service(name: str, port: int = 80) -> str:
    return (
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n"
        f"spec:\n  ports:\n  - port: {port}\n"
    )


def key(name: str) -> Key:
    return Key("", "Service", "default", name)


def told(events: Iterable[Event]) -> list[str]:
    """`+a` applied, `>a` moved, `-a` deleted, `!file code ...` problems, `=` synced."""
    return [_short(event) for event in events]


def _short(event: Event) -> str:
    match event:
        case Applied(key=found):
            return f"+{found.name}"
        case Moved(key=found):
            return f">{found.name}"
        case Deleted(key=found):
            return f"-{found.name}"
        case Problems(file=file, problems=problems):
            codes = " ".join(problem.code for problem in problems)
            return f"!{file.rpartition('/')[2]} {codes}".rstrip()
        case Synced():
            return "="
