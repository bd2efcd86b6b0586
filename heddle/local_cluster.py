"""A folder as a cluster would have it: pods made, addresses given, sidecars injected, endpoints
listed.

It stands between a source of files and the control plane; with a real API server none of it is
needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from crds.decode import decode, identify
from crds.mesh_config import CONFIG_MAP_KEY, DEFAULT_MESH_CONFIG, MeshConfig
from crds.meta import Key, Label, Origin
from crds.problem import Problem, Severity, warning
from heddle.injection import having
from heddle.intake import read_config, read_injection
from heddle.local.addresses import Allocation, Subnets
from heddle.local.expand import Expanded, expand
from heddle.local.names import Names, names, with_other_names
from heddle.local.pods import InjectedPod
from mesh.advance import CONFIG_KEY
from sources.events import Applied, Deleted, Event, Moved, Problems
from webhook import raw as raws
from webhook.inject import inject
from webhook.settings import InjectSettings
from webhook.values import NO_VALUES, with_values

Raw = Mapping[str, object]

EXPANDED = frozenset(
    {
        ("", "Namespace"),
        ("", "ServiceAccount"),
        ("", "Service"),
        ("", "Pod"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "ReplicaSet"),
        ("discovery.k8s.io", "EndpointSlice"),
    }
)
"""The kinds that pods, addresses and endpoints follow from; all others pass through."""

EXPANSION = "the local cluster"
"""The name under which problems of expansion and injection are reported."""


class LocalCluster:
    """Turns what a folder says into what a cluster would say."""

    def __init__(self, settings: InjectSettings, subnets: Subnets, *, started: bool = True) -> None:
        """`started`: pods are taken to be ready; otherwise not before `became_ready` says so."""
        self._base = settings
        self._settings = having(settings, DEFAULT_MESH_CONFIG)
        self._injection = NO_VALUES
        self._started = started
        self._allocation = Allocation(subnets=subnets)
        self._given: dict[Key, tuple[Raw, Origin | None]] = {}
        self._made: dict[Key, Raw] = {}
        self._ready: Mapping[str, bool] = {}
        self._problems: tuple[Problem, ...] = ()
        self._skipped: dict[str, str] = {}
        self._config = DEFAULT_MESH_CONFIG

    def apply(self, events: Iterable[Event]) -> list[Event]:
        """What the cluster says after the folder said `events`."""
        passed: list[Event] = []
        touched = False
        for event in events:
            if isinstance(event, Applied | Deleted | Moved) and _is_expanded(event.key):
                touched = True
                self._take(event)
                continue
            if isinstance(event, Applied | Deleted) and event.key == CONFIG_KEY:
                touched |= self._configure(event)
            passed.append(event)
        return [*self._expanded(), *passed] if touched else passed

    def _configure(self, event: Applied | Deleted) -> bool:
        """Whether pods are injected in another way from now on, or there is more to tell."""
        made = decode(event.raw).object if isinstance(event, Applied) else None
        selected = self._config.discovery_selectors
        self._config, _ = read_config(made, self._config)
        self._injection, _ = read_injection(made, self._injection)
        before = self._settings
        self._settings = having(with_values(self._base, self._injection), self._config)
        return self._settings != before or self._config.discovery_selectors != selected

    def _take(self, event: Applied | Deleted | Moved) -> None:
        match event:
            case Applied(key=key, raw=raw, origin=origin):
                self._given[key] = (raw, origin)
            case Moved(key=key, origin=origin) if key in self._given:
                self._given[key] = (self._given[key][0], origin)
            case Deleted(key=key):
                self._given.pop(key, None)

    def became_ready(self, ready: Mapping[str, bool]) -> list[Event]:
        """What the cluster says once pods, by namespace/name, are ready or no longer are."""
        if ready == self._ready:
            return []
        self._ready = dict(ready)
        return self._expanded()

    def _expanded(self) -> list[Event]:
        given = [self._given[key][0] for key in sorted(self._given)]
        expanded = self._expand(given)
        if kept := self._replaced(expanded):
            expanded = self._expand([*given, *kept])
        self._allocation = expanded.allocation
        made = {key: raw for raw in expanded.objects if (key := identify(raw).key) is not None}
        problems = [*expanded.problems, *_unselected(self._config)]
        self._skipped = {}
        for key in [key for key in made if _is_pod(key)]:
            made[key] = self._injected(key, made, problems)
        return [*self._differences(made), *self._reported(problems)]

    def _expand(self, given: Sequence[Raw]) -> Expanded:
        expanded = expand(given, self._allocation, self._ready)
        if self._started:
            return expanded
        names = [_name(key) for raw in expanded.objects if _is_pod(key := identify(raw).key)]
        if all(name in self._ready for name in names):
            return expanded
        ready = {name: self._ready.get(name, False) for name in names}
        return expand(given, self._allocation, ready)

    def _replaced(self, expanded: Expanded) -> list[Raw]:
        """Pods that a changed template replaces: they stay until all the new ones are ready."""
        made = {key: raw for key, raw in self._made.items() if _is_pod(key)}
        if not made:
            return []
        wanted = {_name(key): raw for raw in expanded.objects if _is_pod(key := identify(raw).key)}
        pending = {
            owner
            for name, raw in wanted.items()
            if (owner := _owner(raw)) and not self._ready.get(name, self._started)
        }
        return [
            raw for key, raw in made.items() if _name(key) not in wanted and _owner(raw) in pending
        ]

    def _injected(self, key: Key, made: Mapping[Key, Raw], problems: list[Problem]) -> Raw:
        namespace = made.get(Key("", "Namespace", "", key.namespace))
        injected = inject(made[key], namespace, self._settings)
        problems += injected.problems
        if injected.skipped is not None:
            self._skipped[_name(key)] = injected.skipped
        if injected.refused:
            reason = "its annotations are refused"
            self._skipped[_name(key)] = reason
        return injected.pod

    def _differences(self, made: Mapping[Key, Raw]) -> Iterator[Event]:
        before, self._made = self._made, dict(made)
        for key in before.keys() - made.keys():
            yield Deleted(key)
        for key, raw in made.items():
            origin = self._given[key][1] if key in self._given else None
            if before.get(key) != raw:
                yield Applied(key, raw, origin)
            elif origin is not None:
                yield Moved(key, origin)

    def _reported(self, problems: Sequence[Problem]) -> Iterator[Event]:
        located = tuple(
            problem.at(self._given[problem.object][1]) if problem.object in self._given else problem
            for problem in problems
        )
        if located != self._problems:
            self._problems = located
            yield Problems(EXPANSION, located)

    def pods(self) -> Mapping[str, InjectedPod]:
        """The pods to run, by namespace/name: all but those whose injection was refused."""
        refused = {
            problem.object
            for problem in self._problems
            if problem.severity is Severity.ERROR and problem.object is not None
        }
        return {
            _name(key): InjectedPod(raw=raw)
            for key, raw in self._made.items()
            if _is_pod(key) and key not in refused
        }

    @property
    def skipped(self) -> Mapping[str, str]:
        """Why a pod, by namespace/name, has no sidecar."""
        return dict(self._skipped)

    def owners(self) -> Mapping[str, str]:
        """What each pod that was not written down was made from, both as namespace/name."""
        return {name: owner for name, pod in self.pods().items() if (owner := _owner(pod.raw))}

    def names(self, others: Names) -> Names:
        """The addresses of Services and of pods that have names, as DNS would know them. `others`
        are further names, which an ExternalName may lead to.
        """
        made = self._made.values()
        services = (each for each in made if each.get("kind") == "Service")
        return with_other_names({**others, **names(made)}, services)


def _owner(pod: Raw) -> str:
    name = owner_name(pod)
    return f"{raws.text(raws.metadata(pod).get('namespace'))}/{name}" if name else ""


def owner_name(pod: Raw) -> str:
    """The Deployment or StatefulSet that a pod was made from; empty if it was written down."""
    references = raws.objects(raws.metadata(pod).get("ownerReferences"))
    names = [raws.text(each.get("name")) for each in references]
    template = raws.labels(pod).get(Label.POD_TEMPLATE_HASH, "")
    return names[0].removesuffix(f"-{template}") if names else ""


def _unselected(config: MeshConfig) -> Iterator[Problem]:
    if config.discovery_selectors:
        message = "has no effect on a folder: all of it is read, unlike with serve --kubernetes"
        path = f"data.{CONFIG_MAP_KEY}.discoverySelectors"
        yield replace(warning("no-effect", path, message), object=CONFIG_KEY)


def _is_pod(key: Key | None) -> TypeGuard[Key]:
    return key is not None and (key.group, key.kind) == ("", "Pod")


def _name(key: Key) -> str:
    return f"{key.namespace}/{key.name}"


def _is_expanded(key: Key) -> bool:
    return (key.group, key.kind) in EXPANDED
