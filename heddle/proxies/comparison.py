"""What a proxy is to hold, has accepted and holds, side by side: resource by resource, from three
dumps in the form of Envoy's `/config_dump`.

What Envoy writes of itself is left out: when it took something, what came with its bootstrap. So is
what says the same in another order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Json = Mapping[str, object]
Name = tuple[str, str]
"""A kind of `KINDS`, and the resource's name."""


class Agreement(StrEnum):
    """How what a proxy holds compares with what it is to hold."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    """The proxy does not hold it."""
    EXTRA = "extra"
    """It holds what it should not."""
    UNKNOWN = "not asked"
    """Nobody could ask the proxy itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One resource. `accepted`: the control plane knows that the proxy has taken this very content;
    `words`: why not, if the proxy said so. The contents are without what is secret.
    """

    kind: str
    name: str
    agreement: Agreement
    accepted: bool
    words: str = ""
    version: str = ""
    desired: Json | None = field(default=None, repr=False)
    live: Json | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    content: Json
    status: str = ""
    words: str = ""
    version: str = ""


_SECTIONS: Final[Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    "ClustersConfigDump": (
        "cluster",
        ("dynamic_warming_clusters", "dynamic_active_clusters"),
        "cluster",
    ),
    "EndpointsConfigDump": ("endpoint", ("dynamic_endpoint_configs",), "endpoint_config"),
    "ListenersConfigDump": ("listener", ("dynamic_listeners",), "listener"),
    "RoutesConfigDump": ("route", ("dynamic_route_configs",), "route_config"),
    "SecretsConfigDump": (
        "secret",
        ("dynamic_warming_secrets", "dynamic_active_secrets"),
        "secret",
    ),
}
"""By the kind of a section: ours, the lists in it, of which the last one counts, and the field with
the content.
"""
KINDS: Final = tuple(kind for kind, _, _ in _SECTIONS.values())


def compared(desired: Json, live: Json | None) -> Sequence[Compared]:
    """Every resource of either, by kind and name; what differs is in both. `live` is absent if the
    proxy could not be asked.
    """
    wanted, held = dict(_entries(desired)), dict(_entries(live or {}))
    held = {name: each for name, each in held.items() if _is_ours(name, each, wanted, held)}
    names = sorted(wanted.keys() | held.keys(), key=lambda name: (KINDS.index(name[0]), name[1]))
    return [
        _compared(name, wanted.get(name), held.get(name), asked=live is not None) for name in names
    ]


def _is_ours(
    name: Name, entry: _Entry, wanted: Mapping[Name, _Entry], held: Mapping[Name, _Entry]
) -> bool:
    """Whether what an Envoy holds is of our making: it shows the secrets of its bootstrap's files
    among ours, without a version, and the addresses of clusters that have them inside.
    """
    kind, named = name
    if name in wanted:
        return True
    if kind == "secret":
        return bool(entry.version)
    if kind == "endpoint":
        cluster = held.get(("cluster", named))
        return cluster is not None and cluster.content.get("type") == "EDS"
    return True


def _compared(name: Name, wanted: _Entry | None, held: _Entry | None, *, asked: bool) -> Compared:
    kind, named = name
    return Compared(
        kind=kind,
        name=named,
        agreement=_agreement(kind, wanted, held) if asked else Agreement.UNKNOWN,
        accepted=wanted is not None and wanted.status == "ACKED",
        words=wanted.words if wanted else "",
        version=wanted.version if wanted else "",
        desired=wanted.content if wanted else None,
        live=held.content if held else None,
    )


def _agreement(kind: str, wanted: _Entry | None, held: _Entry | None) -> Agreement:
    if wanted is None:
        return Agreement.EXTRA
    if held is None:
        return Agreement.MISSING
    if kind == "endpoint":  # Envoy writes down what it made of them
        same = _addresses(wanted.content) == _addresses(held.content)
    elif kind == "secret":  # what tells two of them apart is not shown
        same = wanted.version == held.version
    else:
        same = _plain(wanted.content) == _plain(held.content)
    return Agreement.SAME if same else Agreement.DIFFERS


def _entries(dump: Json) -> Iterator[tuple[Name, _Entry]]:
    for config in _listed(dump.get("configs")):
        kind, fields, content = _SECTIONS.get(
            str(config.get("@type", "")).rpartition(".")[2], ("", (), "")
        )
        for each in (each for name in fields for each in _listed(config.get(name))):
            entry = _entry(each, content)
            if entry is not None:
                yield (kind, _name(entry.content)), entry


def _entry(each: Json, content: str) -> _Entry | None:
    """A listener's state is one level deeper than that of all others."""
    state = next(
        (
            found
            for part in ("active_state", "warming_state")
            if (found := _mapping(each.get(part)))
        ),
        each,
    )
    found = _mapping(state.get(content))
    if not found:
        return None
    return _Entry(
        content=found,
        status=str(each.get("client_status", "")),
        words=str(_mapping(each.get("error_state")).get("details", "")),
        version=str(state.get("version_info", "")),
    )


def _name(content: Json) -> str:
    return str(content.get("name") or content.get("cluster_name") or "")


def _plain(value: object) -> object:
    """The same without what says nothing: the type of the whole, the order of virtual hosts."""
    if not isinstance(value, Mapping):
        return value
    found = {name: each for name, each in value.items() if name != "@type"}
    hosts = found.get("virtual_hosts")
    if isinstance(hosts, list):
        found["virtual_hosts"] = sorted(hosts, key=lambda host: _name(_mapping(host)))
    return found


def _addresses(content: Json) -> Sequence[tuple[str, str, str]]:
    """The endpoints: address, port and weight of each."""
    found = []
    for locality in _listed(content.get("endpoints")):
        for each in _listed(locality.get("lb_endpoints")):
            address = _mapping(_mapping(each.get("endpoint")).get("address"))
            socket = _mapping(address.get("socket_address"))
            where = socket or _mapping(address.get("pipe"))
            weight = str(each.get("load_balancing_weight", 1))
            found.append(
                (str(where.get("address", where)), str(where.get("port_value", "")), weight)
            )
    return sorted(found)


def _listed(value: object) -> Sequence[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
