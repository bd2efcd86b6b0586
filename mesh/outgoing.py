"""What a Sidecar says of all that the clients of a scope send: what becomes of traffic to hosts
that they do not know, and which addresses of its own they call.
"""

from dataclasses import dataclass

from crds.meta import Key
from crds.outbound_policy import OutboundTrafficPolicyMode
from mesh.binds import Bind
from mesh.mesh import Mesh
from mesh.routing import Missing, Target, resolve
from mesh.scope import Scope, sidecar_of
from mesh.source import Source
from mesh.visibility import binds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownTraffic:
    """Where it goes if it is `allowed`: to the `proxy`, or without one to where it was going. Of a
    proxy that does not exist nothing passes. `source` is the Sidecar that says so, if it is not the
    mesh's settings.
    """

    allowed: bool = True
    proxy: Target | Missing | None = None
    source: Source | None = None


PASSED_ON = UnknownTraffic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What all hosts of a scope have in common. `loopback` stands for it where pods share one."""

    unknown: UnknownTraffic = PASSED_ON
    binds: tuple[Bind, ...] = ()
    loopback: str = ""


OUTGOING = Outgoing()


def outgoing(mesh: Mesh, scope: Scope) -> Outgoing:
    """As the scope's Sidecar says, or else the mesh's settings."""
    return Outgoing(
        unknown=unknown_traffic(mesh, scope), binds=binds_of(mesh, scope), loopback=scope.address
    )


def unknown_traffic(mesh: Mesh, scope: Scope) -> UnknownTraffic:
    """As the scope's Sidecar says, or else the mesh's settings."""
    key = sidecar_of(mesh, scope)
    policy = mesh.sidecars.objects[key].outbound_traffic_policy if key else None
    mode = policy.mode if policy else mesh.config.outbound_traffic_policy.mode
    return UnknownTraffic(
        allowed=mode is OutboundTrafficPolicyMode.ALLOW_ANY,
        proxy=egress_proxy(mesh, scope, key) if key else None,
        source=Source(object=key, path="spec.outboundTrafficPolicy") if key and policy else None,
    )


def egress_proxy(mesh: Mesh, scope: Scope, sidecar: Key) -> Target | Missing | None:
    """What the `egressProxy` of a Sidecar is for its clients; nothing if it has none."""
    policy = mesh.sidecars.objects[sidecar].outbound_traffic_policy
    if policy is None or policy.egress_proxy is None:
        return None
    return resolve(mesh, scope, sidecar.namespace, policy.egress_proxy, 0)
