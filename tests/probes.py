"""Requests that try what a configuration says: for each route some that it should take, and some
that miss it by one thing.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from envoy.config.route.v3.route_components_pb2 import (
    HeaderMatcher,
    QueryParameterMatcher,
    RouteMatch,
    VirtualHost,
)
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from explain.request import Request

_SAMPLES = (
    (r"\[0-9\]\+|\\d\+", "7"),
    (r"\.[*+]", "x"),
    (r"\[[^\]]*\][*+]?", "a"),
    (r"\([^)|]*\|([^)]*)\)", r"\1"),
    (r"^([^()|]*)\|.*", r"\1"),
    (r"[()^$?\\]", ""),
    (r"\+|\*", ""),
)
"""Parts of expressions, and what they match."""


def probes(host: VirtualHost) -> Iterator[Request]:
    """Requests to one virtual host, by each of its names and for each of its routes."""
    names = [_concrete(domain) for domain in host.domains]
    for name in names:
        yield Request(authority=name)
        yield Request(authority=name.upper())
    if names:
        for route in host.routes:
            yield from _around(route.match, names[0])


def _concrete(domain: str) -> str:
    if domain == "*":
        return "unheard-of.example.com"
    return f"any{domain[1:]}" if domain.startswith("*") else domain


def _around(match: RouteMatch, authority: str) -> Iterator[Request]:
    """A request that has all that is asked, and others that lack or change one thing; none where a
    tunnel is asked for.
    """
    if match.HasField("connect_matcher"):
        return
    request = Request(authority=authority, path=_path(match) + _query(match))
    for header in match.headers:
        request = _with(request, header, _fitting(header))
    yield request
    for path in _others(match):
        yield replace(request, path=path + _query(match))
    for header in match.headers:
        for value in (None, "", "other", _fitting(header) or "present"):
            yield _with(request, header, value)
    for left_out in match.query_parameters:
        rest = [each for each in match.query_parameters if each.name != left_out.name]
        yield replace(request, path=f"{_path(match)}?{'&'.join(map(_pair, rest))}")
        yield replace(request, path=f"{_path(match)}?{left_out.name}=other")


def _path(match: RouteMatch) -> str:
    if match.path:
        return match.path
    return _sample(match.safe_regex.regex) if match.HasField("safe_regex") else match.prefix


def _others(match: RouteMatch) -> Iterator[str]:
    path = _path(match)
    yield from (f"{path}x", f"{path.rstrip('/')}/below", path.swapcase(), "/", "/else/where")


def _query(match: RouteMatch) -> str:
    return "?" + "&".join(["a=b", *map(_pair, match.query_parameters)])


def _pair(parameter: QueryParameterMatcher) -> str:
    return f"{parameter.name}={_value(parameter.string_match)}"


def _fitting(header: HeaderMatcher) -> str | None:
    """A value that the matcher takes, `None` if it takes what is missing."""
    return None if header.invert_match else _value(header.string_match)


def _value(matcher: StringMatcher) -> str:
    match matcher.WhichOneof("match_pattern"):
        case "exact":
            return matcher.exact
        case "prefix":
            return f"{matcher.prefix}1"
        case "safe_regex":
            return _sample(matcher.safe_regex.regex)
        case _:
            return "there"


def _sample(expression: str) -> str:
    for part, matched in _SAMPLES:
        expression = re.sub(part, matched, expression)
    return expression


def _with(request: Request, header: HeaderMatcher, value: str | None) -> Request:
    """A pseudo header is always there, so it can only be changed; the scheme cannot even be."""
    match header.name:
        case ":method":
            known = value in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
            return replace(request, method=value if known and value else "PATCH")
        case ":authority" | ":scheme" | ":path":
            return request
        case name:
            rest = {k: v for k, v in request.headers.items() if k != name}
            return replace(request, headers=rest if value is None else {**rest, name: value})
