"""What an analyzer may know: the mesh, all objects, and indexes over them that are built when the
first one asks, once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from analysis.pods import pods_of
from crds.core import Namespace, Pod, ServiceAccount
from crds.fields import EMPTY
from crds.kinds import Object
from crds.meta import Key, Meta
from mesh.mesh import Mesh
from mesh.proxy import Proxy, is_injected, proxy_from
from mesh.service_index import selects
from mesh.spelling import Names, names_of

Kind = TypeVar("Kind", bound=Object)
Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition in the status of an object that is `False`, at `status.conditions[index]`."""

    index: int
    type: str
    reason: str
    message: str


NO_CONDITIONS: Mapping[Key, Sequence[Condition]] = {}
NO_RAW: Mapping[Key, Raw] = {}
NO_OWNERS: Mapping[Key, Key] = {}
NO_IMAGES: Mapping[Key, str] = {}


class Facts:
    """Frozen in effect: it has no slots, for its indexes are kept as attributes.

    `objects` are all that could be read. `raw` has objects as they were written, of the kinds that
    are not read (a Deployment, a Telemetry): as far as they are known, which in a control plane
    they are not. No Secret is among them. `owners` has, for a pod that was made from a template,
    what holds the template. `focus`: only these objects are looked at, all others are known. Of the
    kinds that are `unknown` there may be more: a control plane does not read all ServiceAccounts.
    `proxy_images` says which proxy a pod that runs would get if it were made now, `conditions` what
    the status of mesh objects says against them.
    """

    def __init__(
        self,
        *,
        mesh: Mesh,
        objects: Mapping[Key, Object],
        raw: Mapping[Key, Raw] = NO_RAW,
        owners: Mapping[Key, Key] = NO_OWNERS,
        focus: Collection[Key] | None = None,
        unknown: Collection[str] = (),
        proxy_images: Mapping[Key, str] = NO_IMAGES,
        conditions: Mapping[Key, Sequence[Condition]] = NO_CONDITIONS,
    ) -> None:
        self.mesh = mesh
        self.objects = objects
        self.raw = raw
        self.owners = owners
        self.focus = focus
        self.proxy_images = proxy_images
        self.conditions = conditions
        self._unknown = frozenset(unknown)
        self._sorted: dict[type[object], Sequence[tuple[Key, Object]]] = {}

    def knows(self, kind: str) -> bool:
        """Whether all objects of a kind are known, so that one that is not there does not exist."""
        return kind not in self._unknown

    def subjects(self, kind: type[Kind]) -> Iterator[tuple[Key, Kind]]:
        """The objects of a kind to say something about, in the order of keys."""
        if self.focus is None:
            yield from self.every(kind)
            return
        known = self._focused.get(kind, ())
        yield from ((key, item) for key, item in known if isinstance(item, kind))

    @cached_property
    def _focused(self) -> Mapping[type[object], Sequence[tuple[Key, Object]]]:
        found: defaultdict[type[object], list[tuple[Key, Object]]] = defaultdict(list)
        for key in sorted(self.focus or ()):
            if (item := self.objects.get(key)) is not None:
                found[type(item)].append((key, item))
        return found

    def every(self, kind: type[Kind]) -> Sequence[tuple[Key, Kind]]:
        """All objects of a kind, in the order of keys: to look things up in."""
        known = self._sorted.get(kind)
        if known is None:
            known = self._sorted[kind] = sorted(self._kinds.get(kind, ()), key=_by_name)
        return [(key, item) for key, item in known if isinstance(item, kind)]

    def unread(self, kind: str) -> Iterator[tuple[Key, Raw]]:
        """The objects to say something about of a kind that is only known as it was written."""
        for key, raw in sorted(self.raw.items(), key=lambda pair: pair[0]):
            if key.kind == kind and (self.focus is None or key in self.focus):
                yield key, raw

    def meta(self, key: Key) -> Meta | None:
        """The metadata of an object that could be read."""
        item = self.objects.get(key)
        return item.meta if item is not None else None

    def annotations(self, key: Key) -> Mapping[str, str]:
        """Those of an object, as far as they are known."""
        meta = self.meta(key)
        if meta is not None:
            return meta.annotations
        metadata = self.raw.get(key, EMPTY).get("metadata")
        found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        items = found.items() if isinstance(found, Mapping) else ()
        return {n: v for n, v in items if isinstance(n, str) and isinstance(v, str)}

    @cached_property
    def _kinds(self) -> Mapping[type[object], Sequence[tuple[Key, Object]]]:
        found: defaultdict[type[object], list[tuple[Key, Object]]] = defaultdict(list)
        for key, item in self.objects.items():
            found[type(item)].append((key, item))
        return found

    @cached_property
    def namespaces(self) -> Mapping[str, Namespace]:
        """By name. Files need not have those that they put objects into."""
        return {key.name: item for key, item in self.every(Namespace)}

    @cached_property
    def used_namespaces(self) -> frozenset[str]:
        """Those that are written down, and those that objects are in."""
        used = {key.namespace for key in self.objects if key.namespace}
        return frozenset({*self.namespaces, *used})

    @cached_property
    def service_accounts(self) -> frozenset[tuple[str, str]]:
        """Namespace and name of those that exist: written down, Kubernetes' own, or a pod's."""
        written = {(key.namespace, key.name) for key, _ in self.every(ServiceAccount)}
        used = {(key.namespace, pod.service_account) for key, pod in self.every(Pod)}
        given = {(place, "default") for place in self.used_namespaces}
        return frozenset(written | used | given)

    @cached_property
    def account_names(self) -> Mapping[str, Names]:
        """The names of those, by namespace."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for namespace, name in self.service_accounts:
            found[namespace].add(name)
        return {namespace: names_of(each) for namespace, each in found.items()}

    @cached_property
    def namespace_names(self) -> Names:
        """The names of the namespaces that are used, for whoever misspells one."""
        return names_of(self.used_namespaces)

    def pods(self, namespace: str, selector: Mapping[str, str] = EMPTY) -> Sequence[Key]:
        """The pods of a namespace (`""`: of all) whose labels have all that is asked for."""
        buckets = [
            self._labelled.get((namespace, name, value), ()) for name, value in selector.items()
        ]
        if not buckets:
            return self._placed.get(namespace, ())
        return [key for key in min(buckets, key=len) if selects(selector, self._labels(key))]

    def labels(self, namespace: str) -> Mapping[str, Names]:
        """The values of each label of the pods of a namespace (`""`: of all)."""
        return self._values.get(namespace, {})

    @cached_property
    def _values(self) -> Mapping[str, Mapping[str, Names]]:
        found: dict[str, dict[str, list[str]]] = {}
        for namespace, name, value in self._labelled:
            found.setdefault(namespace, {}).setdefault(name, []).append(value)
        return {
            namespace: {name: names_of(values) for name, values in labels.items()}
            for namespace, labels in found.items()
        }

    @cached_property
    def kinds_of_pods(self) -> Mapping[str, tuple[tuple[Key, Pod], ...]]:
        """By namespace (`""`: of all), one of those pods that have not ended and are alike."""
        found: defaultdict[str, list[tuple[Key, Pod]]] = defaultdict(list)
        for key, pod in pods_of(self.every(Pod)):
            found[key.namespace].append((key, pod))
            found[""].append((key, pod))
        return {namespace: tuple(pods) for namespace, pods in found.items()}

    @cached_property
    def proxies(self) -> Mapping[Key, Proxy]:
        """Those of the pods that have one."""
        return {key: proxy_from(pod) for key, pod in self.every(Pod) if is_injected(pod)}

    def _labels(self, key: Key) -> Mapping[str, str]:
        meta = self.meta(key)
        return meta.labels if meta is not None else EMPTY

    @cached_property
    def _placed(self) -> Mapping[str, Sequence[Key]]:
        found: defaultdict[str, list[Key]] = defaultdict(list)
        for key, _ in self.every(Pod):
            found[key.namespace].append(key)
            found[""].append(key)
        return found

    @cached_property
    def _labelled(self) -> Mapping[tuple[str, str, str], Sequence[Key]]:
        found: defaultdict[tuple[str, str, str], list[Key]] = defaultdict(list)
        for key, pod in self.every(Pod):
            for name, value in pod.meta.labels.items():
                found[key.namespace, name, value].append(key)
                found["", name, value].append(key)
        return found


def _by_name(pair: tuple[Key, Object]) -> tuple[str, str]:
    """The order of keys of one kind; comparing the keys themselves takes five times as long."""
    return pair[0].namespace, pair[0].name
