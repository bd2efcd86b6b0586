"""What a sidecar shows of itself: the admin port, and through it two ports that anyone may call,
for readiness and metrics.

The admin port is for the pod alone. The other two pass exactly one path on to it.
"""

Json = dict[str, object]

ADMIN_PORT = 15000
READINESS_PORT = 15021
READINESS_PATH = "/healthz/ready"
METRICS_PORT = 15090
METRICS_PATH = "/stats/prometheus"
ADMIN_CLUSTER = "admin"

_LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"
_FILTERS = "type.googleapis.com/envoy.extensions.filters."


def admin_address(address: str) -> Json:
    """Loopback, or in proxy-port mode the pod's own address."""
    return _socket_address(address or _LOOPBACK, ADMIN_PORT)


def admin_cluster(address: str) -> Json:
    """Leads to the admin port."""
    endpoint = {"endpoint": {"address": admin_address(address)}}
    return {
        "name": ADMIN_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": ADMIN_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def static_listeners(address: str) -> list[Json]:
    """Readiness and metrics, on all addresses or in proxy-port mode on the pod's own.

    They open when the first configuration is in place: a proxy that refuses is not ready.
    """
    return [
        _listener("readiness", address, READINESS_PORT, READINESS_PATH, "/ready"),
        _listener("metrics", address, METRICS_PORT, METRICS_PATH, METRICS_PATH),
    ]


def _listener(name: str, address: str, port: int, path: str, admin_path: str) -> Json:
    return {
        "name": name,
        "address": _socket_address(address or _ANY, port),
        "ignore_global_conn_limit": True,  # a full proxy must still say that it lives
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _http_manager(name, path, admin_path),
                    }
                ]
            }
        ],
    }


def _http_manager(name: str, path: str, admin_path: str) -> Json:
    route = {
        "match": {"path": path},
        "route": {"cluster": ADMIN_CLUSTER, "prefix_rewrite": admin_path},
    }
    router = {"@type": f"{_FILTERS}http.router.v3.Router"}
    return {
        "@type": f"{_FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {
            "name": name,
            "virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "internal_address_config": {},
    }


def _socket_address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}
