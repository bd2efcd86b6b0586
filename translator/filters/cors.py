"""Cross-origin requests: the client's sidecar answers preflights as the rule says."""

from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy as CorsPolicyMessage
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from crds.virtual_service import CorsPolicy, UnmatchedPreflights
from translator import pb
from translator.http_messages import HttpFilter

NAME = "envoy.filters.http.cors"


def http_filter() -> HttpFilter:
    """Does nothing on routes without a policy."""
    return HttpFilter(name=NAME, typed_config=pb.any_of(Cors()))


def per_route(policy: CorsPolicy) -> CorsPolicyMessage:
    """The policy of one rule."""
    credentials = policy.allow_credentials
    ignore = policy.unmatched_preflights is UnmatchedPreflights.IGNORE
    return CorsPolicyMessage(
        allow_origin_string_match=_origins(policy),
        allow_methods=",".join(policy.allow_methods),
        allow_headers=",".join(policy.allow_headers),
        expose_headers=",".join(policy.expose_headers),
        max_age="" if policy.max_age is None else str(int(policy.max_age.seconds)),
        allow_credentials=None if credentials is None else BoolValue(value=credentials),
        forward_not_matching_preflights=BoolValue(value=False) if ignore else None,
    )


def _origins(policy: CorsPolicy) -> list[StringMatcher]:
    if policy.allow_origins:
        matchers = (pb.string_matcher(origin) for origin in policy.allow_origins)
        return [matcher for matcher in matchers if matcher is not None]
    return [StringMatcher(exact=origin) for origin in policy.allow_origin]
