"""What a sidecar shows of itself: the admin port, and through it two ports that anyone may call,
for readiness and metrics. Where the application has probes, a third one answers those.

The admin port is for the pod alone. The other two pass exactly one path on to it.
"""

from collections.abc import Sequence

from mesh.app_probes import AppProbe
from mesh.interception import METRICS_PORT, PROBE_PORT, READINESS_PORT
from mesh.proxy import Mode
from translator.bootstrap_probes import probe_filters, probe_routes

Json = dict[str, object]

ADMIN_PORT = 15000
READINESS_PATH = "/healthz/ready"
METRICS_PATH = "/stats/prometheus"
ADMIN_CLUSTER = "admin"

_LOOPBACK = "127.0.0.1"
_FILTERS = "type.googleapis.com/envoy.extensions.filters."


def admin_address(address: str, mode: Mode) -> Json:
    """Loopback, or in proxy-port mode, where that is not the pod's alone, its own address."""
    return _socket_address(address if mode is Mode.NONE else _LOOPBACK, ADMIN_PORT)


def admin_cluster(address: str, mode: Mode) -> Json:
    """Leads to the admin port."""
    endpoint = {"endpoint": {"address": admin_address(address, mode)}}
    return {
        "name": ADMIN_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": ADMIN_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def static_listeners(address: str, mode: Mode, probes: Sequence[AppProbe] = ()) -> list[Json]:
    """Readiness, metrics and probes, at the pod's own address, of whichever family, and where it
    has a loopback of its own there too.

    They open when the first configuration is in place: a proxy that refuses is not ready.
    """
    ports = [
        _listener("readiness", READINESS_PORT, [_admin_route(READINESS_PATH, "/ready")]),
        _listener("metrics", METRICS_PORT, [_admin_route(METRICS_PATH, METRICS_PATH)]),
    ]
    if probes:
        ports.append(_listener("probes", PROBE_PORT, probe_routes(probes), probe_filters(probes)))
    return [_at(listener, port, address, mode) for port, listener in ports]


def _at(listener: Json, port: int, address: str, mode: Mode) -> Json:
    bound = {**listener, "address": _socket_address(address, port)}
    if mode is Mode.NONE:
        return bound
    return {**bound, "additional_addresses": [{"address": _socket_address(_LOOPBACK, port)}]}


def _listener(
    name: str, port: int, routes: list[Json], filters: Sequence[Json] = ()
) -> tuple[int, Json]:
    return port, {
        "name": name,
        "ignore_global_conn_limit": True,  # a full proxy must still say that it lives
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _http_manager(name, routes, filters),
                    }
                ]
            }
        ],
    }


def _admin_route(path: str, admin_path: str) -> Json:
    return {
        "match": {"path": path},
        "route": {"cluster": ADMIN_CLUSTER, "prefix_rewrite": admin_path},
    }


def _http_manager(name: str, routes: list[Json], filters: Sequence[Json]) -> Json:
    router = {"@type": f"{_FILTERS}http.router.v3.Router", "suppress_envoy_headers": True}
    return {
        "@type": f"{_FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {
            "name": name,
            "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}],
        },
        "http_filters": [*filters, {"name": "envoy.filters.http.router", "typed_config": router}],
        "internal_address_config": {},
        # An application is asked for itself, not for the port that the kubelet called.
        "strip_matching_host_port": True,
        "generate_request_id": False,
        "skip_xff_append": True,
        # Anyone may connect, so nobody may stay for long.
        "request_headers_timeout": "10s",
        "common_http_protocol_options": {"idle_timeout": "60s"},
    }


def _socket_address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}
