"""Which ports of a pod its sidecar stands before: what the injector redirects, the control plane
has to know as well, or clients would offer mutual TLS to an application.
"""

from collections.abc import Mapping

METRICS_PORT = 15090
READINESS_PORT = 15021
PROBE_PORT = 15020
"""Where the sidecar answers probes of the application: Istio's agent does it there."""
DNS_PORT = 15053
"""Where the sidecar answers the pod's own questions for addresses, on loopback, over UDP."""
OWN_PORTS = (METRICS_PORT, READINESS_PORT, PROBE_PORT)
"""What the sidecar itself serves in the clear, never redirected."""
ALL = "*"

_PREFIX = "traffic.sidecar.istio.io/"
INCLUDE_INBOUND = _PREFIX + "includeInboundPorts"
EXCLUDE_INBOUND = _PREFIX + "excludeInboundPorts"
PORT_ANNOTATIONS = (INCLUDE_INBOUND, EXCLUDE_INBOUND)
"""Those that `is_redirected` reads."""


def is_redirected(annotations: Mapping[str, str], port: int) -> bool:
    """Whether connections to a port of the pod arrive at its sidecar. A list of ports to include
    says exactly which; exclusions have no say then, as in Istio.
    """
    included = annotations.get(INCLUDE_INBOUND, ALL).strip()
    if included != ALL:
        return port in _ports(included)
    return port not in OWN_PORTS and port not in _ports(annotations.get(EXCLUDE_INBOUND, ""))


def _ports(text: str) -> frozenset[int]:
    """What is no number has kept the pod from being injected."""
    items = (item.strip() for item in text.split(",")) if text else ()
    return frozenset(int(item) for item in items if item.isascii() and item.isdigit())
