"""What an API server answers: objects, pages of a list, the lines of a watch, refusals.

All of it is bounded, for it is held in memory at once. Values in, values out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sources.errors import ApiError, Reason

MAX_LINE_BYTES = 8 << 20
"""Of one event of a watch. etcd takes objects of 1.5 MiB; as JSON they may be a few times that."""
MAX_REASON_CHARS = 64
_WORDS = {
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    409: Reason.CONFLICT,
    410: Reason.EXPIRED,
    422: Reason.INVALID,
}
"""For answers that are not the API server's own, such as a proxy's page."""

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list. `resource_version` is that of the whole list, the same on all its pages;
    with `more` the next page is asked for, until it is empty.
    """

    items: Sequence[Raw] = field(repr=False)
    resource_version: str
    more: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK; of a bookmark's object only the version
    means anything.
    """

    type: str
    object: Raw = field(repr=False)


EVENT_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})


class Lines:
    """Bytes in, lines out; what is not a whole line yet waits."""

    def __init__(self, most: int = MAX_LINE_BYTES) -> None:
        self._most = most
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """The lines that are whole now; raises `ValueError` at one that is too long."""
        searched = len(self._rest)
        self._rest += chunk
        end = self._rest.rfind(b"\n", searched)
        if end < 0:
            if len(self._rest) > self._most:
                raise ValueError("a line is too long")
            return ()
        lines = bytes(self._rest[:end]).split(b"\n")
        del self._rest[: end + 1]
        if any(len(line) > self._most for line in lines):
            raise ValueError("a line is too long")
        return [line for line in lines if line.strip()]

    def end(self) -> None:
        """Raises `ValueError` if a line was begun and not ended."""
        if self._rest.strip():
            raise ValueError("cut in the middle of a line")


def an_object(text: bytes) -> Raw:
    """A JSON object; raises `ValueError` or `RecursionError` for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def page(text: bytes) -> Page:
    """A part of a list; raises `ValueError` for anything else."""
    found = an_object(text)
    meta, items = found.get("metadata"), found.get("items")
    if not isinstance(meta, dict) or not isinstance(items, list | None):
        raise ValueError("no list")
    version, more = meta.get("resourceVersion"), meta.get("continue", "")
    if not isinstance(version, str) or not isinstance(more, str):
        raise ValueError("no list")
    kept = items or []
    if not all(isinstance(item, dict) for item in kept):
        raise ValueError("no list of objects")
    return Page(items=kept, resource_version=version, more=more)


def watch_event(line: bytes) -> WatchEvent:
    """One event; raises `ApiError` if it says that the watch failed, `ValueError` if it is none."""
    found = an_object(line)
    kind, item = found.get("type"), found.get("object")
    if not isinstance(item, dict):
        raise ValueError("no event")
    if kind == "ERROR":
        code = item.get("code")
        raise refusal(code if isinstance(code, int) else 500, item, None)
    if not isinstance(kind, str) or kind not in EVENT_TYPES:
        raise ValueError("no event")
    return WatchEvent(kind, item)


def refusal(status: int, body: object, retry_after: str | None) -> ApiError:
    """The error for an answer with this status, this body if it is JSON, and this header."""
    reason = _reason(body) or _WORDS.get(status, "")
    words = f"{status} ({reason})" if reason else str(status)
    wait = _seconds(retry_after) or _retry_after(body)
    return ApiError(f"the API server says {words}", status, reason, wait)


def refusal_of(status: int, text: bytes, retry_after: str | None) -> ApiError:
    """The same for a body that may be anything."""
    try:
        return refusal(status, json.loads(text), retry_after)
    except (ValueError, RecursionError):
        return refusal(status, None, retry_after)


def _reason(body: object) -> str:
    given = body.get("reason") if isinstance(body, dict) and body.get("kind") == "Status" else None
    if not isinstance(given, str) or len(given) > MAX_REASON_CHARS:
        return ""
    return given if given.isascii() and given.isalpha() else ""


def _retry_after(body: object) -> float | None:
    details = body.get("details") if isinstance(body, dict) else None
    given = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return float(given) if isinstance(given, int) and 0 < given < 1 << 31 else None


def _seconds(text: str | None) -> float | None:
    plain = text is not None and text.isascii() and text.isdecimal() and len(text) < 10
    return float(text) if text is not None and plain else None
