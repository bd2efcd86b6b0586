"""TLS to services outside of the mesh: twice, or not at all."""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.destination_rule import ClientTLSSettings, DestinationRule
from crds.meta import Key
from crds.service_entry import ServiceEntry
from mesh import hosts
from mesh.destination_rules import pattern_of
from mesh.mesh import Mesh
from mesh.providers import provider_hosts
from mesh.services import Port, Service

TLS_PORT = 443


def _run(facts: Facts) -> Iterator[Message]:
    for key, rule in facts.subjects(DestinationRule):
        yield from _double(facts.mesh, key, rule)
    for key, entry in facts.subjects(ServiceEntry):
        yield from _plain(facts.mesh, key, entry)


def _double(mesh: Mesh, key: Key, rule: DestinationRule) -> Iterator[Message]:
    host = pattern_of(rule)[1]
    if _is_called_otherwise(mesh, host):
        return
    for path, tls, number in _settings(rule):
        for service in mesh.services.at(host):
            ports = [port for port in service.ports if number in (0, port.number)]
            if (
                service.external
                and tls.is_foreign
                and ports
                and all(port.protocol.is_tls for port in ports)
            ):
                yield finding(
                    codes.DOUBLE_TLS,
                    key,
                    f"{path}.mode",
                    f"clients speak TLS at port {ports[0].number} already ({service.key} says "
                    f"{ports[0].protocol.value}), and this puts TLS around it",
                    value=tls.mode.value,
                )


def _is_called_otherwise(mesh: Mesh, host: str) -> bool:
    """Whether requests may come to a port that clients call with TLS: by a route, or from a proxy
    itself, which fetches keys or asks an authorizer there.
    """
    fetched = mesh.request_authentications.fetching
    return (
        host in mesh.virtual_services.destinations
        or host in fetched
        or host in provider_hosts(mesh.config)
    )


def _settings(rule: DestinationRule) -> Iterator[tuple[str, ClientTLSSettings, int]]:
    """Where TLS is said, and for which port; 0: for all that are not named."""
    policy = rule.traffic_policy
    if policy is None:
        return
    if policy.tls is not None and not policy.port_level_settings:
        yield "spec.trafficPolicy.tls", policy.tls, 0
    for index, level in enumerate(policy.port_level_settings):
        if level.tls is not None:
            number = level.port.number if level.port else 0
            yield f"spec.trafficPolicy.portLevelSettings[{index}].tls", level.tls, number


def _plain(mesh: Mesh, key: Key, entry: ServiceEntry) -> Iterator[Message]:
    for host in entry.hosts:
        full = hosts.resolve(host, key.namespace)
        for service in mesh.services.at(full):
            if service.key == key and service.external and not _is_secured(mesh, full):
                for index, port in enumerate(service.ports):
                    if port.protocol.is_http and port.target == TLS_PORT:
                        yield _told(key, service, index, port)
                return


def _is_secured(mesh: Mesh, host: str) -> bool:
    """Whether any rule over the host says anything about TLS."""
    return any(_says_tls(mesh.rules.objects[key]) for key in mesh.rules.over(host))


def _says_tls(rule: DestinationRule) -> bool:
    policies = (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets))
    return any(
        policy.tls is not None or any(level.tls for level in policy.port_level_settings)
        for policy in policies
        if policy is not None
    )


def _told(key: Key, service: Service, index: int, port: Port) -> Message:
    return finding(
        codes.PLAINTEXT_TO_TLS_PORT,
        key,
        f"spec.ports[{index}].protocol",
        f"requests go to port {TLS_PORT} of {service.host} in the clear, where servers expect TLS",
        value=port.protocol.value,
    )


OUTSIDE_TLS = Analyzer(
    name="outside-tls",
    summary="TLS to outside services that is there twice, or not at all.",
    codes=(codes.DOUBLE_TLS, codes.PLAINTEXT_TO_TLS_PORT),
    run=_run,
)
