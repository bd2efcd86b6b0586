"""Which requests a route takes: one block of `match`, less what was judged for the client
beforehand (port, labels).
"""

from collections.abc import Iterator, Mapping

from envoy.config.route.v3.route_components_pb2 import (
    HeaderMatcher,
    QueryParameterMatcher,
    RouteMatch,
)
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from crds.http_match import claim_path, is_claim
from crds.virtual_service import HTTPMatchRequest, StringMatch
from translator import metadata, pb

_MAX_QUERY_NAME = 1024


def is_expressible(match: HTTPMatchRequest) -> bool:
    """Whether Envoy takes the block. One with a name that no header or parameter can have matches
    nothing, so it can be left out.
    """
    headers = (*match.headers, *match.without_headers)
    return all(_is_name(name) for name in headers) and all(
        0 < len(name.encode()) <= _MAX_QUERY_NAME for name in match.query_params
    )


def _is_name(name: str) -> bool:
    """Of a header, or of a claim."""
    if is_claim(name):
        return bool(claim_path(name))
    return bool(name) and name == pb.text(name)


def route_match(match: HTTPMatchRequest) -> RouteMatch:
    """All conditions of the block; an empty block takes every request."""
    uri = match.uri or StringMatch()
    exact, regex = uri.exact is not None, bool(uri.regex)
    return RouteMatch(
        path=uri.exact,
        safe_regex=pb.regex(uri.regex or "") if regex and not exact else None,
        prefix=None if exact or regex else uri.prefix or "/",
        case_sensitive=BoolValue(value=False) if match.ignore_uri_case and not regex else None,
        headers=_headers(match),
        query_parameters=[
            _query(name, value) for name, value in sorted(match.query_params.items())
        ],
        dynamic_metadata=[
            *_claims(match.headers, invert=False),
            *_claims(match.without_headers, invert=True),
        ],
    )


def _claims(headers: Mapping[str, StringMatch], *, invert: bool) -> Iterator[MetadataMatcher]:
    """Claims of a verified token, which only gateways look at before they choose a route (S-65)."""
    for name, value in sorted(headers.items()):
        path = claim_path(name)
        if path:
            yield metadata.claim(path, pb.string_matcher(value), invert=invert)


def _headers(match: HTTPMatchRequest) -> list[HeaderMatcher]:
    pseudo = {
        ":method": match.method,
        ":scheme": match.scheme,
        ":authority": match.authority,
    }
    asked = {name: value for name, value in pseudo.items() if value is not None}
    return [
        *(_header(name, value) for name, value in asked.items()),
        *(_header(name, value) for name, value in _plain(match.headers)),
        *(_without(name, value) for name, value in _plain(match.without_headers)),
    ]


def _plain(headers: Mapping[str, StringMatch]) -> list[tuple[str, StringMatch]]:
    return [(name, value) for name, value in sorted(headers.items()) if not is_claim(name)]


def _header(name: str, match: StringMatch) -> HeaderMatcher:
    value = pb.string_matcher(match)
    if value is None:
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=value)


def _without(name: str, match: StringMatch) -> HeaderMatcher:
    value = pb.string_matcher(match)
    if value is None:
        return HeaderMatcher(name=name, present_match=True, invert_match=True)
    return HeaderMatcher(
        name=name, string_match=value, invert_match=True, treat_missing_header_as_empty=True
    )


def _query(name: str, match: StringMatch) -> QueryParameterMatcher:
    value = pb.string_matcher(match)
    if value is None:
        return QueryParameterMatcher(name=name, present_match=True)
    return QueryParameterMatcher(name=name, string_match=value)
