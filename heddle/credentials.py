"""The certificates in Secrets as SDS resources: those of a gateway's servers, and those that
clusters show to other servers, or verify them with.

What is here is made for one workload, whose identity was verified, and kept with nobody else's: of
its namespace, and only what its own servers and clusters name. Contents are read here and nowhere
else; no log, dump or metric has them (Envoy's own shows of them only what is public).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    TlsCertificate,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret as SecretMessage

from crds.meta import Key
from crds.secret import Secret
from crds.secret_bytes import SecretBytes
from crds.server_tls import ServerTLSSettings
from heddle.gateway_part import GatewayKey, gateway_key
from mesh.credentials import Credentials, roots_secret, secret_key, secret_name
from mesh.destination_rules import giving_secrets
from mesh.gateway_servers import merged
from mesh.inbound import ingress_tls
from mesh.mesh import Mesh, client
from mesh.proxy import Mode, Proxy
from mesh.scope import client_scope
from mesh.store import Change
from translator import names
from translator.cluster_secrets import Credential, credentials
from xds.resource import Resource, resource
from xds.types import SDS


@dataclass(frozen=True, slots=True)
class SidecarKey:
    """A workload that calls with certificates of Secrets: all pods of a Deployment share them."""

    namespace: str
    service_account: str
    labels: frozenset[tuple[str, str]]
    mode: Mode


@dataclass(frozen=True, slots=True)
class CredentialsKey:
    """The certificates of one workload."""

    workload: GatewayKey | SidecarKey


def credentials_key(mesh: Mesh, proxy: Proxy, *, inline: bool = False) -> CredentialsKey | None:
    """The certificates that a proxy holds; nothing if no rule could give it any."""
    if proxy.is_gateway:
        return CredentialsKey(gateway_key(proxy, inline=inline))
    labels = frozenset(proxy.labels.items())
    who = client(mesh, proxy.namespace, labels)
    ruled = next(giving_secrets(mesh.rules, who, gateway=False), None) is not None
    if not ruled and not any(ingress_tls(mesh, proxy)):
        return None
    return CredentialsKey(SidecarKey(proxy.namespace, proxy.service_account, labels, proxy.mode))


class Secrets:
    """The Secrets themselves, as they are now."""

    def __init__(self) -> None:
        self._objects: dict[Key, Secret] = {}

    def take(self, changes: Iterable[Change]) -> frozenset[str]:
        """Takes changes in; the namespaces whose Secrets are others now."""
        touched: set[str] = set()
        for change in changes:
            if not isinstance(change.old or change.new, Secret):
                continue
            touched.add(change.key.namespace)
            self._objects.pop(change.key, None)
            if isinstance(change.new, Secret):
                self._objects[change.key] = change.new
        return frozenset(touched)

    def resources(self, mesh: Mesh, proxy: Proxy) -> Mapping[str, Resource]:
        """The resources that a proxy may have, by name: those that its clusters name, and those
        that its Sidecar's listeners, or the open servers of a gateway name.
        """
        if proxy.is_gateway:
            own = _of_servers(mesh, proxy)
        else:
            own = (each for tls in ingress_tls(mesh, proxy) for each in _of_tls(tls))
        named = {*credentials(mesh, client_scope(mesh, proxy)), *own}
        found: dict[str, SecretMessage] = {}
        for each in sorted(named, key=lambda one: (one.roots, one.secret)):
            made = self._message(mesh.credentials, proxy.namespace, each)
            if made is not None:
                found.setdefault(made.name, made)
        return {name: resource(SDS, name, made) for name, made in sorted(found.items())}

    def _message(
        self, index: Credentials, namespace: str, wanted: Credential
    ) -> SecretMessage | None:
        held = roots_secret(index, namespace, wanted.secret) if wanted.roots else wanted.secret
        secret = self._objects.get(secret_key(namespace, held))
        if secret is None:
            return None
        return (_roots if wanted.roots else _certificate)(wanted.secret, secret)


def _of_servers(mesh: Mesh, proxy: Proxy) -> Iterator[Credential]:
    servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
    for listener in servers.listeners:
        for server in listener.servers:
            tls = server.server.tls
            if tls is None or not server.server.terminates_tls:
                continue
            yield from _of_tls(tls)


def _of_tls(tls: ServerTLSSettings) -> Iterator[Credential]:
    yield from (Credential(secret_name(each)) for each in tls.credentials)
    if tls.asks_roots:
        yield Credential(secret_name(tls.roots_credential), roots=True)


def _certificate(name: str, secret: Secret) -> SecretMessage:
    return SecretMessage(
        name=names.credential(name),
        tls_certificate=TlsCertificate(
            certificate_chain=_inline(secret.certificate), private_key=_inline(secret.private_key)
        ),
    )


def _roots(name: str, secret: Secret) -> SecretMessage:
    return SecretMessage(
        name=names.roots_credential(name),
        validation_context=CertificateValidationContext(
            trusted_ca=_inline(secret.roots), crl=_inline(secret.revoked)
        ),
    )


def _inline(value: SecretBytes | None) -> DataSource | None:
    return None if value is None else DataSource(inline_bytes=value.reveal())
