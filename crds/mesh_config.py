"""MeshConfig: settings of the whole mesh, from the ConfigMap `istio` of the root namespace, key
`mesh`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crds import checks
from crds.connection_pool import (
    ConnectionPoolSettings,
    H2UpgradePolicy,
    OutlierDetection,
    TcpKeepalive,
    check_connection_pool,
    check_outlier_detection,
)
from crds.convert import plan
from crds.convert_scalar import Problems
from crds.extension_provider import OTHERS, MeshExtensionProvider, check_providers
from crds.http_retry import HTTPRetry, check_retries
from crds.label_selector import LabelSelector, check_label_selector
from crds.load_balancer import (
    NO_LOCALITY_SETTING,
    LocalityLoadBalancerSetting,
    check_locality,
)
from crds.outbound_policy import OutboundTrafficPolicyMode
from crds.path import root
from crds.path_normalization import DEFAULT_NORMALIZATION, ProxyPathNormalization
from crds.problem import Problem, warning
from crds.proxy_config import NO_SETTINGS, ProxyConfig, check_proxy_config, dns_capture
from crds.proxy_config import OTHERS as OTHER_SETTINGS
from crds.scalars import Duration

CONFIG_MAP = "istio"
CONFIG_MAP_KEY = "mesh"
ROOT_NAMESPACE = "istio-system"
CONNECT_TIMEOUT = Duration(10_000_000_000)
DNS_REFRESH_RATE = Duration(60_000_000_000)
NO_TIMEOUT = Duration(0)
EVERYBODY = ("*",)
"""Who sees what says nothing of it."""


class CertificateSource(StrEnum):
    """Who gives workloads their certificates and says whom they trust: we, over the stream that is
    open anyway; SPIRE's agent on the node, over its socket; or the kubelet, in files (KEP-4317).
    """

    HEDDLE = "HEDDLE"
    SPIRE = "SPIRE"
    POD_CERTIFICATE = "POD_CERTIFICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundTrafficPolicy:
    """The default of all proxies."""

    mode: OutboundTrafficPolicyMode = OutboundTrafficPolicyMode.ALLOW_ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultTrafficPolicy:
    """What holds where no DestinationRule says otherwise."""

    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshConfig:
    """With Istio's defaults. `protocol_detection_timeout` 0 waits for the client's first bytes
    without end. `certificate_source` is not Istio's. Namespaces that none of `discovery_selectors`
    selects are not part of the mesh; without any, all are.
    """

    default_config: ProxyConfig = NO_SETTINGS
    outbound_traffic_policy: OutboundTrafficPolicy = OutboundTrafficPolicy()
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    enable_auto_mtls: bool = True
    certificate_source: CertificateSource = CertificateSource.HEDDLE
    root_namespace: str = ROOT_NAMESPACE
    connect_timeout: Duration = CONNECT_TIMEOUT
    protocol_detection_timeout: Duration = NO_TIMEOUT
    default_http_retry_policy: HTTPRetry | None = None
    default_traffic_policy: DefaultTrafficPolicy = DefaultTrafficPolicy()
    dns_refresh_rate: Duration = DNS_REFRESH_RATE
    h2_upgrade_policy: H2UpgradePolicy = H2UpgradePolicy.DO_NOT_UPGRADE
    tcp_keepalive: TcpKeepalive | None = None
    locality_lb_setting: LocalityLoadBalancerSetting = NO_LOCALITY_SETTING
    path_normalization: ProxyPathNormalization = DEFAULT_NORMALIZATION
    extension_providers: tuple[MeshExtensionProvider, ...] = ()
    discovery_selectors: tuple[LabelSelector, ...] = ()
    default_service_export_to: tuple[str, ...] = EVERYBODY
    default_virtual_service_export_to: tuple[str, ...] = EVERYBODY
    default_destination_rule_export_to: tuple[str, ...] = EVERYBODY

    @property
    def captures_dns(self) -> bool:
        """Whether sidecars answer their applications' questions for addresses, unless a pod says
        otherwise. A value that cannot be used was reported: it is as if nothing were said.
        """
        try:
            return dns_capture(self.default_config.proxy_metadata) or False
        except ValueError:
            return False


DEFAULT_MESH_CONFIG = MeshConfig()

NOT_TRANSLATED = frozenset(
    (
        "accessLogEncoding",
        "accessLogFile",
        "accessLogFormat",
        "ca",
        "caCertificates",
        "certificates",
        "configSources",
        "defaultProviders",
        "disableEnvoyListenerLog",
        "enableEnvoyAccessLogService",
        "enablePrometheusMerge",
        "enableTracing",
        "hboneIdleTimeout",
        "inboundClusterStatName",
        "inboundTrafficPolicy",
        "ingressClass",
        "ingressControllerMode",
        "ingressSelector",
        "ingressService",
        "meshMTLS",
        "outboundClusterStatName",
        "proxyHttpPort",
        "proxyInboundListenPort",
        "proxyListenPort",
        "serviceScopeConfigs",
        "serviceSettings",
        "thriftConfig",
        "tlsDefaults",
        "verifyCertificateAtClient",
        "virtualServiceExportTo",
    )
)
"""Istio's other fields: setting one is a warning, not an unknown name."""


