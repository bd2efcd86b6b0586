"""The certificates of gateways as SDS resources.

What is here is made for one gateway workload, whose identity was verified, and kept with nobody
else's: of its namespace, and only what its own servers name. Contents are read here and nowhere
else; no log, dump or metric has them (Envoy's own shows of them only what is public).
"""

from collections.abc import Iterable, Mapping
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
from heddle.gateway_part import GatewayKey
from mesh.credentials import Credentials, roots_secret, secret_key, secret_name
from mesh.gateway_servers import merged
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.store import Change
from translator import names
from translator.server_tls import roots_name
from xds.resource import Resource, resource
from xds.types import SDS


@dataclass(frozen=True, slots=True)
class CredentialsKey:
    """The certificates of one gateway workload."""

    gateway: GatewayKey


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
        """The resources that a gateway may have, by name: those that its open servers name."""
        servers = merged(mesh.gateways, mesh.services, mesh.credentials, proxy)
        found: dict[str, SecretMessage] = {}
        for listener in servers.listeners:
            for server in listener.servers:
                tls = server.server.tls
                if tls is not None and server.server.terminates_tls:
                    for made in self._messages(mesh.credentials, proxy.namespace, tls):
                        found.setdefault(made.name, made)
        return {name: resource(SDS, name, made) for name, made in sorted(found.items())}

    def _messages(
        self, credentials: Credentials, namespace: str, tls: ServerTLSSettings
    ) -> Iterable[SecretMessage]:
        for credential in tls.credentials:
            name = names.credential(secret_name(credential))
            secret = self._objects.get(secret_key(namespace, secret_name(credential)))
            if secret is not None:
                yield _certificate(name, secret)
        roots = roots_secret(credentials, namespace, tls) if tls.mode.verifies else ""
        secret = self._objects.get(secret_key(namespace, roots))
        if secret is not None:
            yield _roots(roots_name(tls), secret)


def _certificate(name: str, secret: Secret) -> SecretMessage:
    return SecretMessage(
        name=name,
        tls_certificate=TlsCertificate(
            certificate_chain=_inline(secret.certificate), private_key=_inline(secret.private_key)
        ),
    )


def _roots(name: str, secret: Secret) -> SecretMessage:
    return SecretMessage(
        name=name,
        validation_context=CertificateValidationContext(
            trusted_ca=_inline(secret.roots), crl=_inline(secret.revoked)
        ),
    )


def _inline(value: SecretBytes | None) -> DataSource | None:
    return None if value is None else DataSource(inline_bytes=value.reveal())
