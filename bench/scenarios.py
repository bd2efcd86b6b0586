"""Which meshes are measured with proxies connected, and what is done to each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.settings import Settings
from bench.shapes import EditKind, Shape

SCOPE_SERVICES = 10
"""How many services a scoped proxy sees."""
_ALL: tuple[EditKind, ...] = ("vs_edit", "endpoint", "new_service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`name` ends the names of its figures. `alone`: also measure one proxy by itself."""

    name: str
    shape: Shape
    kinds: tuple[EditKind, ...] = _ALL
    alone: bool = False
    inline: bool = False
    """Virtual hosts within route configurations: what a client that does not take them gets."""
    identified: bool = False
    """Each proxy is a pod of its own and shows its token, as in a real mesh."""


def scenarios(settings: Settings, *, tls: bool) -> tuple[Scenario, ...]:
    """Those over plaintext, or those that are repeated over TLS."""
    services, endpoints = settings.services, settings.endpoints
    usual = (
        Scenario(name="unscoped", shape=unscoped(settings), alone=True),
        Scenario(
            name="scoped",
            shape=Shape(
                services=services,
                endpoints=endpoints,
                namespaces=max(services // SCOPE_SERVICES, 1),
                scoped=True,
            ),
        ),
    )
    if tls:
        pods = replace(unscoped(settings), pods=settings.clients + 1)
        identified = Scenario(name="identified", shape=pods, kinds=("vs_edit",), identified=True)
        return (*usual, identified)
    distinct = Shape(
        services=max(services // 10, 1), endpoints=endpoints, namespaces=settings.clients
    )
    return (
        *usual,
        Scenario(
            name="unscoped_rds",
            shape=unscoped(settings),
            kinds=("vs_edit", "new_service"),
            inline=True,
        ),
        Scenario(name="distinct", shape=distinct),
    )


def offline_shapes(settings: Settings) -> Mapping[str, Shape]:
    """Meshes whose translation is timed for one proxy, named as in Istio's own benchmark."""
    size = max(settings.services // 10, 1)
    plain = Shape(services=size, endpoints=settings.endpoints, routed=0)
    return {
        f"http_{size}": plain,
        f"virtualservice_{size}": replace(plain, routed=1),
        f"gateways_{settings.services}": Shape(
            services=settings.services, endpoints=settings.endpoints, routed=1, gateways=True
        ),
    }


def analyzed_shapes(settings: Settings) -> Mapping[str, Shape]:
    """Files to be analyzed: a VirtualService for each service, and then a Deployment, too."""
    plain = Shape(services=settings.services, endpoints=0, routed=1)
    return {"analyze": plain, "analyze_workloads": replace(plain, endpoints=1)}


def unscoped(settings: Settings) -> Shape:
    """Everybody sees everything."""
    return Shape(services=settings.services, endpoints=settings.endpoints)
