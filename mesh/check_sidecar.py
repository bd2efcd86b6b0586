"""What is wrong with a Sidecar in its surroundings: another overrules it, or it imports what is not
there.
"""

from collections.abc import Iterator

from crds.meta import Key
from crds.peer_authentication import Mode as PeerMode
from crds.problem import Problem, Severity
from crds.sidecar import CaptureMode, Sidecar
from mesh import binds, hosts
from mesh.authentication import modes
from mesh.credentials import lacking
from mesh.egress import EgressListener, imports
from mesh.exports import is_exported
from mesh.ingress import unbound
from mesh.mesh import Mesh
from mesh.outgoing import egress_proxy
from mesh.proxy import Mode
from mesh.routing import Missing
from mesh.scope import Scope
from mesh.services import Service
from mesh.sidecars import shadowed_by


def check_sidecar(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """Everything that is wrong with one Sidecar."""
    sidecar = mesh.sidecars.objects[key]
    yield from _shadowed(mesh, key)
    yield from _uncaptured(sidecar, key)
    yield from _egress_proxy(mesh, key)
    yield from _ingress_tls(mesh, key)
    root = mesh.config.root_namespace
    if key.namespace == root and mesh.sidecars.selector(key):
        message = f"the workloads of {root} only: a Sidecar for all namespaces has no selector"
        yield _warning(key, "root-selector", "spec.workloadSelector", f"selects {message}")
    if key.namespace != root or mesh.sidecars.selector(key):
        for index, listener in enumerate(sidecar.egress):
            for number, host in enumerate(listener.hosts):
                path = f"spec.egress[{index}].hosts[{number}]"
                yield from _host(mesh, key, path, host)
        yield from _ports(mesh, key)


def _warning(key: Key, code: str, path: str, message: str, value: str | None = None) -> Problem:
    return Problem(
        code=code, severity=Severity.WARNING, object=key, path=path, value=value, message=message
    )


def _shadowed(mesh: Mesh, key: Key) -> Iterator[Problem]:
    winner = next(shadowed_by(mesh.sidecars, key), None)
    if winner is not None:
        path = "spec.workloadSelector" if mesh.sidecars.selector(key) else "spec"
        message = f"{winner} is older and is for the same workloads; merge the two or remove one"
        yield _warning(key, "shadowed-sidecar", path, message)


def _uncaptured(sidecar: Sidecar, key: Key) -> Iterator[Problem]:
    for index, listener in enumerate(sidecar.ingress):
        if listener.capture_mode is CaptureMode.NONE:
            for field, reason in unbound(listener):
                message = f"{reason}; until then only proxy-port mode has this listener"
                yield _warning(key, "not-listening", f"spec.ingress[{index}].{field}", message)
    for index, each in enumerate(imports(sidecar).listeners):
        if each.is_called(Mode.REDIRECT):
            for field, reason in binds.unbound(each.address or binds.LOOPBACK, each.port):
                message = f"{reason}; until then nothing can be called there"
                yield _warning(key, "not-listening", f"spec.egress[{index}].{field}", message)


def _egress_proxy(mesh: Mesh, key: Key) -> Iterator[Problem]:
    found = egress_proxy(mesh, Scope(key.namespace, sidecar=key), key)
    if isinstance(found, Missing):
        yield Problem(
            code=found.code,
            severity=Severity.ERROR,
            object=key,
            path=f"spec.outboundTrafficPolicy.egressProxy.{found.field}",
            value=found.destination,
            message=f"{found.reason}, so traffic to unknown hosts is refused",
        )


def _ingress_tls(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """For the workloads of its own namespace: Secrets and policies of others are others."""
    root = mesh.config.root_namespace
    taken = modes(mesh.peer_authentications, root, key.namespace, mesh.sidecars.selector(key))
    for index, listener in enumerate(mesh.sidecars.objects[key].ingress):
        path, tls = f"spec.ingress[{index}].tls", listener.tls
        if tls is None or listener.port is None:
            continue
        if taken.at(listener.port.number) is not PeerMode.DISABLE:
            message = (
                "is not used: mutual TLS holds at this port; write a PeerAuthentication with mode "
                "DISABLE for it"
            )
            yield _warning(key, "no-effect", path, message)
        lack = lacking(mesh.credentials, key.namespace, tls)
        if lack is not None:
            yield Problem(
                code="unusable-secret",
                severity=Severity.ERROR,
                object=key,
                path=f"{path}.{lack.field}",
                value=lack.secret,
                message=f"the Secret {key.namespace}/{lack.secret} has no usable {lack.what}, so "
                "this port stays closed until it has; it must be in the namespace of the workload",
            )


def _host(mesh: Mesh, key: Key, path: str, text: str) -> Iterator[Problem]:
    """Names of one host only: a wildcard may well be there before what it is to cover."""
    namespace, _, host = text.partition("/")
    if hosts.is_wildcard(host) or namespace.startswith("~"):
        return
    wanted = key.namespace if namespace == "." else namespace
    host = host.lower()
    services = [s for s in mesh.services.at(host) if wanted in ("*", s.namespace)]
    routes = mesh.virtual_services
    named = [k for k in routes.hosts.get(host, ()) if wanted in ("*", k.namespace)]
    if any(mesh.services.is_visible(s, key.namespace) for s in services):
        return
    if any(is_exported(routes.exports_of(k), k.namespace, key.namespace) for k in named):
        return
    if services:
        message = (
            f"{services[0].key} is not exported to namespace {key.namespace}: see its exportTo"
        )
        yield _warning(key, "hidden-host", path, message, text)
        return
    elsewhere = sorted({s.namespace for s in mesh.services.at(host)})
    hint = f"; it is in {', '.join(elsewhere)}" if elsewhere else "; check the name"
    where = "any namespace" if wanted == "*" else f"namespace {wanted}"
    yield _warning(
        key, "unknown-host", path, f"no service or VirtualService of {where} has it{hint}", text
    )


def _ports(mesh: Mesh, key: Key) -> Iterator[Problem]:
    """A listener whose port none of the hosts that it names has takes nothing (S-5)."""
    imported = mesh.sidecars.imports[key]
    for index, listener in enumerate(imported.listeners):
        if not listener.port or listener.is_proxy:
            continue
        names = {host for group in listener.imported.names.values() for host in group}
        if listener.imported.wildcards or not names & mesh.services.hosts.keys():
            continue
        found = (s for host in names for s in mesh.services.at(host))
        if not any(_leads_to(listener, service) for service in found):
            message = "none of the hosts has this port, so nothing can be called at it"
            path = f"spec.egress[{index}].port.number"
            yield _warning(key, "unknown-port", path, message, str(listener.port))


def _leads_to(listener: EgressListener, service: Service) -> bool:
    """What cannot be called at all was told of."""
    bind = listener.bind(Mode.REDIRECT)
    if bind is None:
        return listener.is_called(Mode.REDIRECT) or bool(service.port(listener.port))
    return any(bind.leads_to(service))


def referring_sidecars(mesh: Mesh, changed: frozenset[str]) -> set[Key]:
    """The Sidecars that name one of the hosts."""
    return {
        key
        for key, imported in mesh.sidecars.imports.items()
        if imported.proxy in changed
        or any(
            not changed.isdisjoint(group)
            for listener in imported.listeners
            for group in listener.imported.names.values()
        )
    }
