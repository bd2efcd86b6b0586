"""The files that pages refer to, read once; a browser asks again only whether they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import Final

_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file; `tag` is the hash of what it holds, as an ETag."""

    body: bytes
    content_type: str
    tag: str


def static_files() -> Mapping[str, StaticFile]:
    """All of them by name: nothing else is ever opened, whatever a request names."""
    found = {}
    for each in files("heddle.page").joinpath("static").iterdir():
        content_type = _TYPES.get("." + each.name.rpartition(".")[2])
        if each.is_file() and content_type:
            body = each.read_bytes()
            tag = blake2b(body, digest_size=8).hexdigest()
            found[each.name] = StaticFile(body=body, content_type=content_type, tag=f'"{tag}"')
    return found
