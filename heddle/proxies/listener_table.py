"""When a filter chain of a listener is taken, and where it leads, in istioctl's words."""

from collections.abc import Iterator, Sequence
from typing import Final

from heddle.proxies.dump import Json
from webhook import raw

_MANAGER: Final = "HttpConnectionManager"
_TCP: Final = "TcpProxy"


def match(chain: Json) -> str:
    """What must hold of a connection: `ALL` if nothing must."""
    found = raw.mapping(chain.get("filter_chain_match"))
    return "; ".join(_conditions(found)) or "ALL"


def _conditions(found: Json) -> Iterator[str]:
    if names := _texts(found.get("server_names")):
        yield f"SNI: {','.join(names)}"
    if protocol := raw.text(found.get("transport_protocol")):
        yield f"Trans: {protocol}"
    if protocols := _texts(found.get("application_protocols")):
        yield f"App: {','.join(protocols)}"
    if ranges := [_range(each) for each in raw.objects(found.get("prefix_ranges"))]:
        yield f"Addr: {','.join(ranges)}"
    if isinstance(port := found.get("destination_port"), int):
        yield f"Port: {port}"
    if sources := [_range(each) for each in raw.objects(found.get("source_prefix_ranges"))]:
        yield f"Source: {','.join(sources)}"


def _range(found: Json) -> str:
    length = found.get("prefix_len")
    return f"{raw.text(found.get('address_prefix'))}/{length if isinstance(length, int) else 0}"


def destination(chain: Json) -> str:
    """Where it leads."""
    for each in raw.objects(chain.get("filters")):
        config = raw.mapping(each.get("typed_config"))
        kind = raw.text(config.get("@type")).rpartition(".")[2]
        if kind == _MANAGER:
            return _http(config)
        if kind == _TCP:
            return _tcp(config)
    return "Non-HTTP/Non-TCP"


def _http(config: Json) -> str:
    if name := raw.text(raw.mapping(config.get("rds")).get("route_config_name")):
        return f"Route: {name}"
    hosts = raw.objects(raw.mapping(config.get("route_config")).get("virtual_hosts"))
    routes = [route for host in hosts for route in raw.objects(host.get("routes"))]
    clusters = [raw.text(raw.mapping(each.get("route")).get("cluster")) for each in routes]
    named = list(dict.fromkeys(name for name in clusters if name))
    return f"Inline Route: {', '.join(named) or 'direct'}"


def _tcp(config: Json) -> str:
    if name := raw.text(config.get("cluster")):
        return f"Cluster: {name}"
    weighted = raw.objects(raw.mapping(config.get("weighted_clusters")).get("clusters"))
    shares = (f"{raw.text(each.get('name'))} ({each.get('weight')})" for each in weighted)
    return f"Cluster: {', '.join(shares)}"


def _texts(value: object) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
