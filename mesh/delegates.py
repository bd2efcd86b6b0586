"""Delegates: a rule of one VirtualService gives its place to the rules of another, without hosts.

What both say of a request is put together: the delegate's rule takes what the root's rule lets
through *and* its own matches ask for; for the rest the delegate's own word counts, then the
root's. One level only. The rules for what goes together are Istio's (istio-api.md S-9).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from crds.fields import FrozenMap
from crds.meta import Key
from crds.scalars import StringMatch
from crds.virtual_service import (
    Delegate,
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    VirtualService,
)
from mesh import hosts
from mesh.source import VIRTUAL_SERVICE, Source, networking

VirtualServices = Mapping[Key, VirtualService]

MAX_BLOCKS = 4_096
"""How many blocks of `match` a rule that delegates may become: its own times its delegate's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A rule of a delegate that a root cannot use. `index` is the rule's, `match` the block's at
    fault; `why` names what does not go together with which of the root's blocks.
    """

    index: int
    match: int
    why: str


def delegate_keys(root: VirtualService) -> Iterator[Key]:
    """The delegates that an object names."""
    for route in root.http:
        if route.delegate is not None:
            yield delegate_key(route.delegate, root.meta.namespace)


def delegate_key(delegate: Delegate, namespace: str) -> Key:
    """The object that a rule in `namespace` delegates to."""
    return Key(
        "networking.istio.io", "VirtualService", delegate.namespace or namespace, delegate.name
    )


def merged(root: VirtualService, known: VirtualServices) -> VirtualService:
    """`root` with the rules of its delegates in place; a rule whose delegate cannot be used stays
    as it is, with its `delegate`.
    """
    if not any(route.delegate for route in root.http):
        return root
    return replace(root, http=tuple(rule for rule, _ in _rules(root, known)))


def sources(root: VirtualService, known: VirtualServices) -> tuple[Source, ...]:
    """Which object each rule of the `merged` root was written in, and where."""
    return tuple(source for _, source in _rules(root, known))


def _rules(root: VirtualService, known: VirtualServices) -> Iterator[tuple[HTTPRoute, Source]]:
    for index, route in enumerate(root.http):
        if route.delegate is None or unusable(route, root.meta.namespace, known):
            yield route, http_source(root, index)
            continue
        delegate = known[delegate_key(route.delegate, root.meta.namespace)]
        for number, own in enumerate(delegate.http):
            matches = _matches(route.match, own.match)
            if isinstance(matches, Dropped):
                continue
            rule = _joined(route, _placed(own, delegate.meta.namespace), matches)
            yield rule, http_source(delegate, number)


def http_source(written: VirtualService, index: int) -> Source:
    """One `http` rule of an object, as it was written."""
    key = networking(VIRTUAL_SERVICE, written.meta)
    return Source(object=key, path=f"spec.http[{index}]", generation=written.meta.generation)


def unusable(route: HTTPRoute, namespace: str, known: VirtualServices) -> str:
    """Why a rule in `namespace` cannot delegate where it says; empty if it can."""
    if route.delegate is None:
        return ""
    key = delegate_key(route.delegate, namespace)
    found = known.get(key)
    name = f"VirtualService {key.namespace}/{key.name}"
    if found is None:
        return f"there is no {name}"
    if found.hosts:
        return f"{name} has hosts, so it is no delegate"
    if not _is_exported(found, namespace):
        return f"{name} is not exported to namespace {namespace}"
    blocks = max(len(route.match), 1) * sum(max(len(own.match), 1) for own in found.http)
    if blocks > MAX_BLOCKS:
        return f"with the matches of {name} this makes {blocks}, more than {MAX_BLOCKS}"
    return ""


def _is_exported(virtual_service: VirtualService, namespace: str) -> bool:
    exports = virtual_service.export_to or ("*",)
    own = virtual_service.meta.namespace == namespace
    return "*" in exports or namespace in exports or (own and "." in exports)


def dropped(route: HTTPRoute, delegate: VirtualService) -> Iterator[Dropped]:
    """The rules of a delegate that cannot take the place of `route`."""
    for index, own in enumerate(delegate.http):
        found = _matches(route.match, own.match)
        if isinstance(found, Dropped):
            yield replace(found, index=index)


def _placed(route: HTTPRoute, namespace: str) -> HTTPRoute:
    """With full names of hosts: short ones are of the delegate's namespace, not of the root's."""

    def full(destination: Destination) -> Destination:
        return replace(destination, host=hosts.resolve(destination.host, namespace))

    return replace(
        route,
        route=tuple(
            replace(each, destination=full(each.destination)) if each.destination else each
            for each in route.route
        ),
        mirror=full(route.mirror) if route.mirror else None,
        mirrors=tuple(
            replace(each, destination=full(each.destination)) if each.destination else each
            for each in route.mirrors
        ),
    )


def _joined(root: HTTPRoute, own: HTTPRoute, matches: tuple[HTTPMatchRequest, ...]) -> HTTPRoute:
    mirrored = own.mirror is not None or bool(own.mirrors)
    percentage = own.mirror_percentage is not None or own.mirror_percent is not None
    return replace(
        own,
        name=_name(root.name, own.name),
        match=matches,
        rewrite=own.rewrite or root.rewrite,
        timeout=own.timeout or root.timeout,
        retries=own.retries or root.retries,
        fault=own.fault or root.fault,
        mirror=own.mirror if mirrored else root.mirror,
        mirrors=own.mirrors if mirrored else root.mirrors,
        mirror_percentage=own.mirror_percentage if percentage else root.mirror_percentage,
        mirror_percent=own.mirror_percent if percentage else root.mirror_percent,
        cors_policy=own.cors_policy or root.cors_policy,
        headers=own.headers or root.headers,
    )


def _name(root: str, own: str) -> str:
    return "-".join(filter(None, (root, own)))


def _matches(
    root: tuple[HTTPMatchRequest, ...], own: tuple[HTTPMatchRequest, ...]
) -> tuple[HTTPMatchRequest, ...] | Dropped:
    """Each of the delegate's blocks with each of the root's that it goes together with. One that
    goes with none drops the whole rule.
    """
    if not (root and own):
        return root or own
    found: list[HTTPMatchRequest] = []
    for index, leaf in enumerate(own):
        fitting = [_both(above, leaf) for above in root if not _conflict(above, leaf)]
        if not fitting:
            whys = dict.fromkeys(_conflict(above, leaf) for above in root)
            return Dropped(index=0, match=index, why=", ".join(whys))
        found += fitting
    return tuple(found)


def _both(root: HTTPMatchRequest, leaf: HTTPMatchRequest) -> HTTPMatchRequest:
    """What `leaf` says, and where it says nothing, what `root` does."""
    return replace(
        leaf,
        name=_name(root.name, leaf.name),
        uri=leaf.uri or root.uri,
        scheme=leaf.scheme or root.scheme,
        method=leaf.method or root.method,
        authority=leaf.authority or root.authority,
        headers=FrozenMap({**root.headers, **leaf.headers}),
        without_headers=FrozenMap({**root.without_headers, **leaf.without_headers}),
        query_params=FrozenMap({**root.query_params, **leaf.query_params}),
        port=leaf.port or root.port,
        source_labels=FrozenMap({**root.source_labels, **leaf.source_labels}),
        source_namespace=leaf.source_namespace or root.source_namespace,
        gateways=leaf.gateways or root.gateways,
        stat_prefix=leaf.stat_prefix or root.stat_prefix,
    )


def _conflict(root: HTTPMatchRequest, leaf: HTTPMatchRequest) -> str:
    """The first thing in which two blocks do not go together; empty if they do."""
    return next(_conflicts(root, leaf), "")


def _conflicts(root: HTTPMatchRequest, leaf: HTTPMatchRequest) -> Iterator[str]:
    pairs = {
        "uri": (root.uri, leaf.uri),
        "scheme": (root.scheme, leaf.scheme),
        "method": (root.method, leaf.method),
        "authority": (root.authority, leaf.authority),
        **_shared("headers", root.headers, leaf.headers),
        **_shared("withoutHeaders", root.without_headers, leaf.without_headers),
        **_shared("queryParams", root.query_params, leaf.query_params),
    }
    yield from (name for name, (above, own) in pairs.items() if not _narrows(above, own))
    if root.ignore_uri_case != leaf.ignore_uri_case:
        yield "ignoreUriCase"
    if root.port and leaf.port and root.port != leaf.port:
        yield "port"
    if root.source_namespace not in ("", leaf.source_namespace):
        yield "sourceNamespace"
    for name, value in leaf.source_labels.items():
        if root.source_labels.get(name, value) != value:
            yield f'sourceLabels["{name}"]'
    if root.gateways and not set(leaf.gateways) <= set(root.gateways):
        yield "gateways"


def _shared(
    field: str, root: Mapping[str, StringMatch], leaf: Mapping[str, StringMatch]
) -> Mapping[str, tuple[StringMatch, StringMatch]]:
    return {f'{field}["{name}"]': (root[name], leaf[name]) for name in root if name in leaf}


def _narrows(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    """Whether `leaf` takes no more than `root`, as far as that can be told: of regular expressions
    and of mere presence it cannot.
    """
    if root is None or leaf is None:
        return True
    if root.regex is not None or leaf.regex is not None:
        return False
    if root.exact is not None:
        return leaf.exact == root.exact
    if root.prefix is None:
        return False
    value = leaf.exact if leaf.exact is not None else leaf.prefix
    return value is not None and value.startswith(root.prefix)
