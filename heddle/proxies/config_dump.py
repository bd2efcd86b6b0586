"""What a proxy is to hold in the form of Envoy's own `/config_dump`, so that the same tools read
both (envoy.admin.v3: ClustersConfigDump and its siblings).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf.message import Message

from heddle.proxies.redaction import redacted
from heddle.proxies.wanted import Wanted
from heddle.show import as_dict
from translator import names
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS

Json = dict[str, object]

_ADMIN: Final = "type.googleapis.com/envoy.admin.v3."
ACKED, NACKED, REQUESTED = "ACKED", "NACKED", "REQUESTED"
"""envoy.admin.v3.ClientResourceStatus."""


def config_dump(wanted: Iterable[Wanted], *, only_accepted: bool = False) -> Json:
    """The dump. `only_accepted`: of what the proxy has not accepted only that, and not the content
    that it does not hold.
    """
    by_type: dict[str, list[Wanted]] = {}
    for each in wanted:
        by_type.setdefault(each.type_url, []).append(each)
    for listed in by_type.values():
        listed.sort(key=lambda each: each.resource.name)
    hosts = by_type.get(VHDS, [])
    sections: Sequence[tuple[str, str, str, Callable[[Wanted, bool], Json]]] = (
        (CDS, "ClustersConfigDump", "dynamic_active_clusters", _cluster),
        (EDS, "EndpointsConfigDump", "dynamic_endpoint_configs", _endpoints),
        (LDS, "ListenersConfigDump", "dynamic_listeners", _listener),
        (
            RDS,
            "RoutesConfigDump",
            "dynamic_route_configs",
            lambda each, strict: _route(each, strict, hosts),
        ),
        (SDS, "SecretsConfigDump", "dynamic_active_secrets", _secret),
    )
    configs = []
    for type_url, kind, field, entry in sections:
        shown = [entry(each, only_accepted) for each in by_type.get(type_url, ())]
        configs.append({"@type": f"{_ADMIN}{kind}", **({field: shown} if shown else {})})
    return {"configs": configs}


def _cluster(each: Wanted, strict: bool) -> Json:
    return {**_version(each), **_content("cluster", Cluster, each, strict), **_status(each)}


def _endpoints(each: Wanted, strict: bool) -> Json:
    content = _content("endpoint_config", ClusterLoadAssignment, each, strict)
    return {**_version(each), **content, **_status(each)}


def _listener(each: Wanted, strict: bool) -> Json:
    state = {**_version(each), **_content("listener", Listener, each, strict)}
    return {"name": each.resource.name, "active_state": state, **_status(each)}


def _secret(each: Wanted, strict: bool) -> Json:
    content = _content("secret", Secret, each, strict)
    return {"name": each.resource.name, **_version(each), **content, **_status(each)}


def _route(each: Wanted, strict: bool, hosts: Sequence[Wanted]) -> Json:
    """With the virtual hosts that travel by themselves in their place, as Envoy shows it."""
    route = RouteConfiguration.FromString(each.resource.message_bytes)
    mine: list[Wanted] = []
    for host in hosts:
        name = names.parse_virtual_host(host.resource.name)
        if name and name.route_config == route.name:
            mine.append(host)
    shown = [host for host in mine if host.accepted or not strict]
    route.virtual_hosts.extend(VirtualHost.FromString(h.resource.message_bytes) for h in shown)
    content = _shown("route_config", route, bare=strict and not each.accepted)
    return {**_version(each), **content, **_status(each, *mine)}


def _version(each: Wanted) -> Json:
    return {"version_info": each.resource.version}


def _content(field: str, kind: type[Message], each: Wanted, strict: bool) -> Json:
    message = kind.FromString(each.resource.message_bytes)
    return _shown(field, message, bare=strict and not each.accepted)


def _shown(field: str, message: Message, *, bare: bool) -> Json:
    """A message, or of one that the proxy does not hold as it is only the name."""
    kind = {"@type": f"type.googleapis.com/{message.DESCRIPTOR.full_name}"}
    if bare:
        return {field: {**kind, **_name(message)}}
    return {field: redacted({**kind, **as_dict(message)})}


def _name(message: Message) -> Json:
    field = "cluster_name" if isinstance(message, ClusterLoadAssignment) else "name"
    return {field: str(getattr(message, field))}


def _status(each: Wanted, *within: Wanted) -> Json:
    """How far the proxy has come with it, and with what is shown within it."""
    every = (each, *within)
    rejected = next((one.rejected for one in every if one.rejected), "")
    if rejected:
        return {"client_status": NACKED, "error_state": {"details": rejected}}
    return {"client_status": ACKED if all(one.accepted for one in every) else REQUESTED}


def filtered(dump: Mapping[str, object], resource: str, mask: Sequence[str]) -> Json:
    """What Envoy's parameters of the same names leave of a dump: `resource` is the field whose
    entries are wanted, `mask` are paths within them. Raises `ValueError`.
    """
    configs = dump.get("configs")
    listed: list[object] = configs if isinstance(configs, list) else []
    if not resource:
        if mask:
            raise ValueError("a mask is for one kind: say resource= too")
        return {"configs": listed}
    found = [
        entry
        for config in listed
        if isinstance(config, dict)
        for entry in (config[resource] if isinstance(config.get(resource), list) else ())
    ]
    if not found and resource not in _FIELDS:
        raise ValueError(f"{resource!r} is not in a dump; there are: {', '.join(sorted(_FIELDS))}")
    return {"configs": [_masked(entry, mask) for entry in found]}


_FIELDS: Final = frozenset(
    {
        "dynamic_active_clusters",
        "dynamic_endpoint_configs",
        "dynamic_listeners",
        "dynamic_route_configs",
        "dynamic_active_secrets",
    }
)


def _masked(entry: object, mask: Sequence[str]) -> object:
    if not mask or not isinstance(entry, dict):
        return entry
    kept: Json = {"@type": entry["@type"]} if "@type" in entry else {}
    for path in mask:
        first, _, rest = path.partition(".")
        if first not in entry:
            continue
        part = _masked(entry[first], [rest] if rest else [])
        before = kept.get(first)
        if isinstance(before, dict) and isinstance(part, dict):
            part = {**before, **part}
        kept[first] = part
    return kept
