"""What schemas say of the messages of a DestinationRule."""

from collections.abc import Mapping

from crds.client_tls import ClientTLSSettings
from crds.connection_pool import (
    ConnectionKeepalive,
    ConnectionPoolSettings,
    HTTPSettings,
    OutlierDetection,
    TcpKeepalive,
    TCPSettings,
)
from crds.convert import MAX_ITEMS
from crds.definitions.cel import (
    AT_LEAST_1MS,
    DNS_LABEL,
    EXPORT_TO,
    HOST,
    LABELS,
    NAME,
    NOT_NEGATIVE,
    PERCENT,
    PORT,
    excludes,
    given,
    needs,
)
from crds.definitions.constraint import NO_CONSTRAINTS, Constraints, Limits, Rule
from crds.destination_rule import (
    MAX_PORT_SETTINGS,
    DestinationRule,
    PortTrafficPolicy,
    RetryBudget,
    Subset,
    TrafficPolicy,
    TunnelSettings,
)
from crds.load_balancer import (
    MAX_RING_SIZE,
    MAX_TABLE_SIZE,
    Attribute,
    ConsistentHashLB,
    Distribute,
    Failover,
    HTTPCookie,
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
    MagLev,
    RingHash,
    WarmupConfiguration,
    ZoneAwareLoadBalancerSetting,
)

_RING_SIZE = Limits(maximum=MAX_RING_SIZE)
_REGION = Limits(pattern="^[^/*]*$")
_FAILOVER = Constraints(
    fields={"from_": _REGION, "to": _REGION},
)
_SOMETHING = Limits(min_properties=1)

_ONE_LOCALITY = excludes(
    "has(self.localityLbSetting)",
    "has(self.zoneAwareLbSetting)",
    "localityLbSetting",
    "zoneAwareLbSetting",
)

_HASH = Constraints(
    fields={"minimum_ring_size": _RING_SIZE},
    rules=(
        Rule(
            cel="!(has(self.minimumRingSize) && self.minimumRingSize > 0 && "
            "(has(self.ringHash) || has(self.maglev)))",
            message="has no place beside ringHash and maglev: use ringHash.minimumRingSize",
            field=".minimumRingSize",
        ),
    ),
)

_TCP = Constraints(
    fields={
        "max_connections": NOT_NEGATIVE,
        "connect_timeout": AT_LEAST_1MS,
        "max_connection_duration": AT_LEAST_1MS,
        "idle_timeout": Limits(
            rules=(
                Rule(
                    cel="duration(self) == duration('0s') || duration(self) >= duration('1ms')",
                    message="must be 0s or at least 1ms",
                ),
            )
        ),
    }
)

_HTTP = Constraints(
    fields={
        **dict.fromkeys(
            (
                "http1_max_pending_requests",
                "http2_max_requests",
                "max_requests_per_connection",
                "max_retries",
                "max_concurrent_streams",
            ),
            NOT_NEGATIVE,
        ),
        "idle_timeout": AT_LEAST_1MS,
    },
    rules=(
        Rule(
            cel="!(has(self.h2UpgradePolicy) && self.h2UpgradePolicy == 'UPGRADE' && "
            "has(self.useClientProtocol) && self.useClientProtocol)",
            message="UPGRADE and useClientProtocol exclude each other: keep one",
            field=".h2UpgradePolicy",
        ),
    ),
)

_OUTLIERS = Constraints(
    fields={
        "interval": AT_LEAST_1MS,
        "base_ejection_time": AT_LEAST_1MS,
        "max_ejection_percent": PERCENT,
        "min_health_percent": PERCENT,
        "outlier_detection_http_error_codes": Limits(each=Limits(minimum=100, maximum=599)),
    },
    rules=(
        needs(
            "(has(self.consecutiveLocalOriginFailures) && self.consecutiveLocalOriginFailures > 0)",
            "(has(self.splitExternalLocalOriginErrors) && self.splitExternalLocalOriginErrors)",
            "needs splitExternalLocalOriginErrors: true",
            ".consecutiveLocalOriginFailures",
        ),
    ),
)

_ONE_HEADER = (excludes("has(self.tunnel)", "has(self.proxyProtocol)", "tunnel", "proxyProtocol"),)

_FILES = ("clientCertificate", "privateKey", "caCertificates", "caCrl")
_SKIPS = (
    "has(self.insecureSkipVerify) && self.insecureSkipVerify && has(self.mode) && "
    "self.mode in ['SIMPLE', 'MUTUAL']"
)
_TLS = Constraints(
    rules=(
        Rule(
            cel=f"!({given('credentialName')} && ({' || '.join(map(given, _FILES))}))",
            message=f"{', '.join(_FILES)} have no place beside credentialName: keep one of the two",
        ),
        Rule(
            cel="!(has(self.mode) && self.mode == 'MUTUAL') || "
            f"{given('credentialName')} || "
            f"({given('clientCertificate')} && {given('privateKey')})",
            message="MUTUAL needs clientCertificate and privateKey, or credentialName",
        ),
        Rule(
            cel=f"!({_SKIPS} && ({given('caCertificates')} || {given('subjectAltNames')}))",
            message="caCertificates and subjectAltNames contradict insecureSkipVerify: keep one",
        ),
    ),
)

