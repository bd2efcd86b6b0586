"""Small dumps of an Envoy's configuration, as its admin port gives them."""

import base64
from collections.abc import Mapping, Sequence

from tests.certificates import pair

Json = Mapping[str, object]
_ADMIN = "type.googleapis.com/envoy.admin.v3."
ORIGIN = "/apis/networking.istio.io/v1/namespaces/shop/{}/reviews"


def config(*sections: tuple[str, Mapping[str, Sequence[Json]]]) -> dict[str, object]:
    """A dump of sections, each the name of its message and its lists."""
    return {"configs": [{"@type": f"{_ADMIN}{kind}", **lists} for kind, lists in sections]}


def origin(kind: str) -> Json:
    """Metadata that says which object something is from."""
    return {"filter_metadata": {"istio": {"config": ORIGIN.format(kind)}}}


def address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name: str, **more: object) -> Json:
    return {"version_info": "1", "cluster": {"name": name, "type": "EDS", **more}}


def listener(name: str, host: str, port: int, *chains: Json, **more: object) -> Json:
    message = {"name": name, "address": address(host, port), "filter_chains": list(chains), **more}
    return {"name": name, "active_state": {"version_info": "1", "listener": message}}


def chain(found: Json, kind: str, **config: object) -> Json:
    """A filter chain with one filter."""
    typed = {"@type": f"type.googleapis.com/envoy.extensions.{kind}", **config}
    return {"filter_chain_match": found, "filters": [{"name": "f", "typed_config": typed}]}


MANAGER = "filters.network.http_connection_manager.v3.HttpConnectionManager"
TCP = "filters.network.tcp_proxy.v3.TcpProxy"


def route(name: str, *hosts: Json, version: str = "1") -> Json:
    message = {"name": name, "virtual_hosts": list(hosts)}
    return {"version_info": version, "route_config": message}


def endpoints(cluster_name: str, *hosts: tuple[str, int], **more: object) -> Json:
    """Those of a cluster; `more` is in each of them."""
    listed = [{"endpoint": {"address": address(*host)}, **more} for host in hosts]
    message = {"cluster_name": cluster_name, "endpoints": [{"lb_endpoints": listed}]}
    return {"endpoint_config": message}


def secret(name: str, **content: object) -> Json:
    return {"name": name, "version_info": "1", "secret": {"name": name, **content}}


def certificate(number: int) -> Json:
    """A certificate as a dump has it, with its key redacted."""
    chain = base64.b64encode(pair(number)[0]).decode()
    return {
        "certificate_chain": {"inline_bytes": chain},
        "private_key": {"inline_bytes": "W3JlZGFjdGVkXQ=="},
    }
