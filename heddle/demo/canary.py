"""The canaries in a folder of YAML: what the weights say, and the same file with other weights.

It reads the files by itself, not through the mesh's model: a demo that checks the mesh with the
mesh's own reading would agree with its mistakes. An edit replaces the characters of the weights and
nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

MAX_CHARS = 1 << 18
"""A larger file is not looked at: the event loop would stand still meanwhile."""

_BROKEN = (yaml.YAMLError, ValueError, RecursionError)
_MAX_DIGITS = 9
_ENOUGH = 10
"""A tenth of less is no whole weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A weighted destination. `version` is the `version` label that its subset selects, or the
    subset's name.
    """

    host: str
    subset: str
    version: str
    weight: int
    start: int
    end: int
    """Where the weight's characters start and end in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testers:
    """A rule that sends every request with a header to one version."""

    header: str
    value: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The first route of a VirtualService that splits one service's traffic by weight. `file` is
    its key in the input.
    """

    file: str
    service: str
    destinations: tuple[Destination, ...]
    testers: Testers | None

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each version."""
        weights: dict[str, float] = {}
        for destination in self.destinations:
            weights[destination.version] = weights.get(destination.version, 0) + destination.weight
        return weights


def canaries(texts: Mapping[str, str]) -> tuple[Canary, ...]:
    """The canaries in files of YAML; a file that cannot be read has none."""
    objects = [found for file, text in sorted(texts.items()) for found in _objects(file, text)]
    versions = _versions(objects)
    found = (_canary(one, versions) for one in objects if one.kind == "VirtualService")
    return tuple(canary for canary in found if canary is not None)


def reweighted(text: str, canary: Canary, weights: Iterable[int]) -> str:
    """The file's text with these weights in the canary's destinations, in their order."""
    pairs = list(zip(canary.destinations, weights, strict=True))
    for destination, weight in sorted(pairs, key=lambda pair: -pair[0].start):
        text = f"{text[: destination.start]}{weight}{text[destination.end :]}"
    return text


def edits(canary: Canary, number: int) -> tuple[tuple[int, ...], ...]:
    """So many changes of the weights, each unlike the one before; the last one shares the first two
    versions' part equally.

    An equal split that is there already ends at 80/20. Weights too small to be told apart so
    (1 and 1) become parts of a hundred.
    """
    first, second, *rest = (destination.weight for destination in canary.destinations)
    both = first + second if first + second >= _ENOUGH else 100
    parts = [round(both * part) for part in (0.5, 0.8, 0.7, 0.6)]
    final, one, other = [part for part in parts if part != first][:3]
    steps = [one if step % 2 else other for step in range(number - 1)] + [final]
    return tuple((step, both - step, *rest) for step in steps[:number])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    file: str
    kind: str
    namespace: str
    spec: Mapping[str, yaml.Node]


def _objects(file: str, text: str) -> Iterator[_Object]:
    # Composing nodes is slow; of a large folder only few files matter here.
    matters = "VirtualService" in text or "DestinationRule" in text
    if not matters or len(text) > MAX_CHARS:
        return
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except _BROKEN:
        return
    for document in documents:
        fields = _fields(document)
        kind = _text(fields.get("kind"))
        if kind in ("VirtualService", "DestinationRule"):
            metadata = _fields(fields.get("metadata"))
            yield _Object(
                file=file,
                kind=kind,
                namespace=_text(metadata.get("namespace")) or "default",
                spec=_fields(fields.get("spec")),
            )


def _versions(objects: Iterable[_Object]) -> dict[tuple[str, str], str]:
    """The `version` label of each subset, by the host in full and the subset's name."""
    found = {}
    for rule in objects:
        if rule.kind != "DestinationRule":
            continue
        host = _full(_text(rule.spec.get("host")), rule.namespace)
        for subset in _items(rule.spec.get("subsets")):
            fields = _fields(subset)
            version = _text(_fields(fields.get("labels")).get("version"))
            if version:
                found[host, _text(fields.get("name"))] = version
    return found


def _canary(service: _Object, versions: Mapping[tuple[str, str], str]) -> Canary | None:
    rules = [_fields(rule) for rule in _items(service.spec.get("http"))]
    for number, rule in enumerate(rules):
        routes = [
            _destination(_fields(route), service.namespace, versions)
            for route in _items(rule.get("route"))
        ]
        destinations = tuple(route for route in routes if route is not None)
        hosts = {destination.host for destination in destinations}
        if len(destinations) < 2 or len(hosts) > 1 or "match" in rule:
            continue
        return Canary(
            file=service.file,
            service=hosts.pop().split(".")[0],
            destinations=destinations,
            testers=_testers(rules[:number], service.namespace, versions),
        )
    return None


def _destination(
    route: Mapping[str, yaml.Node], namespace: str, versions: Mapping[tuple[str, str], str]
) -> Destination | None:
    weight = route.get("weight")
    number = _text(weight)
    if weight is None or not number.isdecimal() or len(number) > _MAX_DIGITS:
        return None
    host, subset = _target(route, namespace)
    return Destination(
        host=host,
        subset=subset,
        version=versions.get((host, subset), subset),
        weight=int(number),
        start=weight.start_mark.index,
        end=weight.end_mark.index,
    )


def _testers(
    rules: Iterable[Mapping[str, yaml.Node]],
    namespace: str,
    versions: Mapping[tuple[str, str], str],
) -> Testers | None:
    """The first rule that matches one exact header alone and has one destination."""
    for rule in rules:
        matches, routes = _items(rule.get("match")), _items(rule.get("route"))
        if len(matches) != 1 or len(routes) != 1 or set(_fields(matches[0])) != {"headers"}:
            continue
        headers = _fields(_fields(matches[0])["headers"])
        values = {name: _text(_fields(value).get("exact")) for name, value in headers.items()}
        if len(values) == 1 and all(values.values()):
            ((header, value),) = values.items()
            target = _target(_fields(routes[0]), namespace)
            return Testers(header=header, value=value, version=versions.get(target, target[1]))
    return None


def _target(route: Mapping[str, yaml.Node], namespace: str) -> tuple[str, str]:
    destination = _fields(route.get("destination"))
    host = _full(_text(destination.get("host")), namespace)
    return host, _text(destination.get("subset"))


def _full(host: str, namespace: str) -> str:
    return host if "." in host else f"{host}.{namespace}.svc.cluster.local"


def _fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {_text(key): value for key, value in node.value}


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
