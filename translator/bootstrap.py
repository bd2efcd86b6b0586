"""What an Envoy starts with: who it is, where the control plane is, how it proves itself, and what
it shows of itself.

A plain JSON value, not a protobuf message: xds-protos lacks fields that stock Envoy has
(`allow_paths`, `header_value_prefix`). The floor is Envoy 1.37. Strings may hold `$(POD_NAME)` and
the like, which Kubernetes fills in; who puts the bootstrap into a pod escapes every other `$`.

The pod's token goes into every request to the control plane, read anew from its file when a stream
opens. The token's file and the roots are named by file SDS, because Envoy reads only those again.
The name of the control plane in the roots' SDS file is what protects the token: it goes to no one
else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from crds.mesh_config import CertificateSource
from mesh.app_probes import AppProbe
from mesh.proxy import Mode
from translator import bootstrap_secrets
from translator.bootstrap_listeners import admin_address, admin_cluster, static_listeners
from translator.bootstrap_probes import probe_clusters
from translator.bootstrap_stats import stats_config

Json = dict[str, object]

DISCOVERY_CLUSTER = "xds"
TOKEN_FILE = "token.yaml"
ROOT_FILE = "ca.yaml"
TOKEN_SECRET = "xds-token"
ROOT_SECRET = "xds-ca"

MAX_CONNECTIONS = 50_000
"""Connections that a sidecar takes at once, health checks and metrics not counted."""
MAX_REGEX_PROGRAM = 4_294_967_295
"""No limit of Envoy's own on compiled regular expressions: 100 refuses ordinary ones. RE2's
stays.
"""

_TYPE = "type.googleapis.com/"
_EXTENSIONS = f"{_TYPE}envoy.extensions."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_ALLOWED_PATHS: tuple[Json, ...] = (
    {"exact": "/ready"},
    {"exact": "/stats"},
    {"prefix": "/stats?"},
    {"exact": "/stats/prometheus"},
    {"prefix": "/stats/prometheus?"},
    {"prefix": "/config_dump"},
    {"prefix": "/clusters"},
    {"prefix": "/listeners"},
    {"exact": "/certs"},
    {"exact": "/server_info"},
    {"exact": "/logging"},
    {"prefix": "/logging?"},
)
"""What the admin port answers: what reads, and nothing that changes the proxy but for what it logs:
Kiali and `istioctl proxy-config log` set that. The application can reach it too. Envoy logs neither
tokens nor keys at any level, but at debug the headers of requests.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The control plane: where it is, and the name on its certificate."""

    host: str
    """An IP address, or a name that the pod can resolve."""
    port: int
    server_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Who the proxy says it is. The control plane believes the token instead; tools read this."""

    id: str
    cluster: str
    metadata: Mapping[str, str]


def bootstrap(
    node: Node,
    discovery: Discovery,
    *,
    address: str,
    mode: Mode = Mode.REDIRECT,
    sds_folder: str,
    probes: Sequence[AppProbe] = (),
    source: CertificateSource = CertificateSource.HEDDLE,
) -> Json:
    """The bootstrap of a sidecar. `address` is the pod's own, which in proxy-port mode everything
    binds to; `sds_folder` holds `TOKEN_FILE` and `ROOT_FILE`; `source` is where the workload has
    its certificate from.
    """
    return {
        "node": {
            "id": node.id,
            "cluster": node.cluster,
            "metadata": dict(sorted(node.metadata.items())),
        },
        "admin": {
            "address": admin_address(address, mode),
            "allow_paths": list(_ALLOWED_PATHS),
        },
        "dynamic_resources": _dynamic_resources(discovery),
        "static_resources": {
            # The discovery cluster is the first: Envoy starts slowly otherwise (envoy #27702).
            "clusters": [
                _discovery_cluster(discovery, sds_folder),
                admin_cluster(address, mode),
                *probe_clusters(probes, address),
                *bootstrap_secrets.clusters(source),
            ],
            "listeners": static_listeners(address, mode, probes),
        },
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": stats_config(),
        "layered_runtime": {
            "layers": [
                {
                    "name": "static",
                    "static_layer": {"re2.max_program_size.error_level": MAX_REGEX_PROGRAM},
                }
            ]
        },
        "overload_manager": _overload_manager(),
    }


