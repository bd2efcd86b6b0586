"""External authorization: what CUSTOM policies match, a provider decides (istio-api.md S-94).

The rules of each provider are shadow rules: they forbid nothing, but leave word on the request, by
which the filter after them knows that it is to ask. What a provider that cannot be asked would have
to decide is forbidden.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import HeaderValue
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.rbac.v3.rbac_pb2 import RBAC
from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import (
    AuthorizationRequest,
    AuthorizationResponse,
    BufferSettings,
    ExtAuthz,
    HttpService,
)
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRBAC
from envoy.extensions.filters.network.ext_authz.v3.ext_authz_pb2 import ExtAuthz as NetworkExtAuthz
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRBAC
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import ListStringMatcher, StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher
from envoy.type.v3.http_status_pb2 import HttpStatus, StatusCode
from google.protobuf.duration_pb2 import Duration as DurationMessage

from crds.authorization_policy import Action, AuthorizationPolicy
from crds.extension_provider import (
    Asked,
    EnvoyExternalAuthorizationGrpcProvider,
    EnvoyExternalAuthorizationHttpProvider,
    EnvoyExternalAuthorizationRequestBody,
)
from mesh.providers import Authorizer
from translator import headers, names, pb
from translator.authorization.matchers import pattern, string_matcher
from translator.authorization.rules import Side, rbac
from translator.filters.rbac import HTTP_NAME as RBAC_NAME
from translator.filters.rbac import NETWORK_NAME as NETWORK_RBAC_NAME
from translator.http_messages import HttpFilter

HTTP_NAME = "envoy.filters.http.ext_authz"
NETWORK_NAME = "envoy.filters.network.ext_authz"
PREFIX = "istio_ext_authz_"
ASKED = "istio-ext-authz-"
CLOSED = "-deny-due-to-bad-CUSTOM-action"
"""How Istio names what the shadow rules leave behind, and the rules."""

_STATUSES = {int(code): code for code in StatusCode.values()}
_KEY = "shadow_effective_policy_id"
_TIMEOUT = pb.seconds(600)
"""Istio's, of a provider that has none."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A provider, the policies that ask it, and where its rules leave word."""

    authorizer: Authorizer
    policies: Sequence[AuthorizationPolicy]
    prefix: str


def http_filters(
    policies: Sequence[AuthorizationPolicy], authorizers: Sequence[Authorizer], side: Side
) -> Iterator[HttpFilter]:
    """For ports that speak HTTP."""
    asking, closed = _sorted(policies, authorizers)
    if closed:
        denied = HttpRBAC(rules=rbac(closed, RBAC.DENY, side, after=CLOSED))
        yield HttpFilter(name=RBAC_NAME, typed_config=pb.any_of(denied))
    for each in asking:
        shadow = HttpRBAC(
            shadow_rules=rbac(each.policies, RBAC.DENY, side, before=ASKED),
            shadow_rules_stat_prefix=each.prefix,
        )
        yield HttpFilter(name=RBAC_NAME, typed_config=pb.any_of(shadow))
        yield HttpFilter(name=HTTP_NAME, typed_config=pb.any_of(_http(each)))


def network_filters(
    policies: Sequence[AuthorizationPolicy], authorizers: Sequence[Authorizer], side: Side
) -> Iterator[Filter]:
    """For ports that do not: of connections, only gRPC can ask."""
    grpc = [a for a in authorizers if isinstance(a.asked, EnvoyExternalAuthorizationGrpcProvider)]
    asking, closed = _sorted(policies, grpc)
    if closed:
        denied = NetworkRBAC(stat_prefix="tcp.", rules=rbac(closed, RBAC.DENY, side, after=CLOSED))
        yield Filter(name=NETWORK_RBAC_NAME, typed_config=pb.any_of(denied))
    for each in asking:
        shadow = NetworkRBAC(
            stat_prefix="tcp.",
            shadow_rules=rbac(each.policies, RBAC.DENY, side, before=ASKED),
            shadow_rules_stat_prefix=each.prefix,
        )
        asked = NetworkExtAuthz(
            stat_prefix="tcp.",
            grpc_service=_grpc_service(each.authorizer),
            transport_api_version=ApiVersion.V3,
            failure_mode_allow=each.authorizer.asked.fail_open,
            filter_enabled_metadata=_word(NETWORK_RBAC_NAME, each.prefix),
        )
        yield Filter(name=NETWORK_RBAC_NAME, typed_config=pb.any_of(shadow))
        yield Filter(name=NETWORK_NAME, typed_config=pb.any_of(asked))


