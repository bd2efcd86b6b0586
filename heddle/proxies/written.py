"""Where what a dump shows is written: for every object that a resource came from, its kind,
namespace, name, generation, and, if it was read from a file, the line.

What Envoy itself holds says it in short, and as it was when the resource last changed
(`heddle/stamps.py`). A dump of ours says in addition what is so now, of all objects.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from crds.meta import Key
from explain.authorization import rule_source
from heddle.stamps import STAMPS
from mesh.source import Source
from translator.names import chain_port, parse_cluster
from translator.provenance import HEDDLE, ISTIO, parse_config, parse_object
from webhook import raw

WRITTEN: Final = "heddle.written"
"""The key in `filter_metadata`."""
_RBAC: Final = ".rbac.v3.RBAC"
_CLUSTER: Final = ".cluster.v3.Cluster"

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of objects: `place` has the generation, file and line of a source, as far as
    there are any; `services` the Services that lead to a port of the workload.
    """

    place: Callable[[Source], Json]
    services: Mapping[int, Key]


def written(dump: Json, facts: Facts) -> Json:
    """The dump, in which each resource says where its objects are written."""
    return raw.mapping(_told(dump, facts, inbound=False))


def without_stamps(given: Json) -> Json:
    """What a dump holds without either: what a resource's version is of."""
    return raw.mapping(_bare(given))


def _told(value: object, facts: Facts, *, inbound: bool) -> object:
    """`inbound`: it is within a listener for what is sent to the workload."""
    if isinstance(value, list):
        return [_told(each, facts, inbound=inbound) for each in value]
    if not isinstance(value, Mapping):
        return value
    inbound = inbound or value.get("traffic_direction") == "INBOUND"
    told = {name: _told(each, facts, inbound=inbound) for name, each in value.items()}
    objects = [_object(each, facts) for each in dict.fromkeys(_sources(value, facts, inbound))]
    if not objects:
        return told
    metadata = raw.mapping(value.get("metadata"))
    named = {**raw.mapping(metadata.get("filter_metadata")), WRITTEN: {"objects": objects}}
    return {**told, "metadata": {**metadata, "filter_metadata": named}}


def _bare(value: object) -> object:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    bare = {name: _bare(each) for name, each in value.items()}
    metadata = raw.mapping(bare.get("metadata"))
    if "filter_metadata" in metadata:
        said = _names(raw.mapping(metadata["filter_metadata"]))
        kept = {**metadata, "filter_metadata": said} if said else {}
        bare["metadata"] = kept or {n: m for n, m in metadata.items() if n != "filter_metadata"}
    if bare.get("metadata") == {}:
        del bare["metadata"]
    return bare


def _names(said: Json) -> Json:
    """Filter metadata without what is no part of the version."""
    ours = {n: each for n, each in raw.mapping(said.get(HEDDLE)).items() if n not in STAMPS}
    others = {name: each for name, each in said.items() if name not in (HEDDLE, WRITTEN)}
    return {**others, **({HEDDLE: ours} if ours else {})}


def _object(source: Source, facts: Facts) -> Json:
    key = source.object
    shown = {"kind": key.kind, "namespace": key.namespace, "name": key.name, "path": source.path}
    return {**{name: value for name, value in shown.items() if value}, **facts.place(source)}


def _sources(value: Json, facts: Facts, inbound: bool) -> Iterator[Source]:
    """What the metadata names; of what takes calls also the service and the policies."""
    found = raw.mapping(raw.mapping(value.get("metadata")).get("filter_metadata"))
    ours = raw.mapping(found.get(HEDDLE))
    config = parse_config(raw.text(raw.mapping(found.get(ISTIO)).get("config")))
    of, path = parse_object(raw.text(ours.get("object"))), raw.text(ours.get("path"))
    if config is not None:
        yield Source(object=config, path=path)
    if of is not None:
        yield Source(object=of, path="" if config is not None else path)
    name = raw.text(value.get("name"))
    cluster = parse_cluster(name) if raw.text(value.get("@type")).endswith(_CLUSTER) else None
    if cluster is not None and cluster.direction == "inbound":
        yield from _service(facts, cluster.port)
    if inbound and "filters" in value:
        yield from _service(facts, chain_port(name))
    if "filters" in value:
        rules = map(rule_source, sorted(_policies(value["filters"])))
        yield from (each for each in rules if each.object.namespace)


def _service(facts: Facts, port: int) -> Iterator[Source]:
    if port in facts.services:
        yield Source(object=facts.services[port])


def _policies(value: object) -> Iterator[str]:
    """The names of the policies of all RBAC filters in it."""
    if isinstance(value, list):
        for each in value:
            yield from _policies(each)
    elif isinstance(value, Mapping):
        if raw.text(value.get("@type")).endswith(_RBAC):
            for rules in ("rules", "shadow_rules"):
                yield from raw.mapping(raw.mapping(value.get(rules)).get("policies"))
        else:
            yield from _policies(list(value.values()))
