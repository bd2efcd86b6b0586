"""What `heddle proxy-config` shows of each kind of resource, in istioctl's columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from heddle.proxies.dump import (
    CLUSTER,
    LISTENER,
    ROUTE,
    Entry,
    Json,
    addresses,
    config_object,
    entries,
    socket_address,
)
from heddle.proxies.listener_table import destination, match
from webhook import raw

NOTHING: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is to be shown; what is empty leaves everything. `fqdn`, `cluster` and `address` are
    parts of a text, the others the whole.
    """

    fqdn: str = ""
    port: int | None = None
    subset: str = ""
    direction: str = ""
    name: str = ""
    address: str = ""
    cluster: str = ""
    status: str = ""


NO_FILTERS: Final = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table, and what it shows as Envoy's own messages."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    messages: Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterName:
    """The parts of `outbound|9080|v1|reviews.shop.svc.cluster.local`; of any other name there is
    only the name.
    """

    fqdn: str
    direction: str = NOTHING
    port: str = NOTHING
    subset: str = NOTHING


def cluster_name(name: str) -> ClusterName:
    """The parts of a name."""
    parts = name.split("|")
    if len(parts) != 4:
        return ClusterName(fqdn=name)
    direction, port, subset, fqdn = parts
    return ClusterName(
        fqdn=fqdn or NOTHING, direction=direction, port=port, subset=subset or NOTHING
    )


def cluster_listing(dump: Json, wanted: Filters = NO_FILTERS) -> Listing:
    """Clusters."""
    found = [
        (name, each)
        for each in entries(dump, CLUSTER)
        if _is_wanted(name := cluster_name(each.name), wanted)
    ]
    found.sort(key=lambda pair: (pair[0].fqdn, pair[0].port.zfill(5), pair[0].subset))
    return Listing(
        headings=("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"),
        rows=[
            (
                name.fqdn,
                name.port,
                name.subset,
                name.direction,
                _discovery(each.message),
                config_object(each.message, "destination-rule"),
            )
            for name, each in found
        ],
        messages=[each.message for _, each in found],
    )


def _is_wanted(name: ClusterName, wanted: Filters) -> bool:
    return (
        wanted.fqdn in name.fqdn
        and (wanted.port is None or name.port == str(wanted.port))
        and wanted.subset in ("", name.subset)
        and wanted.direction.lower() in ("", name.direction)
    )


def _discovery(message: Json) -> str:
    custom = raw.text(raw.mapping(message.get("cluster_type")).get("name"))
    return custom or raw.text(message.get("type")) or "STATIC"


def listener_listing(dump: Json, wanted: Filters = NO_FILTERS) -> Listing:
    """Listeners, with a row for each filter chain."""
    found = [each for each in entries(dump, LISTENER) if _listens(each, wanted)]
    found.sort(key=lambda each: (addresses(each.message)[0][1], each.name))
    rows = []
    for each in found:
        where = addresses(each.message)
        shown = ",".join(dict.fromkeys(address for address, _ in where))
        for chain in chains(each.message):
            rows.append((shown, str(where[0][1]), match(chain), destination(chain)))
    return Listing(
        headings=("ADDRESSES", "PORT", "MATCH", "DESTINATION"),
        rows=rows,
        messages=[each.message for each in found],
    )


def chains(message: Json) -> Iterator[Json]:
    """The filter chains of a listener, the default one last."""
    yield from raw.objects(message.get("filter_chains"))
    if "default_filter_chain" in message:
        yield raw.mapping(message["default_filter_chain"])


def _listens(entry: Entry, wanted: Filters) -> bool:
    where = addresses(entry.message)
    return (
        any(wanted.address in address for address, _ in where)
        and (wanted.port is None or any(port == wanted.port for _, port in where))
        and wanted.name in ("", entry.name)
    )


