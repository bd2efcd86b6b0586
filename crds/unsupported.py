"""Istio's kinds that are not read yet. A policy that nobody enforces is worse than none, for its
author relies on it: so each such object is told of.
"""

from collections.abc import Iterator

from crds.kinds import KINDS
from crds.meta import Key
from crds.problem import Problem, warning

_NETWORKING = (
    "DestinationRule",
    "EnvoyFilter",
    "Gateway",
    "ProxyConfig",
    "ServiceEntry",
    "Sidecar",
    "VirtualService",
    "WorkloadEntry",
    "WorkloadGroup",
)
_SECURITY = ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication")

ISTIO_KINDS = frozenset(
    {
        *(("networking.istio.io", kind) for kind in _NETWORKING),
        *(("security.istio.io", kind) for kind in _SECURITY),
        ("telemetry.istio.io", "Telemetry"),
        ("extensions.istio.io", "TrafficExtension"),
        ("extensions.istio.io", "WasmPlugin"),
    }
)
"""All that there are."""

UNSUPPORTED = ISTIO_KINDS - KINDS.keys()


def unsupported(key: Key) -> Iterator[Problem]:
    """The problem of an object that is of such a kind."""
    if (key.group, key.kind) in UNSUPPORTED:
        message = "this release does not read this kind, so the object has no effect: remove it"
        yield warning("unsupported-kind", "kind", message, key.kind)
