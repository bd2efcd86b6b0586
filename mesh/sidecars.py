"""Sidecars by namespace, and which of them a workload obeys (istio-api.md S-5)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from crds.fields import EMPTY
from crds.meta import Key
from crds.sidecar import Sidecar
from mesh.egress import Imports, imports
from mesh.index import regroup
from mesh.order import rank
from mesh.proxy import Mode
from mesh.service_index import selects
from mesh.store import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecars:
    """`imports` is what each object lets its workloads reach; `defaults` has, by namespace, the one
    for workloads that no other selects.
    """

    objects: Mapping[Key, Sidecar] = field(default_factory=dict)
    imports: Mapping[Key, Imports] = field(default_factory=dict)
    namespaces: Mapping[str, frozenset[Key]] = EMPTY
    defaults: Mapping[str, Key] = EMPTY

    def selecting(self, namespace: str, labels: Mapping[str, str]) -> Key | None:
        """The Sidecar that selects a workload by its labels; of several the oldest."""
        for key in self.ranked(self.namespaces.get(namespace, ())):
            wanted = self.selector(key)
            if wanted and selects(wanted, labels):
                return key
        return None

    def default(self, namespace: str, root: str) -> Key | None:
        """The Sidecar of workloads that none selects: the namespace's, or else the mesh's."""
        return self.defaults.get(namespace) or self.defaults.get(root)

    def ranked(self, keys: Iterable[Key]) -> list[Key]:
        """`keys`, the oldest first."""
        return sorted(keys, key=lambda key: rank(self.objects[key].meta.created, key))

    def selector(self, key: Key) -> Mapping[str, str]:
        """The labels that a workload needs to be selected; none: it is a default."""
        selector = self.objects[key].workload_selector
        return selector.labels if selector is not None else EMPTY


@dataclass(frozen=True, slots=True)
class Advanced:
    """The new index; the namespaces of changed Sidecars; and whether other workloads than before
    may be selected by their labels.
    """

    sidecars: Sidecars
    namespaces: frozenset[str]
    selections: bool


def advance(sidecars: Sidecars, changes: Iterable[Change]) -> Advanced:
    """`sidecars` after `changes`."""
    edits = [c for c in changes if isinstance(c.old or c.new, Sidecar)]
    if not edits:
        return Advanced(sidecars, frozenset(), selections=False)
    objects, imported = dict(sidecars.objects), dict(sidecars.imports)
    for change in edits:
        objects.pop(change.key, None)
        imported.pop(change.key, None)
        if isinstance(change.new, Sidecar):
            objects[change.key] = change.new
            imported[change.key] = imports(change.new)
    namespaces = regroup(
        sidecars.namespaces,
        ((c.key.namespace, c.key) for c in edits if c.old is not None),
        ((c.key.namespace, c.key) for c in edits if c.new is not None),
    )
    new = Sidecars(objects=objects, imports=imported, namespaces=namespaces)
    return Advanced(
        replace(new, defaults=_defaults(new)),
        frozenset(c.key.namespace for c in edits),
        selections=any(_selects(c.old) != _selects(c.new) for c in edits)
        or any(
            _is_bound(sidecars.imports.get(c.key)) != _is_bound(imported.get(c.key)) for c in edits
        )
        or any(_names_secrets(c.old) != _names_secrets(c.new) for c in edits),
    )


def _defaults(sidecars: Sidecars) -> Mapping[str, Key]:
    found: dict[str, Key] = {}
    for key in sidecars.ranked(sidecars.objects):
        if not sidecars.selector(key):
            found.setdefault(key.namespace, key)
    return found


def _is_bound(imported: Imports | None) -> bool:
    """Whether it names addresses, which in proxy-port mode each pod has its own of."""
    return imported is not None and any(imported.bound(Mode.NONE))


def _names_secrets(sidecar: object) -> bool:
    """Whether its workloads show certificates of Secrets to their callers."""
    listeners = sidecar.ingress if isinstance(sidecar, Sidecar) else ()
    return any(each.tls is not None for each in listeners)


def _selects(sidecar: object) -> object:
    """What decides which workloads it selects by their labels, if it does."""
    if not isinstance(sidecar, Sidecar) or sidecar.workload_selector is None:
        return None
    return sidecar.workload_selector.labels, sidecar.meta.created


def shadowed_by(sidecars: Sidecars, key: Key) -> Iterator[Key]:
    """The older Sidecars of the namespace that take every workload from this one."""
    wanted = sidecars.selector(key).items()
    ranked = sidecars.ranked(sidecars.namespaces[key.namespace])
    for older in ranked[: ranked.index(key)]:
        taken = sidecars.selector(older).items()
        if bool(taken) == bool(wanted) and taken <= wanted:
            yield older
