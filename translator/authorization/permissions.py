"""What is called: the operations of a rule, and the conditions about the called side."""

from collections.abc import Iterator, Sequence

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.rbac.v3.rbac_pb2 import Permission, SourcedMetadata
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import (
    UriTemplateMatchConfig,
)
from envoy.type.matcher.v3.path_pb2 import PathMatcher

from crds.authorization_policy import Listed
from crds.condition import Asked, Attribute
from crds.names import escaped
from crds.path_template import MANY, ONE, is_template
from translator import metadata, pb
from translator.authorization import matchers
from translator.authorization.matchers import Form, pattern

ANYTHING = Permission(any=True)
_ASKED = frozenset(
    {
        Attribute.DESTINATION_IP,
        Attribute.DESTINATION_PORT,
        Attribute.CONNECTION_SNI,
        Attribute.FILTER_METADATA,
    }
)


def is_permission(asked: Asked) -> bool:
    """Whether a condition is about the called side, and not about the caller."""
    return asked.attribute in _ASKED


def field_permission(field: str, value: str, offset: int, *, any_value: bool) -> Permission:
    """One value of an operation's field. `any_value`: of a host that is given twice, one is
    enough.
    """
    match field:
        case "hosts":
            return _host(value, any_value=any_value)
        case "ports":
            return _port(value, offset)
        case "methods":
            return _header(":method", value)
        case _:
            return _path(value)


def _host(value: str, *, any_value: bool) -> Permission:
    """A host in any case; with `any_value` also one of several, which Envoy joins with commas. A
    client may add the port or the root's dot, so without a port in the policy both are the same
    host: a DENY of `x.com` that `x.com:80` gets past would deny nothing.
    """
    found = pattern(value)
    text = escaped(found.text)
    has_port = ":" in found.text.rpartition("]")[2]
    end = "" if has_port else r"\.?(?::[0-9]+)?"
    before, after = (matchers.LIST_START, matchers.LIST_END) if any_value else ("", "")
    shapes = {
        Form.EXACT: f"(?i){before}{text}{end}{after}",
        Form.PREFIX: f"(?i){before}{text}.*",
        Form.SUFFIX: f"(?i).*{text}{end}{after}",
        Form.PRESENT: ".+",
    }
    matcher = matchers.expression(shapes[found.form])
    return Permission(header=HeaderMatcher(name=":authority", string_match=matcher))


def _header(name: str, value: str) -> Permission:
    matcher = matchers.string_matcher(pattern(value))
    return Permission(header=HeaderMatcher(name=name, string_match=matcher))


def _path(value: str) -> Permission:
    if is_template(value):
        template = value.replace(MANY, "**").replace(ONE, "*")
        match = UriTemplateMatchConfig(path_template=template)
        return Permission(
            uri_template=TypedExtensionConfig(name="uri-template", typed_config=pb.any_of(match))
        )
    return Permission(url_path=PathMatcher(path=matchers.string_matcher(pattern(value))))


def _port(value: str, offset: int) -> Permission:
    return Permission(destination_port=int(value) + offset)


def condition_permission(asked: Asked, value: str, offset: int) -> Permission:
    """One value of a condition about the called side."""
    match asked.attribute:
        case Attribute.DESTINATION_IP:
            return Permission(destination_ip=matchers.cidr(value))
        case Attribute.DESTINATION_PORT:
            return _port(value, offset)
        case Attribute.CONNECTION_SNI:
            return Permission(requested_server_name=matchers.string_matcher(pattern(value)))
        case _:
            found = matchers.string_matcher(pattern(value))
            matcher = metadata.left(asked.names[0], asked.names[1:], found)
            return Permission(sourced_metadata=SourcedMetadata(metadata_matcher=matcher))


def operation(fields: Sequence[Listed], offset: int, *, refuses: bool) -> Permission:
    """All fields of one operation; `offset` as in `rules.Side`. `refuses`: it is refused."""
    found: list[Permission] = []
    for field in fields:
        for values, negated in ((field.values, False), (field.not_values, True)):
            if values:
                hidden = refuses is not negated
                each = _any(
                    [field_permission(field.name, v, offset, any_value=hidden) for v in values]
                )
                found.append(Permission(not_rule=each) if negated else each)
    return _all(found)


def conditions(
    asked: Asked, values: Sequence[str], not_values: Sequence[str], offset: int
) -> Iterator[Permission]:
    """One condition about the called side."""
    for given, negated in ((values, False), (not_values, True)):
        if given:
            each = _any([condition_permission(asked, value, offset) for value in given])
            yield Permission(not_rule=each) if negated else each


def together(one: Permission, others: Sequence[Permission]) -> Permission:
    """One of the operations, under the conditions."""
    return _all([*(() if one == ANYTHING else (one,)), *others])


def _all(rules: Sequence[Permission]) -> Permission:
    return matchers.all_of(
        rules, lambda many: Permission(and_rules=Permission.Set(rules=many)), ANYTHING
    )


def _any(rules: Sequence[Permission]) -> Permission:
    return matchers.all_of(
        rules,
        lambda many: Permission(or_rules=Permission.Set(rules=many)),
        Permission(not_rule=ANYTHING),
    )
