"""What a route does with a request: forward it, redirect it, or answer it."""

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import DataSource, RuntimeFractionalPercent
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    RedirectAction,
    RouteAction,
    WeightedCluster,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import BoolValue

from crds.scalars import Duration
from crds.virtual_service import (
    HTTPBody,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    RedirectPortSelection,
    RegexRewrite,
)
from mesh.routing import Mirror
from translator import headers, pb
from translator.filters import upstream_alpn
from translator.hash_policy import consistent_hash, hash_policies
from translator.retries import retry_policy
from translator.shares import Share, cluster_of

MAX_BODY_BYTES = 1 << 20
"""The longest body of a direct response, as in Istio: a longer one is cut off."""

_NO_TIMEOUT = Duration(0)
_NO_REWRITE = HTTPRewrite()
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CODES = {
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}


def forward(rule: HTTPRoute, shares: Sequence[Share], mirrors: Sequence[Mirror]) -> RouteAction:
    """Sends the request to the clusters of `shares`, of which there is at least one."""
    only = shares[0] if len(shares) == 1 else None
    rewrite = rule.rewrite or _NO_REWRITE
    policies = [share.target.policy for share in shares if share.target]
    timeout = rule.timeout or _NO_TIMEOUT
    return RouteAction(
        cluster=only.cluster if only else None,
        weighted_clusters=None if only else _weighted(shares),
        timeout=pb.duration(timeout),
        # Envoy ignores `timeout` where `max_stream_duration` is given: so one or the other.
        max_stream_duration=None if timeout.nanos else as_grpc_clients_ask(),
        retry_policy=retry_policy(rule.retries, hashed=any(map(consistent_hash, policies))),
        hash_policy=hash_policies(policies),
        prefix_rewrite=pb.text(rewrite.uri),
        regex_rewrite=None if rewrite.uri else _regex_rewrite(rewrite.uri_regex_rewrite),
        host_rewrite_literal=_host(rule, only) or None,
        request_mirror_policies=[_mirror(mirror) for mirror in mirrors if mirror.percent > 0],
    )


def as_grpc_clients_ask() -> RouteAction.MaxStreamDuration:
    """No limit but the one that a gRPC client names in its `grpc-timeout` header."""
    return RouteAction.MaxStreamDuration(grpc_timeout_header_max=pb.seconds(0))


def _host(rule: HTTPRoute, only: Share | None) -> str:
    """A rewrite wins over the rule's headers, and these over those of an only destination."""
    if rule.rewrite and rule.rewrite.authority:
        return pb.text(rule.rewrite.authority)
    return headers.host(rule.headers, only.target.headers if only and only.target else None)


def _weighted(shares: Sequence[Share]) -> WeightedCluster:
    return WeightedCluster(clusters=[_cluster_weight(share) for share in shares])


def _cluster_weight(share: Share) -> WeightedCluster.ClusterWeight:
    own = share.target.headers if share.target else None
    request, response = (own.request, own.response) if own else (None, None)
    return WeightedCluster.ClusterWeight(
        name=share.cluster,
        weight=pb.uint32(share.weight),
        request_headers_to_add=headers.to_add(request),
        request_headers_to_remove=headers.to_remove(request),
        response_headers_to_add=headers.to_add(response),
        response_headers_to_remove=headers.to_remove(response),
        host_rewrite_literal=headers.host(own) or None,
        typed_per_filter_config=_filter_config(share),
    )


def _filter_config(share: Share) -> dict[str, Any]:
    if share.target is None or not share.target.detected:
        return {}
    return {upstream_alpn.NAME: pb.any_of(upstream_alpn.per_route())}


def _mirror(mirror: Mirror) -> RouteAction.RequestMirrorPolicy:
    return RouteAction.RequestMirrorPolicy(
        cluster=cluster_of(mirror.target),
        runtime_fraction=RuntimeFractionalPercent(default_value=pb.percent(mirror.percent)),
        trace_sampled=BoolValue(value=False),
        disable_shadow_host_suffix_append=True,
    )


def _regex_rewrite(rewrite: RegexRewrite | None) -> RegexMatchAndSubstitute | None:
    if rewrite is None or not rewrite.match:
        return None
    return RegexMatchAndSubstitute(
        pattern=pb.regex(rewrite.match), substitution=pb.text(rewrite.rewrite)
    )


def redirect(action: HTTPRedirect, listener_port: int) -> RedirectAction:
    """A 3xx. `listener_port` is the port that the client called."""
    return RedirectAction(
        path_redirect=pb.text(action.uri) or None,
        prefix_rewrite=None if action.uri else pb.text(action.prefix_rewrite) or None,
        host_redirect=pb.text(action.authority),
        scheme_redirect=action.scheme or None,
        port_redirect=_redirect_port(action, listener_port),
        response_code=_CODES.get(action.redirect_code, RedirectAction.MOVED_PERMANENTLY),
    )


def _redirect_port(action: HTTPRedirect, listener_port: int) -> int:
    port = action.port or 0
    if action.derive_port is RedirectPortSelection.FROM_REQUEST_PORT:
        port = listener_port
    # A port that the scheme implies is left out of the location.
    return 0 if port == _DEFAULT_PORTS.get(action.scheme or "http") else min(port, 65_535)


def direct_response(action: HTTPDirectResponse) -> DirectResponseAction:
    """A fixed answer."""
    return DirectResponseAction(
        status=min(max(action.status, 200), 599), body=_body(action.body) if action.body else None
    )


def _body(body: HTTPBody) -> DataSource | None:
    content = body.bytes_ or (body.string or "").encode()
    if not content:
        return None
    if body.string and len(content) <= MAX_BODY_BYTES:
        return DataSource(inline_string=body.string)
    return DataSource(inline_bytes=content[:MAX_BODY_BYTES])


def unavailable(reasons: Sequence[str]) -> DirectResponseAction:
    """503, with the reasons why nothing can be reached as its body."""
    text = "; ".join(dict.fromkeys(reasons))
    return DirectResponseAction(status=503, body=DataSource(inline_string=f"{text}\n"))
