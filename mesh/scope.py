"""What the outbound side of a proxy depends on: its namespace, the Sidecar that selects it, the
labels that some rule asks for, its mode, whether it has IPv6, and whether it is asked for
addresses.
"""

from dataclasses import dataclass, replace

from crds.meta import Key
from mesh.mesh import Mesh, asked_labels
from mesh.proxy import Mode, Proxy


@dataclass(frozen=True, slots=True)
class Scope:
    """Two proxies of one scope hold the very same outbound configuration. `labels` has only what
    rules match on. `sidecar` is one that selects by labels: the default of a namespace, or of the
    mesh, is no part of a scope, so that it can come and go while proxies stay where they are. No
    Sidecar is for gateways. `address` stands for the loopback where all pods share one, if the
    Sidecar names addresses to be called at. `dns`: of which version of IP its proxies are asked for
    addresses, 0 if not at all.
    """

    namespace: str
    mode: Mode = Mode.REDIRECT
    labels: frozenset[tuple[str, str]] = frozenset()
    sidecar: Key | None = None
    is_gateway: bool = False
    ipv6: bool = False
    address: str = ""
    dns: int = 0


def scope_of(mesh: Mesh, proxy: Proxy) -> Scope:
    """The scope of a proxy."""
    names = asked_labels(mesh, proxy.namespace)
    labels = frozenset((name, proxy.labels[name]) for name in names if name in proxy.labels)
    sidecar = mesh.sidecars.selecting(proxy.namespace, proxy.labels)
    scope = Scope(proxy.namespace, proxy.mode, labels, sidecar, ipv6=proxy.ipv6, dns=proxy.dns)
    key = sidecar_of(mesh, scope)
    if key is None or not any(mesh.sidecars.imports[key].bound(proxy.mode)):
        return scope
    return replace(scope, address=proxy.address)


def gateway_scope(proxy: Proxy) -> Scope:
    """The scope of a gateway's own rules, with all its labels: the servers differ with them, too.
    Nobody's traffic is intercepted, so there is no address that a client chose: mode NONE.
    """
    labels = frozenset(proxy.labels.items())
    return Scope(proxy.namespace, Mode.NONE, labels, is_gateway=True)


def upstream_scope(mesh: Mesh, proxy: Proxy) -> Scope:
    """The scope of the clusters that a gateway sends to, shared with other gateways."""
    scope = scope_of(mesh, proxy)
    return Scope(scope.namespace, Mode.NONE, scope.labels, is_gateway=True)


def client_scope(mesh: Mesh, proxy: Proxy) -> Scope:
    """The scope of the clusters that a proxy sends to."""
    return upstream_scope(mesh, proxy) if proxy.is_gateway else scope_of(mesh, proxy)


def sidecar_of(mesh: Mesh, scope: Scope) -> Key | None:
    """The Sidecar that the proxies of a scope obey."""
    if scope.is_gateway:
        return None
    if scope.sidecar in mesh.sidecars.objects:
        return scope.sidecar
    return mesh.sidecars.default(scope.namespace, mesh.config.root_namespace)
