"""Objects of one kind by namespace, the oldest first: how policies of security are looked up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from crds.meta import Key, Meta
from mesh.index import regroup
from mesh.order import rank
from mesh.store import Change


class HasMeta(Protocol):
    """An object of Kubernetes."""

    @property
    def meta(self) -> Meta:
        """Its metadata."""


Policy = TypeVar("Policy", bound=HasMeta)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByNamespace(Generic[Policy]):
    """`namespaces` has the keys of each namespace's objects."""

    objects: Mapping[Key, Policy] = field(default_factory=dict)
    namespaces: Mapping[str, frozenset[Key]] = field(default_factory=dict)

    def of(self, *namespaces: str) -> list[Policy]:
        """The objects of these namespaces, the oldest first."""
        return [self.objects[key] for key in self.keys(*namespaces)]

    def keys(self, *namespaces: str) -> list[Key]:
        """Their keys, in the same order."""
        found = {key for each in namespaces for key in self.namespaces.get(each, frozenset())}
        return sorted(found, key=lambda key: rank(self.objects[key].meta.created, key))


def advance(
    kind: type[Policy], index: ByNamespace[Policy], changes: Iterable[Change]
) -> tuple[ByNamespace[Policy], frozenset[str]]:
    """`index` after `changes` of objects of the kind, and the namespaces of those that changed."""
    edits = [change for change in changes if isinstance(change.old or change.new, kind)]
    if not edits:
        return index, frozenset()
    objects = dict(index.objects)
    for change in edits:
        objects.pop(change.key, None)
        if isinstance(change.new, kind):
            objects[change.key] = change.new
    namespaces = regroup(
        index.namespaces,
        [(c.key.namespace, c.key) for c in edits if c.old is not None],
        [(c.key.namespace, c.key) for c in edits if c.new is not None],
    )
    touched = frozenset(change.key.namespace for change in edits)
    return ByNamespace(objects=objects, namespaces=namespaces), touched
