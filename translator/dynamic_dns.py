"""Envoy's dynamic forward proxy: the name that a request or a TLS greeting is for is looked up when
it comes, and kept for a while.

Requests need no filter for it: the cluster looks the name up itself. A TLS connection does, for it
says no port.
"""

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig
from envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.sni_dynamic_forward_proxy_pb2 import (  # noqa: E501 - Envoy's own name
    FilterConfig,
)

from translator import pb

CACHE = "dynamic_dns"
"""One cache of names for all clusters: Envoy wants its settings to be the same everywhere."""


def cluster_type() -> Cluster.CustomClusterType:
    """In place of one of Envoy's own types."""
    return Cluster.CustomClusterType(
        name="envoy.clusters.dynamic_forward_proxy",
        # Envoy wants the checks of names to be on that TLS needs. Who adds TLS switches them on;
        # without it there is nothing to check.
        typed_config=pb.any_of(
            ClusterConfig(dns_cache_config=_cache(), allow_insecure_cluster_options=True)
        ),
    )


def by_server_name(port: int) -> Filter:
    """Comes before the TCP proxy: finds where to connect to, at `port`, by the TLS greeting."""
    return Filter(
        name="envoy.filters.network.sni_dynamic_forward_proxy",
        typed_config=pb.any_of(FilterConfig(dns_cache_config=_cache(), port_value=port)),
    )


def _cache() -> DnsCacheConfig:
    return DnsCacheConfig(name=CACHE, dns_lookup_family=Cluster.V4_PREFERRED)