def _sorted(
    policies: Sequence[AuthorizationPolicy], authorizers: Sequence[Authorizer]
) -> tuple[list[_Asking], list[AuthorizationPolicy]]:
    """Whom the policies ask, and those that cannot ask. The first leaves word where Istio's only
    one would.
    """
    custom = [each for each in policies if each.action is Action.CUSTOM]
    by_name: dict[str, list[AuthorizationPolicy]] = {each.name: [] for each in authorizers}
    closed: list[AuthorizationPolicy] = []
    for each in custom:
        by_name.get(each.provider.name if each.provider else "", closed).append(each)
    asked = (each for each in authorizers if by_name[each.name])
    asking = [
        _Asking(each, by_name[each.name], f"{PREFIX}{index}_" if index else PREFIX)
        for index, each in enumerate(asked)
    ]
    return asking, closed


def _http(asking: _Asking) -> ExtAuthz:
    asked = asking.authorizer.asked
    http = asked if isinstance(asked, EnvoyExternalAuthorizationHttpProvider) else None
    return ExtAuthz(
        http_service=_http_service(asking.authorizer, http) if http else None,
        grpc_service=None if http else _grpc_service(asking.authorizer),
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=asked.fail_open,
        with_request_body=_body(asked.include_request_body_in_check),
        clear_route_cache=asked.clear_route_cache,
        status_on_error=_status(asked.status_on_error),
        allowed_headers=_shown(http) if http else None,
        filter_enabled_metadata=_word(RBAC_NAME, asking.prefix),
    )


def _http_service(
    authorizer: Authorizer, asked: EnvoyExternalAuthorizationHttpProvider
) -> HttpService:
    added = asked.include_additional_headers_in_check
    answered = AuthorizationResponse(
        allowed_upstream_headers=_names(asked.headers_to_upstream_on_allow),
        allowed_client_headers=_names(asked.headers_to_downstream_on_deny),
        allowed_client_headers_on_success=_names(asked.headers_to_downstream_on_allow),
    )
    return HttpService(
        server_uri=HttpUri(
            uri=f"http://{authorizer.host}", cluster=_cluster(authorizer), timeout=_timeout(asked)
        ),
        path_prefix=asked.path_prefix,
        authorization_request=(
            AuthorizationRequest(
                headers_to_add=[
                    HeaderValue(key=name, value=headers.literal_unless_valid(added[name]))
                    for name in sorted(added)
                ]
            )
            if added
            else None
        ),
        authorization_response=answered if answered.ByteSize() else None,
    )


def _grpc_service(authorizer: Authorizer) -> GrpcService:
    return GrpcService(
        # Not the cluster's name, which Envoy would say: its bars are no part of an authority.
        envoy_grpc=GrpcService.EnvoyGrpc(
            cluster_name=_cluster(authorizer), authority=authorizer.host
        ),
        timeout=_timeout(authorizer.asked),
    )


def _cluster(authorizer: Authorizer) -> str:
    return names.outbound_cluster(authorizer.port, "", authorizer.host)


def _timeout(asked: Asked) -> DurationMessage:
    return pb.positive_duration(asked.timeout) if asked.timeout else _TIMEOUT


def _body(body: EnvoyExternalAuthorizationRequestBody | None) -> BufferSettings | None:
    if body is None:
        return None
    return BufferSettings(
        max_request_bytes=body.max_request_bytes,
        allow_partial_message=body.allow_partial_message,
        pack_as_bytes=body.pack_as_bytes,
    )


def _status(code: str) -> HttpStatus | None:
    return HttpStatus(code=_STATUSES[int(code)]) if code else None


def _shown(asked: EnvoyExternalAuthorizationHttpProvider) -> ListStringMatcher | None:
    """The field's older name counts where the newer one is not set."""
    return _names(asked.include_request_headers_in_check or asked.include_headers_in_check)


def _names(given: Sequence[str]) -> ListStringMatcher | None:
    if not given:
        return None
    return ListStringMatcher(
        patterns=[string_matcher(pattern(name), ignore_case=True) for name in given]
    )


def _word(filter_name: str, prefix: str) -> MetadataMatcher:
    """That the rules before have matched."""
    return MetadataMatcher(
        filter=filter_name,
        path=(MetadataMatcher.PathSegment(key=f"{prefix}{_KEY}"),),
        value=ValueMatcher(string_match=StringMatcher(prefix=ASKED)),
    )
