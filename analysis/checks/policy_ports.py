"""Policies that name the port of a Service, where pods are asked, who know only their own."""

from collections.abc import Iterator, Mapping

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.workloads import governed, selected
from crds.authorization_policy import AuthorizationPolicy, operation_fields
from crds.core import Pod
from crds.meta import Key
from crds.peer_authentication import PeerAuthentication
from mesh.mesh import Mesh

_Pods = tuple[tuple[Key, Pod], ...]


class _Ports:
    """What pods and the Services that lead to them have; looked up once for all policies."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._led: dict[Key, Mapping[str, str]] = {}

    def led(self, pods: _Pods) -> Mapping[str, str]:
        """The ports of the Services of pods, each with the pods' own port that it leads to."""
        return {port: own for pod in pods for port, own in self._of(*pod).items()}

    def own(self, pods: _Pods) -> frozenset[str]:
        """What containers declare and Services lead to."""
        declared = {
            str(p.container_port) for _, pod in pods for c in pod.containers for p in c.ports
        }
        return frozenset(declared.union(*(self._of(*pod).values() for pod in pods)))

    def _of(self, key: Key, pod: Pod) -> Mapping[str, str]:
        if key not in self._led:
            names = {p.name: p.container_port for c in pod.containers for p in c.ports if p.name}
            services = self._mesh.services.selecting(key.namespace, pod.meta.labels)
            ports = [port for service in services for port in service.ports]
            targets = [(port.number, names.get(str(port.target), port.target)) for port in ports]
            self._led[key] = {
                str(n): str(target) for n, target in targets if isinstance(target, int)
            }
        return self._led[key]


def _run(facts: Facts) -> Iterator[Message]:
    known = _Ports(facts.mesh)
    for key, policy in facts.subjects(AuthorizationPolicy):
        named = tuple(_named(policy))
        yield from _meant(known, key, named, governed(facts, policy) if named else ())
    for key, peers in facts.subjects(PeerAuthentication):
        ports = tuple((f'spec.portLevelMtls["{port}"]', port) for port in peers.port_level_mtls)
        labels = peers.selector.match_labels if peers.selector else {}
        pods = selected(facts, key.namespace, labels) if ports and labels else ()
        yield from _meant(known, key, ports, pods)


def _named(policy: AuthorizationPolicy) -> Iterator[tuple[str, str]]:
    for index, rule in enumerate(policy.rules):
        for number, to in enumerate(rule.to):
            path = f"spec.rules[{index}].to[{number}].operation"
            for field in operation_fields(to.operation) if to.operation else ():
                if field.name == "ports":
                    for name, values in (("ports", field.values), ("notPorts", field.not_values)):
                        yield from ((f"{path}.{name}[{i}]", port) for i, port in enumerate(values))
        for number, when in enumerate(rule.when):
            if when.key == "destination.port":
                path = f"spec.rules[{index}].when[{number}].values"
                yield from ((f"{path}[{i}]", port) for i, port in enumerate(when.values))


def _meant(
    known: _Ports, key: Key, named: tuple[tuple[str, str], ...], pods: _Pods
) -> Iterator[Message]:
    own, led = known.own(pods), known.led(pods)
    for path, port in named:
        if port in led and port not in own:
            target = led[port]
            yield finding(
                codes.SERVICE_PORT_IN_POLICY,
                key,
                path,
                f"no pod has this port: it is that of a Service, which leads to {target}",
                value=port,
                remedy=f"Write {target}.",
            )


POLICY_PORTS = Analyzer(
    name="policy-ports",
    summary="Policies that name the port of a Service in place of that of its pods.",
    codes=(codes.SERVICE_PORT_IN_POLICY,),
    run=_run,
)
