"""Clusters by which a proxy fetches the keys of tokens from addresses that are no service of the
mesh, or that its cluster would call in the clear.
"""

from collections.abc import Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from crds.fields import EMPTY
from crds.jwks import Uri
from crds.names import is_ip
from mesh.endpoints import Endpoint
from mesh.tokens import Issuer, Remote
from translator import client_tls, clusters, names, pb
from translator.clusters import Defaults
from translator.endpoints import load_assignment
from translator.secrets import Roots

_ROOTS = Roots(owner="jwks:")
"""A resource of our own: clusters of hosts may name the same file in theirs."""


def jwks_clusters(issuers: Iterable[Issuer], defaults: Defaults) -> Iterator[Cluster]:
    """One for each address, by name."""
    for uri in _own(issuers):
        yield _cluster(uri, defaults)


def jwks_secrets(issuers: Iterable[Issuer]) -> tuple[Secret, ...]:
    """The authorities that these clusters verify servers with."""
    return (_ROOTS.message(),) if any(uri.tls for uri in _own(issuers)) else ()


def _own(issuers: Iterable[Issuer]) -> Iterator[Uri]:
    remote = (each.keys for each in issuers if isinstance(each.keys, Remote))
    found = {_name(each.uri): each.uri for each in remote if each.service is None}
    yield from (found[name] for name in sorted(found))


def _name(uri: Uri) -> str:
    return names.jwks_cluster(uri.host, uri.port, tls=uri.tls)


def _cluster(uri: Uri, defaults: Defaults) -> Cluster:
    name = _name(uri)
    resolved = not is_ip(uri.host)
    return Cluster(
        name=name,
        type=Cluster.STRICT_DNS if resolved else Cluster.STATIC,
        load_assignment=load_assignment(name, (Endpoint(address=uri.host, port=uri.port),), EMPTY),
        dns_refresh_rate=clusters.refresh_rate(defaults) if resolved else None,
        dns_failure_refresh_rate=clusters.failure_refresh_rate(defaults) if resolved else None,
        respect_dns_ttl=resolved,
        dns_lookup_family=Cluster.V4_PREFERRED if resolved else Cluster.AUTO,
        connect_timeout=pb.positive_duration(defaults.connect_timeout),
        transport_socket=client_tls.verifying(uri.host, _ROOTS.name) if uri.tls else None,
    )
