"""How VirtualServices name Gateways (istio-api.md S-2)."""

from collections.abc import Iterable

MESH = "mesh"
"""The reserved name in `gateways` that stands for all sidecars."""


def gateway_name(name: str, namespace: str) -> str:
    """`namespace/name` of a Gateway that an object of `namespace` names; `mesh` stays."""
    if name == MESH:
        return MESH
    given, slash, rest = name.rpartition("/")
    if slash:
        return f"{namespace if given == '.' else given}/{rest}"
    first, dot, others = name.partition(".")  # the older form: gateway.namespace.svc...
    return f"{others.partition('.')[0]}/{first}" if dot else f"{namespace}/{name}"


def gateway_names(names: Iterable[str], namespace: str) -> tuple[str, ...]:
    """The Gateways that a list names, without the sidecars."""
    full = (gateway_name(name, namespace) for name in names)
    return tuple(dict.fromkeys(name for name in full if name != MESH))
