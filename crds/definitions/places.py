"""What schemas say of the messages of ServiceEntry, WorkloadEntry, WorkloadGroup, Gateway and
Sidecar.
"""

from collections.abc import Mapping

from crds.convert import MAX_ITEMS
from crds.definitions.cel import (
    DNS_LABEL,
    EXPORT_TO_OR_NOBODY,
    HOST,
    LABELS,
    MAYBE_PORT,
    NAME,
    NOT_NEGATIVE,
    PORT,
    SOME,
    SUBNET,
    given,
    needs,
)
from crds.definitions.constraint import Constraints, Limits, Rule
from crds.gateway import Gateway, Port, Server
from crds.server_tls import MAX_CERTIFICATES, ServerTLSSettings
from crds.service_entry import MAX_HOSTS, ServiceEntry, ServicePort, WorkloadSelector
from crds.sidecar import (
    IstioEgressListener,
    IstioIngressListener,
    Sidecar,
    SidecarOutboundTrafficPolicy,
    SidecarPort,
)
from crds.workload_entry import WorkloadEntry
from crds.workload_group import (
    ExecHealthCheckConfig,
    GrpcHealthCheckConfig,
    HTTPHealthCheckConfig,
    ObjectMeta,
    ReadinessProbe,
    TCPHealthCheckConfig,
    WorkloadGroup,
)

_RESOLVED = "(has(self.resolution) ? self.resolution : 'NONE')"

_SERVICE_ENTRY = Constraints(
    required=("hosts",),
    fields={
        "hosts": Limits(min_items=1, max_items=MAX_HOSTS, each=HOST),
        "addresses": Limits(max_items=MAX_ITEMS, each=SUBNET),
        "endpoints": Limits(max_items=MAX_ITEMS),
        "export_to": EXPORT_TO_OR_NOBODY,
    },
    rules=(
        Rule(
            cel=f"!({given('endpoints')} && has(self.workloadSelector))",
            message="endpoints and workloadSelector exclude each other: keep one",
        ),
        needs(
            given("endpoints"),
            f"!({_RESOLVED} in ['NONE', 'DYNAMIC_DNS'])",
            "resolution NONE and DYNAMIC_DNS have none: remove them, or use STATIC or DNS",
            ".endpoints",
        ),
        Rule(
            cel=f"{_RESOLVED} != 'DNS_ROUND_ROBIN' || !has(self.endpoints) || "
            "size(self.endpoints) < 2",
            message="resolution DNS_ROUND_ROBIN takes one at most: use DNS for several",
            field=".endpoints",
        ),
        Rule(
            cel=f"{_RESOLVED} != 'DYNAMIC_DNS' || self.hosts.all(host, host.startsWith('*'))",
            message="resolution DYNAMIC_DNS is for wildcard hosts: use DNS",
            field=".hosts",
        ),
        Rule(
            cel=f"{_RESOLVED} in ['NONE', 'STATIC'] || !has(self.addresses) || "
            "!self.addresses.exists(address, address.contains('/'))",
            message="a CIDR block needs resolution NONE or STATIC: write single addresses",
            field=".addresses",
        ),
    ),
)

_UNIX = "(has(self.address) && self.address.startsWith('unix://'))"
_WORKLOAD_ENTRY = Constraints(
    fields={
        "address": Limits(max_length=4096),
        "ports": Limits(each=PORT),
        "labels": LABELS,
    },
    rules=(
        Rule(
            cel=f"{given('address')} || {given('network')}",
            message="has no address: give one, or a network",
        ),
        Rule(
            cel=f"!({_UNIX} && {given('ports')})",
            message="a unix socket has no ports: remove them",
            field=".ports",
        ),
    ),
)

_PROBES = "[has(self.httpGet), has(self.tcpSocket), has(self.exec), has(self.grpc)]"
_PROBE = Constraints(
    fields=dict.fromkeys(
        (
            "initial_delay_seconds",
            "timeout_seconds",
            "period_seconds",
            "success_threshold",
            "failure_threshold",
        ),
        NOT_NEGATIVE,
    ),
    rules=(
        Rule(
            cel=f"{_PROBES}.exists_one(each, each)",
            message="needs exactly one of httpGet, tcpSocket, exec and grpc",
        ),
    ),
)

_MODE = "(has(self.mode) ? self.mode : 'PASSTHROUGH')"
_OWN = f"{_MODE} in ['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL']"
_SOURCES = ("serverCertificate", "tlsCertificates", "credentialName", "credentialNames")
_KEYS = ("privateKey", "caCertificates", "caCertCredentialName", "caCrl")
_SERVER_TLS = Constraints(
    rules=(
        needs(
            f"({_OWN})",
            f"[{', '.join(map(given, _SOURCES))}].exists_one(each, each)",
            f"this mode needs one of {', '.join(_SOURCES)}, and only one",
        ),
        needs(
            f"({_MODE} == 'ISTIO_MUTUAL')",
            f"!({' || '.join(map(given, (*_SOURCES, *_KEYS)))})",
            "certificates have no place with ISTIO_MUTUAL, which uses the mesh's own",
        ),
        *(
            Rule(
                cel=f"!({_OWN} && has(self.{name})) || size(self.{name}) <= {MAX_CERTIFICATES}",
                message="at most two: one with an RSA key and one with an EC key",
                field=f".{name}",
            )
            for name in ("credentialNames", "tlsCertificates")
        ),
        Rule(
            cel=f"!({_OWN} && {given('caCertificates')} && {given('caCertCredentialName')})",
            message="caCertificates and caCertCredentialName exclude each other: keep one",
        ),
        Rule(
            cel=f"!({_MODE} in ['MUTUAL', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'] && "
            "has(self.insecureSkipVerify) && self.insecureSkipVerify)",
            message="is refused with a mode that verifies clients: use SIMPLE if it shall not",
            field=".insecureSkipVerify",
        ),
    )
)

