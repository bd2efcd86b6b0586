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
from mesh.proxy import proxy_from

_Pods = tuple[tuple[Key, Pod], ...]


def _run(facts: Facts) -> Iterator[Message]:
    for key, policy in facts.subjects(AuthorizationPolicy):
        named = tuple(_named(policy))
        yield from _meant(facts.mesh, key, named, governed(facts, policy) if named else ())
    for key, peers in facts.subjects(PeerAuthentication):
        ports = tuple((f'spec.portLevelMtls["{port}"]', port) for port in peers.port_level_mtls)
        labels = peers.selector.match_labels if peers.selector else {}
        pods = selected(facts, key.namespace, labels) if ports and labels else ()
        yield from _meant(facts.mesh, key, ports, pods)


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
    mesh: Mesh, key: Key, named: tuple[tuple[str, str], ...], pods: _Pods
) -> Iterator[Message]:
    own, led = _own_ports(mesh, pods), _service_ports(mesh, pods)
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


def _own_ports(mesh: Mesh, pods: _Pods) -> frozenset[str]:
    """What containers declare and Services lead to."""
    declared = {
        str(port.container_port) for _, pod in pods for c in pod.containers for port in c.ports
    }
    return frozenset({*declared, *_service_ports(mesh, pods).values()})


def _service_ports(mesh: Mesh, pods: _Pods) -> Mapping[str, str]:
    """The ports of the Services of the pods, each with the port of the pods that it leads to."""
    found: dict[str, str] = {}
    for key, pod in pods:
        names = dict(proxy_from(pod).named_ports)
        for service in mesh.services.selecting(key.namespace, pod.meta.labels):
            for port in service.ports:
                target = names.get(str(port.target), 0) or port.target
                if isinstance(target, int):
                    found.setdefault(str(port.number), str(target))
    return found


POLICY_PORTS = Analyzer(
    name="policy-ports",
    summary="Policies that name the port of a Service in place of that of its pods.",
    codes=(codes.SERVICE_PORT_IN_POLICY,),
    run=_run,
)
