"""The resource types that are served: their type URLs, the order in which they are pushed, and
which of them a client may ask for without naming anything.
"""

from typing import Final

_PREFIX: Final = "type.googleapis.com/envoy."

CDS: Final = _PREFIX + "config.cluster.v3.Cluster"
EDS: Final = _PREFIX + "config.endpoint.v3.ClusterLoadAssignment"
LDS: Final = _PREFIX + "config.listener.v3.Listener"
RDS: Final = _PREFIX + "config.route.v3.RouteConfiguration"
VHDS: Final = _PREFIX + "config.route.v3.VirtualHost"
SDS: Final = _PREFIX + "extensions.transport_sockets.tls.v3.Secret"

PUSH_ORDER: Final = (
    CDS,  # first: all that follows names clusters
    EDS,  # a cluster is warm, and of use, only with its endpoints
    LDS,
    RDS,  # a listener names its route configurations
    VHDS,  # Envoy drops a virtual host whose route configuration it does not hold yet
    SDS,  # independent of the rest: never waits, and nothing waits for it
)
"""Within one push, additions go in this order (X-80)."""

WILDCARD_TYPES: Final = frozenset({CDS, LDS, VHDS})
"""Types whose first request may be empty and then means everything.

No other type may: an empty SDS request would list every secret (X-42).
"""

REFERRING_TYPES: Final = (LDS, RDS, VHDS)
"""Types that name clusters: they follow a cluster's arrival and precede its removal (X-81)."""

SHORT_NAMES: Final = {CDS: "cds", EDS: "eds", LDS: "lds", RDS: "rds", VHDS: "vhds", SDS: "sds"}
"""For labels of metrics and for people; anything else is `other`."""


def short_name(type_url: str) -> str:
    """`cds` for the cluster type URL, and so on; `other` for a type that is not served."""
    return SHORT_NAMES.get(type_url, "other")
