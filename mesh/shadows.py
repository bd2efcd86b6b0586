"""Which VirtualServices lose a host to another, and for which clients: on sidecars the rules of one
host are not merged, the first object wins (istio-api.md S-7).
"""

from collections.abc import Mapping

from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh.virtual_services import VirtualServices


def winners(index: VirtualServices, key: Key, host: str) -> Mapping[Key, tuple[str, ...]]:
    """Who routes `host` instead of `key`, and for the clients of which namespaces; none where `key`
    wins everywhere. `""` stands for all namespaces that are not named.
    """
    rivals = index.hosts.get(host, frozenset())
    lost: dict[Key, list[str]] = {}
    for namespace in sorted(_audience(index.objects[key], [index.objects[r] for r in rivals])):
        winner = index.ranked(rivals, namespace)[0]
        if winner != key:
            lost.setdefault(winner, []).append(namespace)
    return {winner: tuple(namespaces) for winner, namespaces in lost.items()}


def _audience(own: VirtualService, rivals: list[VirtualService]) -> set[str]:
    """The namespaces that see `own`; of those that see it as all others do, one: `""`."""
    named = {n for each in rivals for n in _named(each)}
    if "*" in (own.export_to or ("*",)):
        return named | {"", own.meta.namespace}
    return _named(own)


def _named(virtual_service: VirtualService) -> set[str]:
    own = virtual_service.meta.namespace
    return {own if name == "." else name for name in virtual_service.export_to if name != "*"}
