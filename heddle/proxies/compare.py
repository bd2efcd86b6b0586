"""What a proxy is to hold, what it has accepted, and what it holds by its own account: side by
side, resource by resource.

Of endpoints Envoy shows what they have become at runtime, so addresses and weights are compared;
of secrets the version, for their content is redacted. Where objects are written does not count:
of that a proxy has what was so when it was told. What comes from the proxy's own bootstrap is
left out, for nobody sends it, and so is what only listeners use that have been taken away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heddle.proxies.config_dump import ACKED, NACKED
from heddle.proxies.dump import (
    CLUSTER,
    ENDPOINT,
    KINDS,
    ROUTE,
    SECRET,
    Entry,
    Json,
    entries,
    file_secrets,
    in_use,
    socket_address,
)
from heddle.proxies.written import without_stamps
from webhook import raw


class State(StrEnum):
    """How what a proxy holds differs from what it is to hold."""

    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    """It is to have it, and has it not."""
    EXTRA = "extra"
    """It has it, and is not to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One resource. `desired` and `live` are versions, `where` is the first field that differs, and
    `acked` what the control plane knows: whether the proxy accepted it, with its words if not.
    """

    kind: str
    name: str
    state: State
    desired: str = ""
    acked: str = ""
    live: str = ""
    where: str = ""
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether it is not as it should be."""
        return self.state is not State.SAME or self.acked == NACKED


_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One resource as it is to be and as it is held; at least one of them is there."""

    kind: str
    name: str
    wanted: Entry | None
    held: Entry | None

    @property
    def where(self) -> str:
        """The first field that differs, if both are there and differ."""
        if self.wanted is None or self.held is None:
            return ""
        found = _unequal(_form(self.kind, self.wanted), _form(self.kind, self.held))
        return next(found, "").lstrip(".")


def compare(desired: Json, live: Json) -> Sequence[Difference]:
    """Every resource of both dumps, by kind and name. `desired` says of each whether it was
    accepted, as our own dumps do.
    """
    return [_difference(pair) for pair in pairs(desired, live)]


def pairs(desired: Json, live: Json) -> Sequence[Pair]:
    """The same, before they are compared."""
    ours = in_use(live) - file_secrets(live)
    found: list[Pair] = []
    for kind in KINDS:
        wanted = {each.name: each for each in entries(desired, kind)}
        held = {each.name: each for each in entries(live, kind) if each.is_dynamic}
        if kind in (SECRET, ROUTE):
            held = {name: each for name, each in held.items() if name in wanted or name in ours}
        elif kind == ENDPOINT:
            sent = {name for name in held if name in wanted}
            held = {name: held[name] for name in sent | (held.keys() & _discovered(live))}
        names = sorted(wanted.keys() | held.keys())
        found += [
            Pair(kind=kind, name=name, wanted=wanted.get(name), held=held.get(name))
            for name in names
        ]
    return found


def _discovered(live: Json) -> set[str]:
    """Clusters whose endpoints come over xDS: of others Envoy shows them too."""
    return {
        raw.text(raw.mapping(each.message.get("eds_cluster_config")).get("service_name"))
        or each.name
        for each in entries(live, CLUSTER)
        if each.message.get("type") == "EDS"
    }


def _difference(pair: Pair) -> Difference:
    wanted, held, where = pair.wanted, pair.held, pair.where
    if wanted is None:
        state = State.EXTRA
    elif held is None:
        state = State.MISSING
    else:
        state = State.CHANGED if where else State.SAME
    return Difference(
        kind=pair.kind,
        name=pair.name,
        state=state,
        desired=wanted.version if wanted else "",
        acked=wanted.status if wanted else "",
        live=held.version if held else "",
        where=where,
        reason=wanted.reason if wanted else "",
    )


def _form(kind: str, entry: Entry) -> object:
    """What of a resource is compared."""
    if kind == SECRET:
        return {"version": entry.version}
    if kind == ENDPOINT:
        return dict(_endpoints(entry.message))
    if kind == ROUTE:
        hosts = sorted(
            raw.objects(entry.message.get("virtual_hosts")),
            key=lambda host: raw.text(host.get("name")),
        )
        by_name = {raw.text(host.get("name")): host for host in hosts}
        return without_stamps({**entry.message, "virtual_hosts": by_name})
    return without_stamps(entry.message)


def _endpoints(message: Json) -> Iterator[tuple[str, object]]:
    for locality in raw.objects(message.get("endpoints")):
        priority = locality.get("priority", 0)
        for each in raw.objects(locality.get("lb_endpoints")):
            endpoint = raw.mapping(each.get("endpoint"))
            address, port = socket_address(raw.mapping(endpoint.get("address")))
            weight = each.get("load_balancing_weight", 1)
            yield f"{address}:{port}", {"weight": weight, "priority": priority}


def _unequal(wanted: object, held: object, path: str = "") -> Iterator[str]:
    """The paths of fields that differ, in order."""
    if isinstance(wanted, Mapping) and isinstance(held, Mapping):
        for name in sorted(wanted.keys() | held.keys()):
            both = wanted.get(name, _ABSENT), held.get(name, _ABSENT)
            yield from _unequal(*both, f"{path}.{name}")
    elif isinstance(wanted, list) and isinstance(held, list) and len(wanted) == len(held):
        for number, both in enumerate(zip(wanted, held, strict=True)):
            yield from _unequal(*both, f"{path}[{number}]")
    elif wanted != held:
        yield path


def as_dict(difference: Difference) -> Mapping[str, object]:
    """For JSON; what is not known is left out."""
    shown = {
        "kind": difference.kind,
        "name": difference.name,
        "state": difference.state.value,
        "desired": difference.desired,
        "acked": difference.acked,
        "live": difference.live,
        "where": difference.where,
        "reason": difference.reason,
    }
    return {name: value for name, value in shown.items() if value}


def row(difference: Difference) -> Sequence[str]:
    """A line of a table; see `HEADINGS`."""
    accepted = {ACKED: "yes", NACKED: "REJECTED"}.get(difference.acked, "no")
    return (
        difference.kind,
        difference.name,
        difference.desired or "-",
        accepted if difference.desired or difference.acked else "-",
        difference.live or ("yes" if difference.state in (State.SAME, State.CHANGED) else "-"),
        difference.state.value,
        difference.reason or difference.where,
    )


HEADINGS: Final = ("KIND", "NAME", "DESIRED", "ACKED", "LIVE", "STATE", "WHERE")
