"""One HTTP rule of a VirtualService."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from crds import checks
from crds.destination import Destination, check_destination
from crds.fields import Int32, UInt32, alias
from crds.http_action import (
    Delegate,
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRewrite,
    check_direct_response,
    check_mirror,
    check_redirect,
    check_rewrite,
)
from crds.http_cors import CorsPolicy, check_cors
from crds.http_fault import HTTPFaultInjection, check_fault
from crds.http_headers import Headers, check_headers, sets_authority
from crds.http_match import HTTPMatchRequest, check_match
from crds.http_retry import HTTPRetry, check_retries
from crds.problem import Problem, error
from crds.scalars import Duration, Percent
from crds.tcp_route import check_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRouteDestination:
    """A share of the traffic; `weight` does not matter if there is only one."""

    destination: Destination | None = None
    weight: Int32 = 0
    headers: Headers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRoute:
    """One rule: any block of `match` selects it (none selects all); then one of route, redirect,
    direct_response, delegate.
    """

    name: str = ""
    match: tuple[HTTPMatchRequest, ...] = ()
    route: tuple[HTTPRouteDestination, ...] = ()
    redirect: HTTPRedirect | None = None
    direct_response: HTTPDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HTTPRewrite | None = None
    timeout: Duration | None = None
    retries: HTTPRetry | None = None
    fault: HTTPFaultInjection | None = None
    mirror: Destination | None = None
    mirrors: tuple[HTTPMirrorPolicy, ...] = ()
    mirror_percent: UInt32 | None = field(default=None, metadata=alias("mirror_percent"))
    mirror_percentage: Percent | None = None
    cors_policy: CorsPolicy | None = None
    headers: Headers | None = None


def check_http(path: str, route: HTTPRoute, *, in_mesh: bool) -> Iterator[Problem]:
    """`in_mesh`: the rule is for sidecars, too."""
    yield from _check_action(path, route)
    for index, match in enumerate(route.match):
        yield from check_match(f"{path}.match[{index}]", match, in_mesh=in_mesh)
    for index, each in enumerate(route.route):
        here = f"{path}.route[{index}]"
        yield from check_destination(f"{here}.destination", each.destination)
        yield from check_headers(f"{here}.headers", each.headers)
    yield from check_weights(f"{path}.route", [each.weight for each in route.route])
    yield from checks.whole_milliseconds(f"{path}.timeout", route.timeout)
    yield from check_headers(f"{path}.headers", route.headers)
    yield from _check_mirrors(path, route)
    yield from _check_parts(path, route)


def _check_action(path: str, route: HTTPRoute) -> Iterator[Problem]:
    given = [
        name
        for name, value in (
            ("route", route.route),
            ("redirect", route.redirect),
            ("directResponse", route.direct_response),
            ("delegate", route.delegate),
        )
        if value
    ]
    if not given:
        yield error("no-action", path, "needs route, redirect, directResponse or delegate")
    elif len(given) > 1:
        yield error("one-of", path, f"{' and '.join(given)} exclude each other: keep one")
    if route.redirect or route.direct_response:
        for name, value in (("fault", route.fault), ("rewrite", route.rewrite)):
            if value:
                message = "has no effect with redirect or directResponse: remove it"
                yield error("one-of", f"{path}.{name}", message)


def _check_parts(path: str, route: HTTPRoute) -> Iterator[Problem]:
    if route.redirect is not None:
        yield from check_redirect(f"{path}.redirect", route.redirect)
        yield from _check_prefix_rewrite(path, route.redirect, route)
    if route.direct_response is not None:
        yield from check_direct_response(f"{path}.directResponse", route.direct_response)
    if route.rewrite is not None:
        yield from check_rewrite(f"{path}.rewrite", route.rewrite)
        if route.rewrite.authority and sets_authority(route.headers):
            message = "is also set by headers.request: keep one of the two"
            yield error("duplicate", f"{path}.rewrite.authority", message, route.rewrite.authority)
    if route.retries is not None:
        yield from check_retries(f"{path}.retries", route.retries)
    if route.fault is not None:
        yield from check_fault(f"{path}.fault", route.fault)
    if route.cors_policy is not None:
        yield from check_cors(f"{path}.corsPolicy", route.cors_policy)


def _check_prefix_rewrite(path: str, redirect: HTTPRedirect, route: HTTPRoute) -> Iterator[Problem]:
    uris = [match.uri for match in route.match if match.uri]
    if redirect.prefix_rewrite and any(u.exact is not None or u.regex is not None for u in uris):
        message = "works with prefix matches only: use uri, or match by prefix"
        here = f"{path}.redirect.prefixRewrite"
        yield error("no-prefix", here, message, redirect.prefix_rewrite)


def _check_mirrors(path: str, route: HTTPRoute) -> Iterator[Problem]:
    if route.mirror is not None:
        yield from check_destination(f"{path}.mirror", route.mirror)
        if route.mirrors:
            yield error("one-of", path, "`mirror` and `mirrors` exclude each other: keep one")
    for index, mirror in enumerate(route.mirrors):
        yield from check_mirror(f"{path}.mirrors[{index}]", mirror)
    yield from checks.within(f"{path}.mirrorPercent", route.mirror_percent, 0, 100)
    yield from checks.percentage(f"{path}.mirrorPercentage", route.mirror_percentage)
