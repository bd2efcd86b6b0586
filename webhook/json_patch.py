"""The difference of two JSON values as an RFC 6902 patch, which is how a webhook answers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

Operation = dict[str, object]


def diff(old: object, new: object, path: str = "") -> list[Operation]:
    """Operations that, applied in order, make `new` of `old`; none if they are equal."""
    if _same(old, new):
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return list(_mappings(old, new, path))
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return list(_sequences(old, new, path))
    return [{"op": "replace", "path": path, "value": new}]


def _mappings(
    old: Mapping[str, object], new: Mapping[str, object], path: str
) -> Iterator[Operation]:
    for name in sorted(old.keys() | new.keys()):
        below = f"{path}/{_escaped(name)}"
        if name not in new:
            yield {"op": "remove", "path": below}
        elif name not in old:
            yield {"op": "add", "path": below, "value": new[name]}
        else:
            yield from diff(old[name], new[name], below)


def _sequences(old: Sequence[object], new: Sequence[object], path: str) -> Iterator[Operation]:
    """What is equal at both ends stays; between them item meets item, the rest comes or goes."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    paired = min(len(before), len(after))
    for index in range(paired):
        yield from diff(before[index], after[index], f"{path}/{head + index}")
    for _ in before[paired:]:
        yield {"op": "remove", "path": f"{path}/{head + paired}"}
    for index, value in enumerate(after[paired:], head + paired):
        yield {"op": "add", "path": f"{path}/{index}", "value": value}


def _common(old: Sequence[object], new: Sequence[object]) -> int:
    pairs = zip(old, new, strict=False)
    return sum(1 for _ in takewhile(lambda pair: _same(*pair), pairs))


def _same(old: object, new: object) -> bool:
    """Equal as JSON: Python takes `True` for 1, and a tuple for no list."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[k], new[k]) for k in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    return type(old) is type(new) and old == new


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
