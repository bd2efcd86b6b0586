"""Istio's kinds that are not read yet. A policy that nobody enforces is worse than none, for its
author relies on it: so each such object is told of.
"""

from collections.abc import Iterator, Mapping

from crds.kinds import KINDS
from crds.meta import Key
from crds.problem import Problem, warning

UNSUPPORTED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("networking.istio.io", "EnvoyFilter"): ("v1alpha3",),
    ("networking.istio.io", "ProxyConfig"): ("v1beta1",),
    ("telemetry.istio.io", "Telemetry"): ("v1", "v1alpha1"),
    ("extensions.istio.io", "TrafficExtension"): ("v1alpha1",),
    ("extensions.istio.io", "WasmPlugin"): ("v1alpha1",),
}
"""Those of Istio's kinds that are not read, with the versions at which Istio serves them."""

ISTIO_KINDS = frozenset({*UNSUPPORTED, *(each for each in KINDS if each[0].endswith(".istio.io"))})
"""All that there are."""


def unsupported(key: Key) -> Iterator[Problem]:
    """The problem of an object that is of such a kind."""
    if (key.group, key.kind) in UNSUPPORTED:
        message = "this release does not read this kind, so the object has no effect: remove it"
        yield warning("unsupported-kind", "kind", message, key.kind)
