"""Tokens: one that is there has to be valid, and what it says is left for policies and routes.

A request without a token passes (S-98). One whose token no issuer vouches for is refused with 401,
and with 403 if the token is for another audience. Envoy fetches keys itself, in the background, and
no listener waits for them: until they are there, and after they could not be fetched, no token of
that issuer is valid.
"""

from collections.abc import Iterable, Iterator, Sequence

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.config.route.v3.route_components_pb2 import RouteMatch
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import (
    JwksAsyncFetch,
    JwtAuthentication,
    JwtClaimToHeader,
    JwtHeader,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    RemoteJwks,
    RequirementRule,
)
from google.protobuf.empty_pb2 import Empty

from crds.request_authentication import JWTRule
from crds.scalars import Duration
from mesh.tokens import Inline, Issuer, NoKeys, Remote
from translator import names, pb
from translator.http_messages import HttpFilter
from translator.metadata import JWT_FILTER, PAYLOAD

_NOWHERE = HttpUri(uri="http://none.invalid/", cluster=names.BLACKHOLE, timeout=pb.seconds(1))
"""Where keys are fetched from that do not exist: the cluster has no endpoint. Envoy refuses a set
without keys, and any key in its place would be one that somebody may have.
"""
_ALWAYS_LISTS = ("permission", "scope")
"""Claims that Istio splits at spaces, whatever a rule says."""

_TIMEOUT = Duration(5_000_000_000)
_KEPT = 300
"""Seconds until keys are fetched again: so long may a key live that its issuer has withdrawn."""
_RETRIED = 10
"""Seconds until keys are fetched again that were not there. A request with a token asks at once."""


def http_filters(issuers: Sequence[Issuer], *, reroute: bool) -> Iterator[HttpFilter]:
    """None if no issuer is known. `reroute`: routes ask for claims, so they are chosen again once
    a token is verified.
    """
    if not issuers:
        return
    known = {f"origins-{n}": each for n, each in enumerate(issuers)}
    made = JwtAuthentication(
        providers={name: _provider(each, reroute) for name, each in known.items()},
        rules=(RequirementRule(match=RouteMatch(prefix="/"), requires=_any_of(known)),),
        bypass_cors_preflight=True,  # browsers send no token with it (S-91)
    )
    yield HttpFilter(name=JWT_FILTER, typed_config=pb.any_of(made))


def _any_of(providers: Iterable[str]) -> JwtRequirement:
    """A valid token of one of them, or no token in any place where one of them looks."""
    each = [JwtRequirement(provider_name=name) for name in providers]
    missing = JwtRequirement(allow_missing=Empty())
    return JwtRequirement(requires_any=JwtRequirementOrList(requirements=(*each, missing)))


def _provider(issuer: Issuer, reroute: bool) -> JwtProvider:
    rule, keys = issuer.rule, issuer.keys
    return JwtProvider(
        issuer=rule.issuer,
        audiences=rule.audiences,
        local_jwks=DataSource(inline_string=keys.jwks) if isinstance(keys, Inline) else None,
        remote_jwks=None if isinstance(keys, Inline) else _remote(keys, rule),
        forward=rule.forward_original_token,
        from_headers=[
            JwtHeader(name=pb.text(each.name), value_prefix=pb.text(each.prefix))
            for each in rule.from_headers
        ],
        from_params=rule.from_params,
        from_cookies=rule.from_cookies,
        forward_payload_header=pb.text(rule.output_payload_to_header),
        claim_to_headers=[
            JwtClaimToHeader(header_name=pb.text(each.header), claim_name=each.claim)
            for each in rule.output_claim_to_headers
        ],
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata=JwtProvider.NormalizePayload(
            space_delimited_claims=sorted({*rule.space_delimited_claims, *_ALWAYS_LISTS})
        ),
        clear_route_cache=reroute,
    )


def _remote(keys: Remote | NoKeys, rule: JWTRule) -> RemoteJwks:
    if isinstance(keys, NoKeys):
        return RemoteJwks(http_uri=_NOWHERE)
    uri = keys.uri
    host, port = keys.service or (uri.host, uri.port)
    cluster = (
        names.outbound_cluster(port, "", host)
        if keys.service
        else names.jwks_cluster(uri.host, uri.port, tls=uri.tls)
    )
    return RemoteJwks(
        http_uri=HttpUri(
            uri=uri.text, cluster=cluster, timeout=pb.positive_duration(rule.timeout or _TIMEOUT)
        ),
        cache_duration=pb.seconds(_KEPT),
        async_fetch=JwksAsyncFetch(
            fast_listener=True, failed_refetch_duration=pb.seconds(_RETRIED)
        ),
    )
