"""DestinationRules with a tls mode that the pods of the host do not take."""

from collections.abc import Iterator, Mapping, Sequence

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.severity import Severity
from crds.destination_rule import ClientTLSSettings, DestinationRule, TLSmode, TrafficPolicy
from crds.fields import EMPTY
from crds.meta import Key
from crds.peer_authentication import Mode
from mesh.authentication import modes
from mesh.destination_rules import pattern_of
from mesh.endpoints import Endpoint
from mesh.mesh import Mesh
from mesh.mutual_tls import known_endpoints
from mesh.service_index import selects
from mesh.services import Service

_Endpoints = Mapping[int, tuple[Endpoint, ...]]


def _run(facts: Facts) -> Iterator[Message]:
    mesh = facts.mesh
    for key, rule in facts.subjects(DestinationRule):
        settings = tuple(_settings(rule))
        if not settings:
            continue
        for service in mesh.services.at(pattern_of(rule)[1]):
            if service.in_kubernetes and service.selector and not _is_gateway(mesh, service):
                known = known_endpoints(mesh, service)
                for path, tls, ports, labels in settings:
                    chosen = _chosen(known, ports, labels)
                    refusing, why, way_out = _refusing(mesh, service, tls, chosen)
                    if refusing:
                        partly = refusing < len(chosen)
                        yield _told(key, path, tls, why, way_out, partly=partly)


_Setting = tuple[str, ClientTLSSettings, frozenset[int] | None, Mapping[str, str]]
"""Where the mode is said, for which ports (none: all that are not named), and which labels."""


def _settings(rule: DestinationRule) -> Iterator[_Setting]:
    if rule.traffic_policy is not None:
        yield from _of_policy("spec.trafficPolicy", rule.traffic_policy, EMPTY)
    for index, subset in enumerate(rule.subsets):
        if subset.traffic_policy is not None:
            path = f"spec.subsets[{index}].trafficPolicy"
            yield from _of_policy(path, subset.traffic_policy, subset.labels)


def _of_policy(path: str, policy: TrafficPolicy, labels: Mapping[str, str]) -> Iterator[_Setting]:
    levels = policy.port_level_settings
    if policy.tls is not None and not levels:
        yield f"{path}.tls.mode", policy.tls, None, labels
    for index, level in enumerate(levels):
        if level.tls is not None and level.port is not None:
            ports = frozenset({level.port.number})
            yield f"{path}.portLevelSettings[{index}].tls.mode", level.tls, ports, labels


def _is_gateway(mesh: Mesh, service: Service) -> bool:
    """Whether gateways are behind it: what they take is for their Gateways to say."""
    return any(
        pod.namespace == service.namespace and selects(service.selector, pod.labels)
        for pod in mesh.gateways.pods.values()
    )


def _chosen(
    known: _Endpoints, ports: frozenset[int] | None, labels: Mapping[str, str]
) -> list[Endpoint]:
    return [
        endpoint
        for number, endpoints in known.items()
        if ports is None or number in ports
        for endpoint in endpoints
        if selects(labels, endpoint.labels)
    ]


def _refusing(
    mesh: Mesh, service: Service, tls: ClientTLSSettings, endpoints: Sequence[Endpoint]
) -> tuple[int, str, str]:
    """How many of the endpoints do not take it, why, and which mode they take."""
    if tls.mode is TLSmode.ISTIO_MUTUAL:
        plain = [each for each in endpoints if not each.mutual]
        return len(plain), "no mutual TLS: they have no sidecar, or mode DISABLE", "DISABLE"
    strict = [e for e in endpoints if e.mutual and _is_strict(mesh, service.namespace, e)]
    return len(strict), "only mutual TLS: a PeerAuthentication has mode STRICT", "ISTIO_MUTUAL"


def _told(
    key: Key, path: str, tls: ClientTLSSettings, why: str, way_out: str, *, partly: bool
) -> Message:
    who = "some pods" if partly else "the pods"
    return finding(
        codes.TLS_AGAINST_PEERS,
        key,
        path,
        f"{who} of the host take {why}, so connections to them fail",
        value=tls.mode.value,
        remedy=f"Leave tls out, so that each pod gets what it takes, or write mode {way_out}.",
        severity=Severity.WARNING if partly else Severity.ERROR,
    )


def _is_strict(mesh: Mesh, namespace: str, endpoint: Endpoint) -> bool:
    root = mesh.config.root_namespace
    held = modes(mesh.peer_authentications, root, namespace, endpoint.labels)
    return held.at(endpoint.target) is Mode.STRICT


PEER_TLS = Analyzer(
    name="peer-tls",
    summary="DestinationRules with a tls mode that the pods of the host do not take.",
    codes=(codes.TLS_AGAINST_PEERS,),
    run=_run,
)
