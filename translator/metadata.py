"""What filters leave on a request for those behind them: how policies and routes ask for it."""

from collections.abc import Sequence

from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ListMatcher, OrMatcher, ValueMatcher

JWT_FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
"""Where that filter leaves the claims of a token that it has verified."""


def left(
    filter_name: str, path: Sequence[str], value: StringMatcher | None, *, invert: bool = False
) -> MetadataMatcher:
    """A string, or a list that has such a string; without a `value` anything that is there."""
    return MetadataMatcher(
        filter=filter_name,
        path=tuple(MetadataMatcher.PathSegment(key=key) for key in path),
        value=ValueMatcher(present_match=True) if value is None else _or_in_list(value),
        invert=invert,
    )


def claim(
    path: Sequence[str], value: StringMatcher | None, *, invert: bool = False
) -> MetadataMatcher:
    """A claim of the verified token: without one there is none, and nothing matches."""
    return left(JWT_FILTER, (PAYLOAD, *path), value, invert=invert)


def _or_in_list(value: StringMatcher) -> ValueMatcher:
    own = ValueMatcher(string_match=value)
    listed = ValueMatcher(list_match=ListMatcher(one_of=own))
    return ValueMatcher(or_match=OrMatcher(value_matchers=(own, listed)))
