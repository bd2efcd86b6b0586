"""Services that call one port of the same pods by different protocols (IST0116): the sidecar in
front of the port can believe only one of them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds import core
from crds.meta import Key
from mesh.proxy import proxy_from
from mesh.services import Port, Protocol, Service

_Rivals = Mapping[Key, Mapping[int, tuple[Service, Port]]]
"""By Service and port, who comes first with another protocol."""


def _run(facts: Facts) -> Iterator[Message]:
    looked_at = tuple(facts.subjects(core.Service))
    rivals = _rivals(facts) if looked_at else {}
    for key, service in looked_at:
        for index, port in enumerate(service.ports):
            found = rivals.get(key, {}).get(port.port)
            if found is not None:
                first, other = found
                yield finding(
                    codes.DEPLOYMENT_ASSOCIATED_TO_MULTIPLE_SERVICES,
                    key,
                    f"spec.ports[{index}]",
                    f"{first.key} leads to the same port of the same pods and says that it speaks "
                    f"{other.protocol.value}, which counts: calls of this Service may fail",
                    value=port.name or str(port.port),
                )


def _rivals(facts: Facts) -> _Rivals:
    found: defaultdict[Key, dict[int, tuple[Service, Port]]] = defaultdict(dict)
    for key, pod in facts.kinds_of_pods.get("", ()):
        names = dict(proxy_from(pod).named_ports)
        first: dict[int, tuple[Service, Port]] = {}
        for service in facts.mesh.services.selecting(key.namespace, pod.meta.labels):
            for port in service.ports:
                number = port.target if isinstance(port.target, int) else names.get(port.target, 0)
                if not number or port.protocol is Protocol.UNSPECIFIED:
                    continue
                winner = first.setdefault(number, (service, port))
                # Versions of HTTP make no difference in the pod.
                if winner[1].protocol.rules != port.protocol.rules:
                    found[service.key].setdefault(port.number, winner)
    return found


SHARED_PORTS = Analyzer(
    name="shared-ports",
    summary="Services with different protocols for one port of the same pods.",
    codes=(codes.DEPLOYMENT_ASSOCIATED_TO_MULTIPLE_SERVICES,),
    run=_run,
)
