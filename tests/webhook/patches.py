"""What the API server makes of a patch."""

import copy
from collections.abc import Sequence

from webhook.json_patch import Operation


def applied(document: object, patch: Sequence[Operation]) -> object:
    """RFC 6902, as far as `diff` uses it."""
    root: dict[str, object] = {"": copy.deepcopy(document)}
    for operation in patch:
        tokens = str(operation["path"]).split("/")
        target: object = root
        names = [token.replace("~1", "/").replace("~0", "~") for token in tokens]
        for name in names[:-1]:
            target = target[int(name)] if isinstance(target, list) else target[name]  # type: ignore[index]  # JSON
        _apply(target, names[-1], operation)
    return root[""]


def _apply(target: object, name: str, operation: Operation) -> None:
    match operation["op"], target:
        case "add", list():
            target.insert(int(name), operation["value"])
        case "remove", list():
            del target[int(name)]
        case "replace", list():
            target[int(name)] = operation["value"]
        case "remove", dict():
            del target[name]
        case "add" | "replace", dict():
            assert (name in target) == (operation["op"] == "replace")
            target[name] = operation["value"]
