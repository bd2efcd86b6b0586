"""ProxyConfig: what MeshConfig's `defaultConfig`, and a pod's annotation `proxy.istio.io/config`,
say of proxies. Here is what both read in one way: `proxyMetadata`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds.fields import EMPTY
from crds.problem import Problem, error, warning

DNS_CAPTURE = "ISTIO_META_DNS_CAPTURE"
DNS_AUTO_ALLOCATE = "ISTIO_META_DNS_AUTO_ALLOCATE"

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """`proxy_metadata` are the environment variables that Istio's agent would have."""

    proxy_metadata: Mapping[str, str] = EMPTY


NO_SETTINGS = ProxyConfig()

OTHERS = frozenset(
    {
        "availabilityZone",
        "binaryPath",
        "caCertificatesPem",
        "concurrency",
        "configPath",
        "controlPlaneAuthPolicy",
        "customConfigFile",
        "discoveryAddress",
        "drainDuration",
        "envoyAccessLogService",
        "envoyMetricsService",
        "extraStatTags",
        "fileFlushInterval",
        "fileFlushMinSizeKb",
        "gatewayTopology",
        "holdApplicationUntilProxyStarts",
        "image",
        "interceptionMode",
        "meshId",
        "privateKeyProvider",
        "proxyAdminPort",
        "proxyBootstrapTemplatePath",
        "proxyHeaders",
        "proxyStatsMatcher",
        "readinessProbe",
        "runtimeValues",
        "serviceCluster",
        "statNameLength",
        "statsCompression",
        "statsdUdpAddress",
        "statusPort",
        "terminationDrainDuration",
        "tracing",
        "tracingServiceName",
        "zipkinAddress",
    }
)
"""Istio's other fields, which MeshConfig is not read for: setting one is a warning."""


def dns_capture(metadata: Mapping[str, str]) -> bool | None:
    """Whether applications' questions for addresses go to their sidecar; `None` if nothing is said.
    Raises `ValueError` with the way out.
    """
    text = metadata.get(DNS_CAPTURE)
    if text is None:
        return None
    if text not in _TRUE | _FALSE:
        raise ValueError(f'Give {DNS_CAPTURE} as "true" or "false".')
    return text in _TRUE


def unused_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that have no effect, sorted. That addresses are allocated is so anyway."""
    allocated = metadata.get(DNS_AUTO_ALLOCATE, "true") in _TRUE
    used = {DNS_CAPTURE, DNS_AUTO_ALLOCATE} if allocated else {DNS_CAPTURE}
    return tuple(sorted(metadata.keys() - used))


def check_proxy_config(path: str, config: ProxyConfig) -> Iterator[Problem]:
    """What is wrong with the settings at `path` of a document."""
    metadata = config.proxy_metadata
    try:
        dns_capture(metadata)
    except ValueError as reason:
        place = f"{path}.proxyMetadata[{DNS_CAPTURE}]"
        yield error("bad-value", place, f"{reason}", metadata[DNS_CAPTURE])
    for name in unused_metadata(metadata):
        message = "has no effect: there is no agent that would read it"
        yield warning("not-translated", f"{path}.proxyMetadata[{name}]", message)
