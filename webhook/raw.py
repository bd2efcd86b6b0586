"""Reading raw JSON, whose shape nobody has checked: what is of the wrong type counts as absent."""

from collections.abc import Mapping
from types import MappingProxyType

NOTHING: Mapping[str, object] = MappingProxyType({})


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is an object, else an empty one."""
    # Nearly always a dict, and asking for that is six times faster than asking for a Mapping.
    if type(value) is dict:
        return value
    return value if isinstance(value, Mapping) else NOTHING


def objects(value: object) -> tuple[Mapping[str, object], ...]:
    """The objects in a list; empty if it is no list."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value if isinstance(item, Mapping))


def text(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def strings(value: object) -> dict[str, str]:
    """The string entries of an object, such as labels."""
    items = mapping(value).items()
    return {k: v for k, v in items if isinstance(k, str) and isinstance(v, str)}


def metadata(raw: Mapping[str, object]) -> Mapping[str, object]:
    """`metadata` of an object."""
    return mapping(raw.get("metadata"))


def spec(raw: Mapping[str, object]) -> Mapping[str, object]:
    """`spec` of an object."""
    return mapping(raw.get("spec"))


def labels(raw: Mapping[str, object]) -> dict[str, str]:
    """`metadata.labels` of an object."""
    return strings(metadata(raw).get("labels"))


def annotations(raw: Mapping[str, object]) -> dict[str, str]:
    """`metadata.annotations` of an object."""
    return strings(metadata(raw).get("annotations"))


def containers(pod: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """All containers of a pod, the init containers first."""
    found = spec(pod)
    return (*objects(found.get("initContainers")), *objects(found.get("containers")))
