"""Files and folders that a command names, read once."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from crds.decode import DEFAULT_NAMESPACE
from crds.mesh_config import CONFIG_MAP_KEY
from crds.meta import Key, Origin
from crds.problem import warning
from sources.errors import SourceError
from sources.events import Applied, Event, Problems
from sources.folder import Content, Folder
from sources.scan import MAX_FILE_BYTES, Found, content, limited, scan

STDIN = "-"
"""In place of a file: what is piped in."""
STDIN_NAME = "stdin"


def read_files(
    paths: Sequence[str], *, recursive: bool, stdin: bytes = b"", namespace: str = DEFAULT_NAMESPACE
) -> list[Event]:
    """What the files hold; of a folder those in it, and below it if `recursive`. Objects that name
    no namespace are put into `namespace`. Raises `SourceError` for what cannot be read at all.
    """
    contents: dict[str, Content] = {}
    odd: dict[str, str] = {}
    for path in paths:
        if path == STDIN:
            contents[STDIN_NAME] = stdin
            continue
        root = os.path.normpath(path)
        if (piped := _piped(root)) is not None:
            contents[root] = piped
            continue
        found = _found(root)
        wanted = found.files if recursive else _directly(found.files, root)
        contents |= {os.path.normpath(file): content(file) for file in wanted}
        odd |= found.unlisted
        odd |= found.odd if recursive else _directly(found.odd, root)
    folder = Folder()
    states = {file: folder.read(file, held) for file, held in contents.items()}
    news = [_moved(event, namespace) for event in folder.take(states, ())]
    return [*news, *_unread(odd)]


def mesh_config(path: Path, key: Key) -> Applied:
    """The file's MeshConfig as the ConfigMap that has it. Raises `SourceError` if it cannot be
    read.
    """
    held = content(str(path))
    if not isinstance(held, bytes):
        raise SourceError(f"{path} {held.reason if held else 'is no file'}")
    meta = {"name": key.name, "namespace": key.namespace}
    data = {CONFIG_MAP_KEY: held.decode("utf-8-sig", "replace")}
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    return Applied(key, raw, Origin(str(path)))


def _piped(path: str) -> Content:
    """What a pipe has, such as a shell makes of `<(helm template .)`; None if it is none."""
    try:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            return None
        with open(path, "rb") as pipe:
            return limited(pipe.read(MAX_FILE_BYTES + 1))
    except OSError:
        return None  # whoever looks at it next says why


def _found(path: str) -> Found:
    try:
        return scan(path)
    except OSError as failure:
        raise SourceError(f"{path} cannot be read: {failure.strerror}") from failure


def _directly(files: Mapping[str, object], root: str) -> dict[str, str]:
    """Those that are the root itself, or in the folder that it is."""
    return {f: str(why) for f, why in files.items() if root in (f, os.path.dirname(f))}


def _unread(odd: Mapping[str, str]) -> Iterator[Event]:
    for path, reason in sorted(odd.items()):
        problem = replace(warning("no-file", "", f"is not read: {reason}"), origin=Origin(path))
        yield Problems(path, (problem,))


def _moved(event: Event, namespace: str) -> Event:
    """The event with its object in `namespace`, if the object names none."""
    if not isinstance(event, Applied) or event.key.namespace != DEFAULT_NAMESPACE:
        return event
    metadata = event.raw.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("namespace"):
        return event
    key = Key(event.key.group, event.key.kind, namespace, event.key.name)
    raw = {**event.raw, "metadata": {**metadata, "namespace": namespace}}
    return Applied(key, raw, event.origin)


def applied(events: Iterable[Event]) -> Iterator[Applied]:
    """The objects among what a source says."""
    return (event for event in events if isinstance(event, Applied))
