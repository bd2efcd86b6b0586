"""RBAC as Envoy evaluates it, over the messages that we make."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import re2  # type: ignore[import-untyped]  # google-re2 ships no types
from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.config.rbac.v3.rbac_pb2 import Permission, Principal
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import (
    UriTemplateMatchConfig,
)
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher

from explain.call import Call
from explain.errors import Unexplained, must
from translator.metadata import JWT_FILTER


def permits(rule: Permission, call: Call) -> bool:
    """Whether a permission is about the call."""
    match rule.WhichOneof("rule"):
        case "any":
            return True
        case "and_rules":
            return all(permits(each, call) for each in rule.and_rules.rules)
        case "or_rules":
            return any(permits(each, call) for each in rule.or_rules.rules)
        case "not_rule":
            return not permits(rule.not_rule, call)
        case _:
            return _operation(rule, call)


def _operation(rule: Permission, call: Call) -> bool:
    kind = rule.WhichOneof("rule")
    match kind:
        case "header":
            return _header(rule.header, call)
        case "url_path":
            return text(rule.url_path.path, call.path.partition("?")[0])
        case "uri_template":
            template = UriTemplateMatchConfig()
            must(rule.uri_template.typed_config.Unpack(template), "another template")
            return _template(template.path_template, call.path.partition("?")[0])
        case "destination_ip":
            return _cidr(rule.destination_ip, call.address)
        case "destination_port":
            return rule.destination_port == call.port
        case "requested_server_name":
            return text(rule.requested_server_name, call.sni)
        case _:
            raise Unexplained(f"a permission of kind {kind}")


def identifies(principal: Principal, call: Call) -> bool:
    """Whether a principal is the caller."""
    kind = principal.WhichOneof("identifier")
    match kind:
        case "any":
            return True
        case "and_ids":
            return all(identifies(each, call) for each in principal.and_ids.ids)
        case "or_ids":
            return any(identifies(each, call) for each in principal.or_ids.ids)
        case "not_id":
            return not identifies(principal.not_id, call)
        case "authenticated":
            must(principal.authenticated.HasField("principal_name"), "anybody with a certificate")
            return bool(call.peer) and text(principal.authenticated.principal_name, call.peer)
        case "direct_remote_ip":
            return _cidr(principal.direct_remote_ip, call.peer_address)
        case "remote_ip":
            return _cidr(principal.remote_ip, call.remote_address)
        case "header":
            return _header(principal.header, call)
        case "sourced_metadata":
            return metadata_matches(principal.sourced_metadata.metadata_matcher, call.claims)
        case _:
            raise Unexplained(f"a principal of kind {kind}")


def _header(matcher: HeaderMatcher, call: Call) -> bool:
    must(call.http, "a header of a connection")
    headers = {":method": call.method, ":authority": call.host, **call.headers}
    return matcher.name in headers and text(matcher.string_match, headers[matcher.name])


def metadata_matches(matcher: MetadataMatcher, claims: Mapping[str, object]) -> bool:
    """What the filter for tokens has left, compared."""
    must(matcher.filter == JWT_FILTER, f"metadata of {matcher.filter}")
    found: object = {"payload": claims} if claims else {}
    for segment in matcher.path:
        found = found.get(segment.key) if isinstance(found, Mapping) else None
    return (found is not None and _value(matcher.value, found)) != matcher.invert


def _value(matcher: ValueMatcher, value: object) -> bool:
    match matcher.WhichOneof("match_pattern"):
        case "or_match":
            return any(_value(each, value) for each in matcher.or_match.value_matchers)
        case "list_match":
            items = value if isinstance(value, list) else []
            return any(_value(matcher.list_match.one_of, each) for each in items)
        case "present_match":
            return matcher.present_match
        case "string_match":
            return isinstance(value, str) and text(matcher.string_match, value)
        case kind:
            raise Unexplained(f"a value matcher of kind {kind}")


def text(matcher: StringMatcher, value: str) -> bool:
    """Envoy's StringMatcher."""
    kind = matcher.WhichOneof("match_pattern")
    if kind is None:
        raise Unexplained("a comparison with nothing")
    pattern = getattr(matcher, kind) if kind != "safe_regex" else matcher.safe_regex.regex
    if kind == "safe_regex":
        return re2.fullmatch(pattern, value) is not None
    must(bool(pattern), "an empty prefix or suffix")
    if matcher.ignore_case:
        pattern, value = pattern.lower(), value.lower()
    tests = {"exact": value == pattern}
    tests |= {"prefix": value.startswith(pattern), "suffix": value.endswith(pattern)}
    return tests[str(kind)]


def _template(template: str, path: str) -> bool:
    parts = (_PLACES.get(part, re2.escape(part)) for part in _PLACE.split(template))
    return re2.fullmatch("".join(parts), path) is not None


_PLACE = re2.compile(r"(\*\*?)")
_PLACES = {"*": "[^/]+", "**": ".*"}


def _cidr(block: CidrRange, address: str) -> bool:
    own = ip_network(f"{block.address_prefix}/{block.prefix_len.value}", strict=False)
    return ip_address(address) in own
