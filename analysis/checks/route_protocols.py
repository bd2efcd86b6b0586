"""VirtualServices whose rules are for a protocol that no port of their hosts speaks."""

from collections.abc import Iterator, Sequence

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.virtual_service import VirtualService
from mesh.gateway_names import MESH
from mesh.services import Port
from mesh.virtual_services import routed_hosts


def _run(facts: Facts) -> Iterator[Message]:
    services = facts.mesh.services
    for key, item in facts.subjects(VirtualService):
        if any(name != MESH for name in item.gateways):
            continue  # at a gateway, its own ports count
        known = [services.at(host) for host in routed_hosts(item)]
        ports = [port for each in known for service in each for port in service.ports]
        if not ports or not all(known):
            continue
        for field, rules, right in _unheard(item, ports):
            spoken = ", ".join(sorted({port.protocol.value for port in ports}))
            yield finding(
                codes.RULES_OF_ANOTHER_PROTOCOL,
                key,
                f"spec.{field}",
                f"no port of the hosts is for {rules}, so these rules never apply: the ports speak "
                f"{spoken}",
                remedy=f"Write the rules under {right}, or correct the protocol of the port.",
            )


def _unheard(item: VirtualService, ports: Sequence[Port]) -> Iterator[tuple[str, str, str]]:
    """The field, what its rules are for, and where they should stand. A port that does not say what
    it speaks may speak HTTP or TCP.
    """
    speak = {port.protocol.rules for port in ports}
    if "" in speak:
        return
    right = next(field for field in ("http", "tls", "tcp") if field in speak)
    if item.http and "http" not in speak:
        yield "http", "HTTP", right
    if item.tls and "tls" not in speak:
        yield "tls", "TLS that is passed through", right
    if item.tcp and "tcp" not in speak:
        yield "tcp", "plain TCP", right


ROUTE_PROTOCOLS = Analyzer(
    name="route-protocols",
    summary="Rules of VirtualServices for a protocol that their hosts do not speak.",
    codes=(codes.RULES_OF_ANOTHER_PROTOCOL,),
    run=_run,
)
