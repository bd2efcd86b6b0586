"""DestinationRules: which one a client obeys for a host, and what it says of one port or subset, as
one flat `Policy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.destination_rule import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    LoadBalancerSettings,
    OutlierDetection,
    ProxyProtocol,
    RetryBudget,
    TunnelSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for one (host, port, subset) after the mesh's, the rule's, the subset's and the
    port's blocks were merged.
    """

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    tunnel: TunnelSettings | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None
    credential: str = ""
    """The Secret that `tls.credentialName` means, if the client may have it, and it has what it
    takes; without it such a policy is closed (mesh/client_tls.py).
    """
    listener_pool: ConnectionPoolSettings | None = None
    """The rule's own, which alone counts where the client's connections are taken (S-23)."""


NO_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetRef:
    """A named group of a host's endpoints: those that carry all of `labels`."""

    name: str
    labels: Mapping[str, str]
