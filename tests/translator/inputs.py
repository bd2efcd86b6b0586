"""Values to translate, with as little said as possible."""

from crds.destination_rule import ConsistentHashLB, LoadBalancerSettings
from crds.meta import Key
from crds.scalars import Duration
from crds.virtual_service import HTTPMatchRequest, HTTPRoute
from mesh.destinations import Policy
from mesh.routing import HttpRule, Missing, Target
from mesh.services import Port, Protocol, Resolution, Service

HOST = "reviews.shop.svc.cluster.local"
SECOND = Duration(1_000_000_000)


def port(protocol: Protocol = Protocol.HTTP, number: int = 80) -> Port:
    return Port(number=number, name="", protocol=protocol, target=number + 8000)


def service(resolution: Resolution = Resolution.CLIENT_SIDE, host: str = HOST) -> Service:
    return Service(
        key=Key("", "Service", "shop", "reviews"),
        host=host,
        name="reviews",
        namespace="shop",
        ports=(port(),),
        addresses=("10.96.0.1",),
        resolution=resolution,
    )


def target(subset: str = "", weight: int = 0, policy: Policy | None = None) -> Target:
    return Target(host=HOST, port=80, subset=subset, weight=weight, policy=policy or Policy())


def missing(weight: int = 0, name: str = "gone") -> Missing:
    return Missing(destination=name, reason=f"no service has the host {name}", weight=weight)


def rule(
    route: HTTPRoute | None = None,
    *targets: Target | Missing,
    matches: tuple[HTTPMatchRequest, ...] = (),
) -> HttpRule:
    return HttpRule(route=route or HTTPRoute(), matches=matches, targets=targets or (target(),))


def hashing(settings: ConsistentHashLB) -> Policy:
    return Policy(load_balancer=LoadBalancerSettings(consistent_hash=settings))
