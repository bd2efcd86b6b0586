"""What of a request is hashed, where a destination asks for consistent hashing: it stands on the
route, not the cluster.
"""

from collections.abc import Iterable

from envoy.config.route.v3.route_components_pb2 import RouteAction

from crds.destination_rule import ConsistentHashLB, HTTPCookie
from mesh.destinations import Policy
from translator import pb

_HashPolicy = RouteAction.HashPolicy
_MAX_ATTRIBUTE = 4096


def consistent_hash(policy: Policy) -> ConsistentHashLB | None:
    """The consistent hashing that a destination asks for."""
    return policy.load_balancer.consistent_hash if policy.load_balancer else None


def hash_policies(policies: Iterable[Policy]) -> list[RouteAction.HashPolicy]:
    """Those of all destinations of a rule, each once; Envoy combines them."""
    asked = dict.fromkeys(consistent_hash(policy) for policy in policies)
    made = [_hash_policy(settings) for settings in asked if settings is not None]
    return [policy for policy in made if policy is not None]


def _hash_policy(settings: ConsistentHashLB) -> RouteAction.HashPolicy | None:
    if name := pb.text(settings.http_header_name or ""):
        return _HashPolicy(header=_HashPolicy.Header(header_name=name))
    if (cookie := settings.http_cookie) and cookie.name:
        return _HashPolicy(cookie=_cookie(cookie))
    if settings.use_source_ip:
        return _HashPolicy(connection_properties=_HashPolicy.ConnectionProperties(source_ip=True))
    if parameter := settings.http_query_parameter_name:
        return _HashPolicy(query_parameter=_HashPolicy.QueryParameter(name=parameter))
    return None


def _cookie(cookie: HTTPCookie) -> RouteAction.HashPolicy.Cookie:
    return _HashPolicy.Cookie(
        name=cookie.name,
        path=cookie.path,
        ttl=None if cookie.ttl is None else pb.duration(cookie.ttl),
        attributes=[
            _HashPolicy.CookieAttribute(
                name=pb.text(attribute.name), value=pb.text(attribute.value)
            )
            for attribute in cookie.attributes
            if 0 < len(attribute.name) + len(attribute.value) < _MAX_ATTRIBUTE
        ],
    )
