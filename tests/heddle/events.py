"""Events from YAML text, as a source of files would send them."""

import yaml

from crds.decode import identify
from crds.meta import Key, Origin
from sources.events import Applied, Event

FILE = "file.yaml"


def applied(text: str, file: str = FILE) -> list[Event]:
    """The objects in YAML text, one document after the other."""
    found: list[Event] = []
    for number, raw in enumerate(yaml.safe_load_all(text), start=1):
        if raw is not None:
            found.append(Applied(key_of(raw), raw, Origin(file, number)))
    return found


def key_of(raw: object) -> Key:
    """The key of a raw object; fails the test if it has none."""
    assert isinstance(raw, dict)
    key = identify(raw).key
    assert key is not None, raw
    return key