def route_listing(dump: Json, wanted: Filters = NO_FILTERS) -> Listing:
    """Route configurations, with a row for each route."""
    found = sorted(
        (each for each in entries(dump, ROUTE) if wanted.name in ("", each.name)),
        key=lambda each: each.name,
    )
    return Listing(
        headings=("NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"),
        rows=[row for each in found for row in _routes(each)],
        messages=[each.message for each in found],
    )


_DOMAINS: Final = 2
"""So many are named."""


def _routes(entry: Entry) -> Iterator[Sequence[str]]:
    for host in raw.objects(entry.message.get("virtual_hosts")):
        domains = [raw.text(each) for each in _listed(host.get("domains"))]
        more = f" + {len(domains) - _DOMAINS} more..." if len(domains) > _DOMAINS else ""
        shown = ", ".join(domains[:_DOMAINS]) + more
        for route in raw.objects(host.get("routes")):
            yield (
                entry.name,
                raw.text(host.get("name")),
                shown,
                path_match(raw.mapping(route.get("match"))),
                config_object(route, "virtual-service"),
            )


def path_match(found: Json) -> str:
    """The paths that a route is for."""
    regex = raw.mapping(found.get("safe_regex"))
    template = raw.mapping(raw.mapping(found.get("path_match_policy")).get("typed_config"))
    for name, more in (("prefix", "*"), ("path", ""), ("path_separated_prefix", "/*")):
        if name in found:
            return raw.text(found[name]) + more
    if regex:
        return f"regex {raw.text(regex.get('regex'))}"
    return raw.text(template.get("path_template")) or "any"


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """A host of a cluster, as Envoy sees it."""

    address: str
    port: int
    status: str
    outlier: str
    cluster: str
    message: Json = field(repr=False)


def endpoint_listing(found: Json, wanted: Filters = NO_FILTERS) -> Listing:
    """Endpoints, from `/clusters?format=json`, or from a dump that has them."""
    read = _from_clusters if "cluster_statuses" in found else _from_dump
    rows = sorted(
        (each for each in read(found) if _endpoint_is_wanted(each, wanted)),
        key=lambda each: (each.address, each.port, each.cluster),
    )
    return Listing(
        headings=("ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"),
        rows=[
            (_joined(each.address, each.port), each.status, each.outlier, each.cluster)
            for each in rows
        ],
        messages=[each.message for each in rows],
    )


def _endpoint_is_wanted(each: EndpointRow, wanted: Filters) -> bool:
    return (
        wanted.address in each.address
        and wanted.port in (None, each.port)
        and wanted.cluster in each.cluster
        and wanted.status.upper() in ("", each.status)
    )


def _from_clusters(found: Json) -> Iterator[EndpointRow]:
    for cluster in raw.objects(found.get("cluster_statuses")):
        for host in raw.objects(cluster.get("host_statuses")):
            address, port = socket_address(raw.mapping(host.get("address")))
            health = raw.mapping(host.get("health_status"))
            failed = any(name.startswith("failed_") for name in health)
            yield EndpointRow(
                address=address,
                port=port,
                status=raw.text(health.get("eds_health_status")) or "HEALTHY",
                outlier="FAILED" if failed else "OK",
                cluster=raw.text(cluster.get("name")),
                message={**host, "cluster": cluster.get("name")},
            )


def _from_dump(dump: Json) -> Iterator[EndpointRow]:
    for entry in entries(dump, "endpoint"):
        for locality in raw.objects(entry.message.get("endpoints")):
            for each in raw.objects(locality.get("lb_endpoints")):
                endpoint = raw.mapping(each.get("endpoint"))
                address, port = socket_address(raw.mapping(endpoint.get("address")))
                yield EndpointRow(
                    address=address,
                    port=port,
                    status=raw.text(each.get("health_status")) or "HEALTHY",
                    outlier=NOTHING,
                    cluster=entry.name,
                    message={**each, "cluster": entry.name},
                )


def _joined(address: str, port: int) -> str:
    if not port:
        return address or NOTHING
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