_PROVIDERS = "extensionProviders"
_DEFAULTS = "defaultConfig"

NOT_USED: frozenset[str] = frozenset()
"""Fields of ours that are read and checked, and that nothing depends on yet."""


def mesh_config(raw: Mapping[str, object]) -> tuple[MeshConfig, tuple[Problem, ...]]:
    """The settings in the `mesh` document; a value that cannot be used keeps its default."""
    problems: Problems = []
    for name in sorted((NOT_TRANSLATED | NOT_USED).intersection(raw)):
        message = "is accepted but has no effect yet: this release does not translate it"
        problems.append(warning("not-translated", name, message))
    ours = {name: value for name, value in raw.items() if name not in NOT_TRANSLATED}
    if isinstance(listed := ours.get(_PROVIDERS), list | tuple):
        ours[_PROVIDERS] = [_authorizer(each, index, problems) for index, each in enumerate(listed)]
    if isinstance(given := ours.get(_DEFAULTS), Mapping):
        message = "has no effect yet here; the settings of injection have some of these"
        ours[_DEFAULTS] = _without(given, OTHER_SETTINGS, _DEFAULTS, message, problems)
    config = MeshConfig(**plan(MeshConfig).values(ours, root(""), problems))
    return config, (*problems, *_check(config))


def _authorizer(given: object, index: int, problems: Problems) -> object:
    """A provider without what is for telemetry, which is told of."""
    if not isinstance(given, Mapping):
        return given
    path = f"{_PROVIDERS}[{index}]"
    return _without(given, OTHERS, path, "is for telemetry and has no effect yet", problems)


def _without(
    given: Mapping[str, object], names: frozenset[str], path: str, message: str, problems: Problems
) -> Mapping[str, object]:
    """What is `given` without fields that have no effect, of which each is told."""
    for name in sorted(names.intersection(given)):
        problems.append(warning("not-translated", f"{path}.{name}", message))
    return {name: value for name, value in given.items() if name not in names}


def _check(config: MeshConfig) -> Iterator[Problem]:
    yield from _check_exports(config)
    for index, each in enumerate(config.discovery_selectors):
        yield from check_label_selector(f"discoverySelectors[{index}]", each)
    yield from check_providers(_PROVIDERS, config.extension_providers)
    yield from check_proxy_config(_DEFAULTS, config.default_config)
    if config.default_http_retry_policy is not None:
        yield from check_retries("defaultHttpRetryPolicy", config.default_http_retry_policy)
    yield from check_locality("localityLbSetting", config.locality_lb_setting)
    default, path = config.default_traffic_policy, "defaultTrafficPolicy"
    if default.connection_pool is not None:
        yield from check_connection_pool(f"{path}.connectionPool", default.connection_pool)
    if default.outlier_detection is not None:
        yield from check_outlier_detection(f"{path}.outlierDetection", default.outlier_detection)


def _check_exports(config: MeshConfig) -> Iterator[Problem]:
    for name, given, nobody in (
        ("defaultServiceExportTo", config.default_service_export_to, True),
        ("defaultVirtualServiceExportTo", config.default_virtual_service_export_to, False),
        ("defaultDestinationRuleExportTo", config.default_destination_rule_export_to, False),
    ):
        yield from checks.export_to(given, "", nobody=nobody, path=name)