def _dynamic_resources(discovery: Discovery) -> Json:
    # 0 is for ever. A proxy without configuration would otherwise call itself ready after a while,
    # and its pod would get requests that nothing answers.
    over_ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    back_off = {"base_interval": "0.5s", "max_interval": "10s"}
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [
                {
                    "envoy_grpc": {
                        "cluster_name": DISCOVERY_CLUSTER,
                        "authority": discovery.server_name,
                        "retry_policy": {"retry_back_off": back_off},
                    }
                }
            ],
        },
        "cds_config": over_ads,
        "lds_config": over_ads,
    }


def _discovery_cluster(discovery: Discovery, sds_folder: str) -> Json:
    target = {"address": discovery.host, "port_value": discovery.port}
    endpoint = {"endpoint": {"address": {"socket_address": target}}}
    return {
        "name": DISCOVERY_CLUSTER,
        "type": "STATIC" if _is_address(discovery.host) else "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": DISCOVERY_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {_HTTP_OPTIONS: _http_options(sds_folder)},
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": _tls(discovery, sds_folder),
        },
    }


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _http_options(sds_folder: str) -> Json:
    keepalive = {"interval": "30s", "timeout": "5s"}
    return {
        "@type": f"{_TYPE}{_HTTP_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": keepalive}},
        "http_filters": [
            {
                "name": "envoy.filters.http.credential_injector",
                "typed_config": _credential_injector(sds_folder),
            },
            {
                "name": "envoy.filters.http.upstream_codec",
                "typed_config": {
                    "@type": f"{_EXTENSIONS}filters.http.upstream_codec.v3.UpstreamCodec"
                },
            },
        ],
    }


def _credential_injector(sds_folder: str) -> Json:
    generic = f"{_EXTENSIONS}http.injected_credentials.generic.v3.Generic"
    return {
        "@type": f"{_EXTENSIONS}filters.http.credential_injector.v3.CredentialInjector",
        "overwrite": True,  # and no request without a credential, which is the default
        "credential": {
            "name": "envoy.http.injected_credentials.generic",
            "typed_config": {
                "@type": generic,
                "header_value_prefix": "Bearer ",
                "credential": _file_secret(TOKEN_SECRET, f"{sds_folder}/{TOKEN_FILE}"),
            },
        },
    }


def _tls(discovery: Discovery, sds_folder: str) -> Json:
    return {
        "@type": f"{_EXTENSIONS}transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": discovery.server_name,
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2"],
            "validation_context_sds_secret_config": _file_secret(
                ROOT_SECRET, f"{sds_folder}/{ROOT_FILE}"
            ),
        },
    }


def _file_secret(name: str, path: str) -> Json:
    source = {"path_config_source": {"path": path}, "resource_api_version": "V3"}
    return {"name": name, "sds_config": source}


def _overload_manager() -> Json:
    monitor = (
        f"{_EXTENSIONS}resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    )
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": monitor,
                    "max_active_downstream_connections": MAX_CONNECTIONS,
                },
            }
        ]
    }


def token_secret(token_file: str) -> Json:
    """What `TOKEN_FILE` holds: where the pod's token is. It never changes; the token does."""
    return _secrets({"name": TOKEN_SECRET, "generic_secret": {"secret": {"filename": token_file}}})


def root_secret(root_file: str, server_name: str) -> Json:
    """What `ROOT_FILE` holds: where the mesh's roots are, and whom they must have certified."""
    return _secrets(
        {
            "name": ROOT_SECRET,
            "validation_context": {
                "trusted_ca": {"filename": root_file},
                "watched_directory": {"path": root_file.rpartition("/")[0] or "/"},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": server_name}}
                ],
            },
        }
    )


def _secrets(secret: Json) -> Json:
    return {"resources": [{"@type": f"{_EXTENSIONS}transport_sockets.tls.v3.Secret", **secret}]}
