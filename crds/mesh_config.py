"""MeshConfig: settings of the whole mesh, from the ConfigMap `istio` of the root namespace, key
`mesh`.
"""

from dataclasses import dataclass
from enum import StrEnum

from crds.http_action import HTTPRetry
from crds.scalars import Duration

CONFIG_MAP = "istio"
CONFIG_MAP_KEY = "mesh"
ROOT_NAMESPACE = "istio-system"
CONNECT_TIMEOUT = Duration(10_000_000_000)
NO_TIMEOUT = Duration(0)


class OutboundTrafficPolicyMode(StrEnum):
    """What becomes of traffic to hosts that the mesh does not know."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundTrafficPolicy:
    """The default of all proxies."""

    mode: OutboundTrafficPolicyMode = OutboundTrafficPolicyMode.ALLOW_ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshConfig:
    """With Istio's defaults. `protocol_detection_timeout` 0 waits for the client's first bytes
    without end.
    """

    outbound_traffic_policy: OutboundTrafficPolicy = OutboundTrafficPolicy()
    trust_domain: str = "cluster.local"
    root_namespace: str = ROOT_NAMESPACE
    connect_timeout: Duration = CONNECT_TIMEOUT
    protocol_detection_timeout: Duration = NO_TIMEOUT
    default_http_retry_policy: HTTPRetry | None = None


DEFAULT_MESH_CONFIG = MeshConfig()
