"""Which tokens a workload knows, and how its proxy gets the keys to verify them
(istio-api.md S-98).

Where the address of keys is a service that the proxy has a cluster for, the keys come as all
traffic to it does: over mutual TLS, or as its DestinationRule says. What is `https` stays so: if
that cluster does not speak TLS by itself, or there is none, the proxy gets one only for these keys.
"""

from dataclasses import dataclass

from crds.jwks import Unusable, Uri, keys_of
from crds.request_authentication import JWTRule
from mesh.attachment import policies_for, workload_of
from mesh.host_view import PortView, selection, view
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.request_authentications import named
from mesh.scope import Scope, client_scope
from mesh.services import Resolution, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """Keys in place, as a key set."""

    jwks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKeys:
    """There are none, so that no token is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Keys at an address, by the cluster of `host` and `port`; without one by a cluster of their
    own.
    """

    uri: Uri
    service: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A rule, and the keys of its tokens."""

    rule: JWTRule
    keys: Inline | Remote | NoKeys


def issuers(mesh: Mesh, proxy: Proxy) -> tuple[Issuer, ...]:
    """The issuers whose tokens the workload of a proxy knows, by name."""
    found = policies_for(
        mesh.request_authentications.policies, mesh.config.root_namespace, workload_of(proxy)
    )
    pairs = [(policy.meta.namespace, rule) for policy in found for rule in policy.jwt_rules]
    if not pairs:
        return ()
    scope = client_scope(mesh, proxy)
    every = (Issuer(rule=rule, keys=_keys(mesh, scope, where, rule)) for where, rule in pairs)
    return tuple(sorted(every, key=lambda issuer: issuer.rule.issuer))


def _keys(mesh: Mesh, scope: Scope, namespace: str, rule: JWTRule) -> Inline | Remote | NoKeys:
    keys = keys_of(rule)
    match keys:
        case Unusable():
            return NoKeys()
        case Uri():
            return Remote(uri=keys, service=_service(mesh, scope, namespace, keys))
        case _:
            return Inline(jwks=keys.text)


def _service(mesh: Mesh, scope: Scope, namespace: str, uri: Uri) -> tuple[str, int] | None:
    """The host and port whose cluster leads to an address, and secures what it sends if need be."""
    for host in named(uri, namespace):
        chosen = selection(mesh, scope, host) if host in mesh.services.hosts else None
        seen = view(mesh, scope, chosen) if chosen else None
        if seen is not None and seen.service is not None:
            fit = any(_is_fit(seen.service, port, uri) for port in seen.ports)
            return (host, uri.port) if fit else None
    return None


def _is_fit(service: Service, port: PortView, uri: Uri) -> bool:
    """Whether the cluster of a port finds the service by itself, and keeps what is `https` so."""
    if port.port.number != uri.port or service.resolution is Resolution.NONE:
        return False
    tls = port.policy.tls
    return (tls is not None and tls.is_foreign) or not uri.tls