_NO_PORT = Limits(maximum=0)
"""A field that Istio declares and that has no meaning."""

_SIDECAR = Constraints(
    fields={"ingress": Limits(max_items=MAX_ITEMS), "egress": Limits(max_items=MAX_ITEMS)},
    rules=(
        Rule(
            cel=f"{given('ingress')} || {given('egress')} || has(self.inboundConnectionPool) || "
            "has(self.outboundTrafficPolicy)",
            message="says nothing: write egress, ingress, inboundConnectionPool or a policy",
        ),
    ),
)

_EGRESS = Constraints(
    required=("hosts",),
    fields={"hosts": Limits(min_items=1, each=NAME)},
    rules=(
        needs(
            given("bind"),
            "has(self.port)",
            "needs a port: only a listener with a port has an address of its own",
            ".bind",
        ),
        needs(
            "(has(self.captureMode) && self.captureMode == 'NONE')",
            "has(self.port)",
            "needs a port: only a listener with a port can do without interception",
            ".captureMode",
        ),
    ),
)

_INGRESS = Constraints(
    required=("port",),
    rules=(
        needs(
            "(has(self.captureMode) && self.captureMode == 'NONE')",
            given("defaultEndpoint"),
            "is missing: without interception the port itself would lead back here",
            ".defaultEndpoint",
        ),
        Rule(
            cel="!has(self.tls) || (has(self.tls.mode) && self.tls.mode in ['SIMPLE', 'MUTUAL'])",
            message="must be SIMPLE or MUTUAL: PeerAuthentication is for callers of the mesh",
            field=".tls.mode",
        ),
    ),
)

_EGRESS_POLICY = Constraints(
    rules=(
        needs(
            "has(self.egressProxy)",
            "(has(self.mode) && self.mode == 'ALLOW_ANY')",
            "needs mode ALLOW_ANY: with REGISTRY_ONLY nothing would go there",
            ".egressProxy",
        ),
        needs(
            "has(self.egressProxy)",
            "has(self.egressProxy.port)",
            "is missing: name the proxy's port",
            ".egressProxy.port",
        ),
    )
)

_AT_A_PORT = Constraints(required=("port",), fields={"port": PORT})

PLACES: Mapping[type, Constraints] = {
    ServiceEntry: _SERVICE_ENTRY,
    ServicePort: Constraints(
        required=("number", "name"),
        fields={"number": PORT, "name": DNS_LABEL, "target_port": MAYBE_PORT},
    ),
    WorkloadSelector: Constraints(fields={"labels": LABELS}),
    WorkloadEntry: _WORKLOAD_ENTRY,
    WorkloadGroup: Constraints(
        required=("template",),
        # Only labels: the machine adds the rest.
        fields={"template": Limits(inside=Constraints(fields={"labels": LABELS}))},
    ),
    ObjectMeta: Constraints(fields={"labels": LABELS}),
    ReadinessProbe: _PROBE,
    HTTPHealthCheckConfig: Constraints(
        required=("port",),
        fields={"port": PORT, "scheme": Limits(pattern="^([Hh][Tt][Tt][Pp][Ss]?)?$")},
    ),
    TCPHealthCheckConfig: _AT_A_PORT,
    GrpcHealthCheckConfig: _AT_A_PORT,
    ExecHealthCheckConfig: Constraints(required=("command",), fields={"command": SOME}),
    Gateway: Constraints(
        required=("servers",),
        fields={"servers": Limits(min_items=1, max_items=MAX_ITEMS), "selector": LABELS},
    ),
    Server: Constraints(
        required=("port", "hosts"),
        fields={"hosts": Limits(min_items=1, each=NAME)},
        rules=(
            Rule(
                cel="!self.port.protocol.matches('^([Hh][Tt][Tt][Pp][Ss]|[Tt][Ll][Ss])$') || "
                "has(self.tls)",
                message="is missing: protocols HTTPS and TLS need it",
                field=".tls",
            ),
        ),
    ),
    Port: Constraints(
        required=("protocol", "name"),
        fields={
            "number": MAYBE_PORT,
            "protocol": Limits(min_length=1, max_length=16),
            "name": DNS_LABEL,
            "target_port": _NO_PORT,
        },
    ),
    ServerTLSSettings: _SERVER_TLS,
    Sidecar: _SIDECAR,
    IstioEgressListener: _EGRESS,
    IstioIngressListener: _INGRESS,
    SidecarPort: Constraints(
        required=("protocol",),
        fields={
            "number": MAYBE_PORT,
            "protocol": Limits(min_length=1, max_length=16),
            "target_port": _NO_PORT,
        },
    ),
    SidecarOutboundTrafficPolicy: _EGRESS_POLICY,
}
"""By message; what is not here has no limits but its types'."""
