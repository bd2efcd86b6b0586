"""VirtualServices: which one a client obeys for a host, and its rules with every reference resolved."""

from dataclasses import dataclass

from crds.virtual_service import Headers, HTTPMatchRequest, HTTPRoute, Percent
from mesh.destinations import NO_POLICY, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A destination that exists. `policy` is there for what ends up on the route (consistent hashing)."""

    host: str
    port: int
    subset: str = ""
    weight: int = 0
    headers: Headers | None = None
    policy: Policy = NO_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A destination that does not exist: its share of requests gets a clear 503. `reason` is one sentence that names the object."""

    destination: str
    reason: str
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A shadow destination and its share in percent (0 to 100)."""

    target: Target
    percent: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRule:
    """One `http` rule for one client and port.

    `matches` are the blocks that can apply here (port, gateways, sourceLabels and sourceNamespace are already evaluated);
    none means that the rule takes every request.
    """

    route: HTTPRoute
    matches: tuple[HTTPMatchRequest, ...] = ()
    targets: tuple[Target | Missing, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
