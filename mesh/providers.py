"""Whom the CUSTOM policies of a workload ask: MeshConfig's providers, as the services that they are
for that workload's proxy (istio-api.md S-94).

Who cannot be asked allows nothing, whatever his `failOpen` says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crds.authorization_policy import Action, AuthorizationPolicy
from crds.extension_provider import (
    Asked,
    EnvoyExternalAuthorizationGrpcProvider,
    MeshExtensionProvider,
    check_provider,
    named_service,
)
from crds.mesh_config import MeshConfig
from crds.problem import Severity
from mesh.egress import NOWHERE
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.scope import client_scope
from mesh.service_index import Services
from mesh.services import Service
from mesh.visibility import seen_service


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """A provider that can be asked, and the service's host and port that it is."""

    name: str
    host: str
    port: int
    asked: Asked


@dataclass(frozen=True, slots=True)
class Unaskable:
    """A provider that cannot be asked, and why."""

    reason: str


def provider(mesh: Mesh, name: str) -> Authorizer | Unaskable:
    """What a policy's provider is, if anybody."""
    named = [each for each in mesh.config.extension_providers if each.name == name]
    if len(named) != 1:
        unknown = "is none of MeshConfig's extensionProviders"
        return Unaskable("has another of its name" if named else unknown)
    asked = named[0].asked
    if asked is None:
        return Unaskable("has to have one of envoyExtAuthzHttp and envoyExtAuthzGrpc")
    if any(each.severity is Severity.ERROR for each in check_provider("", named[0])):
        return Unaskable("is wrong in MeshConfig itself")
    return _at_service(mesh.services, named[0], asked)


def _at_service(
    services: Services, given: MeshExtensionProvider, asked: Asked
) -> Authorizer | Unaskable:
    found = _services(services, asked)
    if not found:
        return Unaskable(f"is at {asked.service}, and no service has this host")
    if not any(port.number == asked.port for each in found for port in each.ports):
        return Unaskable(f"is at port {asked.port} of {asked.service}, which has no such port")
    return Authorizer(name=given.name, host=found[0].host, port=asked.port, asked=asked)


def _services(services: Services, asked: Asked) -> list[Service]:
    namespace, host = named_service(asked.service)
    return [s for s in services.at(host) if namespace in ("", s.namespace)]


def provider_hosts(config: MeshConfig) -> frozenset[str]:
    """The hosts that providers are at."""
    every = (each.asked for each in config.extension_providers)
    return frozenset(named_service(asked.service)[1] for asked in every if asked is not None)


def authorizers(
    mesh: Mesh, proxy: Proxy, policies: Iterable[AuthorizationPolicy]
) -> tuple[Authorizer, ...]:
    """Whom a proxy can ask for these policies, by name: those that it has a cluster for."""
    return tuple(_reached(mesh, proxy, sorted(asked_names(policies))))


def asked_names(policies: Iterable[AuthorizationPolicy]) -> frozenset[str]:
    """The providers that policies name."""
    custom = (each for each in policies if each.action is Action.CUSTOM and each.provider)
    return frozenset(each.provider.name for each in custom if each.provider)


def _reached(mesh: Mesh, proxy: Proxy, names: Iterable[str]) -> Iterator[Authorizer]:
    for name in names:
        found = provider(mesh, name)
        if isinstance(found, Authorizer) and _has_cluster(mesh, proxy, found):
            yield found


def _has_cluster(mesh: Mesh, proxy: Proxy, wanted: Authorizer) -> bool:
    """Of two services with one host a proxy sees one: it has to be the one that was meant."""
    scope = client_scope(mesh, proxy)
    seen = seen_service(mesh, scope, wanted.host)
    if seen is None or seen.exposure == NOWHERE:
        return False
    if seen.service not in _services(mesh.services, wanted.asked):
        return False
    return any(port.number == wanted.port for port in seen.service.ports)


def speaks_grpc(mesh: Mesh, wanted: Authorizer) -> bool:
    """Whether it is asked in gRPC, or its port is for that."""
    if not isinstance(wanted.asked, EnvoyExternalAuthorizationGrpcProvider):
        return True
    ports = (port for s in _services(mesh.services, wanted.asked) for port in s.ports)
    return any(port.number == wanted.port and port.protocol.is_http2 for port in ports)
