"""Reads a dump of Envoy's configuration in JSON: the messages of each kind, wherever they are.

A dump may be of a proxy that runs, of a file, of any version: what is not as expected is left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from webhook import raw

Json = Mapping[str, object]

CLUSTER, LISTENER, ROUTE, ENDPOINT, SECRET = "cluster", "listener", "route", "endpoint", "secret"
KINDS: Final = (CLUSTER, LISTENER, ROUTE, ENDPOINT, SECRET)

_LISTS: Final = {
    CLUSTER: ("static_clusters", "dynamic_warming_clusters", "dynamic_active_clusters"),
    LISTENER: ("static_listeners", "dynamic_listeners"),
    ROUTE: ("static_route_configs", "dynamic_route_configs"),
    ENDPOINT: ("static_endpoint_configs", "dynamic_endpoint_configs"),
    SECRET: ("static_secrets", "dynamic_warming_secrets", "dynamic_active_secrets"),
}
"""What is in use comes after what is to take its place, and counts where only one can."""
_CONTENT: Final = {ROUTE: "route_config", ENDPOINT: "endpoint_config"}
_STATES: Final = ("active_state", "warming_state")
"""Of a listener. One that is only draining has been taken away, and serves what is still open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A resource in a dump. `message` is the resource, `version` of its last update, `field` the
    list that it is in; `status` and `reason`: what the control plane knows of its acceptance.
    """

    kind: str
    name: str
    message: Json
    field: str = ""
    version: str = ""
    status: str = ""
    reason: str = ""

    @property
    def is_dynamic(self) -> bool:
        """Whether it came over xDS."""
        return self.field.startswith("dynamic")


def read(text: str | bytes) -> Json:
    """A dump; raises `ValueError` if it is none."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is no dump of an Envoy: an object is expected")
    return found


def entries(dump: Json, kind: str) -> Iterator[Entry]:
    """All resources of a kind."""
    for config in raw.objects(dump.get("configs")):
        for field in _LISTS[kind]:
            for entry in raw.objects(config.get(field)):
                yield from _entries(kind, field, entry)


def _entries(kind: str, field: str, entry: Json) -> Iterator[Entry]:
    states = [entry]
    if kind == LISTENER and field.startswith("dynamic"):
        states = [raw.mapping(entry[state]) for state in _STATES if state in entry][:1]
    for state in states:
        message = raw.mapping(state.get(_CONTENT.get(kind, kind)))
        if message or kind == SECRET:
            yield Entry(
                kind=kind,
                name=raw.text(entry.get("name")) or name_of(message),
                message=message,
                field=field,
                version=raw.text(state.get("version_info")),
                status=raw.text(entry.get("client_status")),
                reason=raw.text(raw.mapping(entry.get("error_state")).get("details")),
            )


def name_of(message: Json) -> str:
    """The name of a resource."""
    return raw.text(message.get("name")) or raw.text(message.get("cluster_name"))


def bootstrap(dump: Json) -> Json:
    """What the proxy was started with; empty if it is not there."""
    for config in raw.objects(dump.get("configs")):
        if "bootstrap" in config:
            return raw.mapping(config["bootstrap"])
    return {}


def file_secrets(dump: Json) -> frozenset[str]:
    """The secrets that the proxy reads from files of its own, by its bootstrap."""
    return frozenset(
        raw.text(each.get("name"))
        for each in _mappings(bootstrap(dump))
        if {"path_config_source", "path"} & raw.mapping(each.get("sds_config")).keys()
    )


def in_use(dump: Json) -> frozenset[str]:
    """The route configurations and secrets that listeners and clusters name. Envoy also keeps those
    of listeners that have been taken away and still serve what is open, which a dump need not show.
    """
    kinds = (LISTENER, CLUSTER)
    return frozenset(
        name
        for kind in kinds
        for entry in entries(dump, kind)
        for each in _mappings(entry.message)
        for name in _used(each)
    )


def _used(message: Json) -> Iterator[str]:
    if "sds_config" in message:
        yield raw.text(message.get("name"))
    yield raw.text(message.get("route_config_name"))


def _mappings(value: object) -> Iterator[Json]:
    """A message and all that are in it."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _mappings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _mappings(each)


def config_object(message: Json, kind: str) -> str:
    """The Istio object of a kind (`virtual-service`) that a message came from, by the metadata that
    istioctl reads; `name.namespace`, or empty.
    """
    metadata = raw.mapping(raw.mapping(message.get("metadata")).get("filter_metadata"))
    parts = raw.text(raw.mapping(metadata.get("istio")).get("config")).split("/")
    # /apis/networking.istio.io/v1/namespaces/NAMESPACE/virtual-service/NAME
    is_one = len(parts) == 8 and parts[4] == "namespaces" and parts[6] == kind
    return f"{parts[7]}.{parts[5]}" if is_one else ""


def addresses(message: Json) -> Sequence[tuple[str, int]]:
    """Where a listener listens: its address, then the further ones."""
    more = (
        raw.mapping(each.get("address"))
        for each in raw.objects(message.get("additional_addresses"))
    )
    return [socket_address(each) for each in (raw.mapping(message.get("address")), *more)]


def socket_address(address: Json) -> tuple[str, int]:
    """The address and port of an Address message; of a pipe its path, and 0."""
    found = raw.mapping(address.get("socket_address"))
    port = found.get("port_value")
    if found:
        return raw.text(found.get("address")), port if isinstance(port, int) else 0
    return raw.text(raw.mapping(address.get("pipe")).get("path")), 0
