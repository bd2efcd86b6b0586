"""The pods of headless Services that have names of their own, `db-0.db.shop.svc.cluster.local`,
where a request says whom it is for and an address does not.

Each is a host with the rules of the service; where these send to the service, they mean the pod.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mesh.endpoints import Endpoint
from mesh.host_view import HostView, PortView
from mesh.routing import Missing, Target
from mesh.services import Resolution, Service

Endpoints = Mapping[int, tuple[Endpoint, ...]]


def pods(view: HostView, endpoints: Endpoints) -> Iterator[tuple[HostView, Endpoints]]:
    """The view of each pod that a port names, with its own endpoints."""
    if view.service is None:
        return
    for name in sorted({name for port in view.ports for name, _ in port.pods}):
        host = f"{name}.{view.host}"
        ports = tuple(
            _port(port, domains, view.host, host)
            for port in view.ports
            for other, domains in port.pods
            if other == name
        )
        own = {
            number: tuple(each for each in found if each.hostname == name)
            for number, found in endpoints.items()
        }
        service = _service(view.service, host)
        yield replace(view, host=host, service=service, ports=ports), own


def _service(service: Service, host: str) -> Service:
    """Its one endpoint is put into the cluster, like those that Envoy looks up."""
    return replace(service, host=host, headless=False, resolution=Resolution.DNS)


def _port(port: PortView, domains: tuple[str, ...], service: str, host: str) -> PortView:
    def of_pod(target: Target | Missing) -> Target | Missing:
        if isinstance(target, Missing) or target.host != service:
            return target
        return replace(target, host=host, subset="")

    default = replace(port.default, host=host) if port.default else None
    return replace(
        port,
        default=default,
        domains=domains,
        pods=(),
        subsets=(),
        rules=tuple(replace(rule, targets=tuple(map(of_pod, rule.targets))) for rule in port.rules),
        l4=tuple(replace(rule, targets=tuple(map(of_pod, rule.targets))) for rule in port.l4),
    )
