"""Which scopes a change of a host concerns: those that see it, and those that may come to.

Without this each change of a host would look at every scope there is.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from mesh.mesh import Mesh
from mesh.scope import Scope
from mesh.visibility import audiences, imported_namespaces

Held = TypeVar("Held")


class Audience(Generic[Held]):
    """The parts that are held, by what their scopes see and by where they may see more."""

    def __init__(self) -> None:
        self._seeing: dict[str, set[Held]] = {}
        self._open: set[Held] = set()
        """Those that see whatever is exported to them."""
        self._by_namespace: dict[str, set[Held]] = {}
        self._importing: dict[str, set[Held]] = {}
        self._places: dict[Held, tuple[str, frozenset[str] | None]] = {}

    def place(self, mesh: Mesh, held: Held, scope: Scope) -> None:
        """Remembers where the scope of a part may see hosts from."""
        self._displace(held)
        namespaces = imported_namespaces(mesh, scope)
        self._places[held] = scope.namespace, namespaces
        self._by_namespace.setdefault(scope.namespace, set()).add(held)
        if namespaces is None:
            self._open.add(held)
        for namespace in namespaces or ():
            self._importing.setdefault(namespace, set()).add(held)

    def saw(self, held: Held, hosts: Iterable[str], *, seen: bool) -> None:
        """Remembers that a part has these hosts, or has them no longer."""
        for host in hosts:
            if seen:
                self._seeing.setdefault(host, set()).add(held)
            elif host in self._seeing:
                _discard(self._seeing, host, held)

    def forget(self, held: Held, hosts: Iterable[str]) -> None:
        """Forgets a part, which has these hosts."""
        self.saw(held, hosts, seen=False)
        self._displace(held)

    def of(self, mesh: Mesh, host: str) -> frozenset[Held]:
        """The parts that have `host`, or may now get it."""
        found = set(self._seeing.get(host, ()))
        for namespace, exports in audiences(mesh, host):
            importing = self._importing.get(namespace, set())
            if "*" in exports:
                found |= self._open | importing
            else:
                exported = {held for each in self._exported(exports) for held in each}
                found |= exported & (self._open | importing)
        return frozenset(found)

    def _exported(self, namespaces: Iterable[str]) -> Iterator[set[Held]]:
        return (self._by_namespace.get(namespace, set()) for namespace in namespaces)

    def _displace(self, held: Held) -> None:
        if held not in self._places:
            return
        own, namespaces = self._places.pop(held)
        _discard(self._by_namespace, own, held)
        self._open.discard(held)
        for namespace in namespaces or ():
            _discard(self._importing, namespace, held)


def _discard(groups: dict[str, set[Held]], name: str, held: Held) -> None:
    groups[name].discard(held)
    if not groups[name]:
        del groups[name]
