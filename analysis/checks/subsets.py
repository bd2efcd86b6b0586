"""Subsets that select no pod of their host (IST0173)."""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.severity import Severity
from crds.destination_rule import DestinationRule, Subset
from crds.meta import Key
from crds.virtual_service import (
    Destination,
    HTTPRouteDestination,
    RouteDestination,
    VirtualService,
)
from mesh import hosts
from mesh.destination_rules import pattern_of
from mesh.endpoints import Endpoint
from mesh.mesh import Mesh
from mesh.service_endpoints import endpoints_of
from mesh.service_index import selects
from mesh.services import Resolution


def _run(facts: Facts) -> Iterator[Message]:
    for key, rule in facts.subjects(DestinationRule):
        host = pattern_of(rule)[1]
        known = _endpoints(facts.mesh, host) if rule.subsets else ()
        for index, subset in enumerate(rule.subsets):
            if known and not any(selects(subset.labels, each.labels) for each in known):
                yield _empty(facts.mesh, key, index, subset, host)


def _endpoints(mesh: Mesh, host: str) -> tuple[Endpoint, ...]:
    """Those that are known by their labels: not those that only DNS knows."""
    services = [s for s in mesh.services.at(host) if s.resolution is Resolution.CLIENT_SIDE]
    found = (each for s in services for each in endpoints_of(mesh.endpoints, s).values())
    return tuple(endpoint for each in found for endpoint in each)


def _empty(mesh: Mesh, key: Key, index: int, subset: Subset, host: str) -> Message:
    used = _is_used(mesh, host, subset.name)
    effect = "requests that are routed to it get a 503" if used else "it is of no use yet"
    return finding(
        codes.DESTINATION_RULE_SUBSET_NOT_SELECT_PODS,
        key,
        f"spec.subsets[{index}].labels",
        f"no endpoint of {host} has these labels, so {effect}",
        value=", ".join(f"{name}={value}" for name, value in sorted(subset.labels.items())),
        remedy="Write a label that the pods of the host have.",
        severity=Severity.ERROR if used else Severity.WARNING,
    )


def _is_used(mesh: Mesh, host: str, subset: str) -> bool:
    routes = mesh.virtual_services
    return any(
        destination.subset == subset and hosts.resolve(destination.host, key.namespace) == host
        for key in routes.destinations.get(host, ())
        for destination in _sent_to(routes.objects[key])
    )


def _sent_to(item: VirtualService) -> Iterator[Destination]:
    """Where requests go now: a weight of 0 keeps a place for a canary that may not run."""
    shares: list[tuple[HTTPRouteDestination | RouteDestination, ...]] = []
    for http in item.http:
        shares.append(http.route)
        yield from (each for each in (http.mirror,) if each is not None)
        yield from (each.destination for each in http.mirrors if each.destination is not None)
    shares += [rule.route for rule in item.tls]
    shares += [rule.route for rule in item.tcp]
    for share in shares:
        for each in share:
            if each.destination is not None and (each.weight or len(share) == 1):
                yield each.destination


SUBSETS = Analyzer(
    name="subsets",
    summary="Subsets of DestinationRules that no endpoint of the host belongs to.",
    codes=(codes.DESTINATION_RULE_SUBSET_NOT_SELECT_PODS,),
    run=_run,
)