# The ports of a subset: lists in lists without a bound, and the API server reckons with as many of
# them as there can be, so that only the cheapest rules are left there.
_SUBSET_PORT = Constraints(
    required=("port",),
    fields={
        "load_balancer": Limits(
            inside=Constraints(
                many=True,
                fields={
                    "consistent_hash": Limits(inside=Constraints(many=True)),
                    "warmup_duration_secs": AT_LEAST_1MS,
                    "locality_lb_setting": Limits(inside=NO_CONSTRAINTS),
                },
                rules=(_ONE_LOCALITY,),
            )
        ),
        "tls": Limits(inside=NO_CONSTRAINTS),
    },
)
_SUBSET_POLICY = Constraints(
    fields={"port_level_settings": Limits(each=Limits(inside=_SUBSET_PORT))},
    rules=_ONE_HEADER,
)

_DESTINATION_RULE = Constraints(
    required=("host",),
    fields={
        "host": HOST,
        "traffic_policy": _SOMETHING,
        "subsets": Limits(max_items=MAX_ITEMS),
        "export_to": EXPORT_TO,
    },
    rules=(
        Rule(
            cel="!(has(self.workloadSelector) && has(self.exportTo) && '*' in self.exportTo)",
            message="a rule with a workloadSelector is for its own namespace only: write `.`",
            field=".exportTo",
        ),
    ),
)

TRAFFIC: Mapping[type, Constraints] = {
    DestinationRule: _DESTINATION_RULE,
    Subset: Constraints(
        required=("name",),
        fields={
            "name": DNS_LABEL,
            "labels": LABELS,
            "traffic_policy": Limits(min_properties=1, inside=_SUBSET_POLICY),
        },
    ),
    TrafficPolicy: Constraints(
        fields={"port_level_settings": Limits(max_items=MAX_PORT_SETTINGS)},
        rules=_ONE_HEADER,
    ),
    PortTrafficPolicy: Constraints(required=("port",)),
    TunnelSettings: Constraints(
        required=("target_host", "target_port"),
        fields={
            "protocol": Limits(one_of=("", "CONNECT", "POST")),
            "target_host": HOST,
            "target_port": PORT,
        },
    ),
    RetryBudget: Constraints(fields={"percent": PERCENT}),
    LoadBalancerSettings: Constraints(
        fields={"warmup_duration_secs": AT_LEAST_1MS}, rules=(_ONE_LOCALITY,)
    ),
    ConsistentHashLB: _HASH,
    HTTPCookie: Constraints(required=("name",), fields={"name": NAME}),
    Attribute: Constraints(required=("name",), fields={"name": NAME}),
    RingHash: Constraints(fields={"minimum_ring_size": _RING_SIZE}),
    MagLev: Constraints(fields={"table_size": Limits(maximum=MAX_TABLE_SIZE - 1)}),
    WarmupConfiguration: Constraints(
        required=("duration",),
        fields={
            "duration": AT_LEAST_1MS,
            "minimum_percent": PERCENT,
            "aggression": Limits(above=0),
        },
    ),
    LocalityLoadBalancerSetting: Constraints(
        rules=(excludes(given("distribute"), given("failover"), "distribute", "failover"),)
    ),
    ZoneAwareLoadBalancerSetting: Constraints(fields={"min_cluster_size": Limits(minimum=1)}),
    Distribute: Constraints(
        required=("from_", "to"),
        fields={
            "from_": NAME,
            "to": Limits(min_properties=1, each=Limits(minimum=1, maximum=100)),
        },
    ),
    Failover: _FAILOVER,
    ConnectionPoolSettings: Constraints(
        rules=(Rule(cel="has(self.tcp) || has(self.http)", message="needs tcp or http"),)
    ),
    TCPSettings: _TCP,
    TcpKeepalive: Constraints(fields={"time": AT_LEAST_1MS, "interval": AT_LEAST_1MS}),
    HTTPSettings: _HTTP,
    ConnectionKeepalive: Constraints(
        required=("interval", "timeout"),
        fields={"interval": AT_LEAST_1MS, "timeout": AT_LEAST_1MS},
    ),
    OutlierDetection: _OUTLIERS,
    ClientTLSSettings: _TLS,
}
"""By message; what is not here has no limits but its types'."""
