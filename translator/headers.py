"""Header operations of a VirtualService as Envoy's.

`set` comes before `add`, names in order. Setting the host is no header operation to Envoy but a
rewrite of the route: `host` finds it. Envoy refuses a route that touches `host` or a pseudo header
in any other way, so those are left out here.
"""

from collections.abc import Mapping

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption

from crds.header_format import format_fault
from crds.virtual_service import HeaderOperations, Headers
from translator import pb

_HOST = frozenset({"host", ":authority"})
_MAX_VALUE_BYTES = 16_384


def to_add(*operations: HeaderOperations | None) -> list[HeaderValueOption]:
    """What `set` and `add` of all `operations` say, in that order."""
    added: list[HeaderValueOption] = []
    for each in operations:
        if each is None:
            continue
        added += _options(each.set, HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD)
        added += _options(each.add, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD)
    return added


def to_remove(*operations: HeaderOperations | None) -> list[str]:
    """What `remove` of all `operations` says, each name once."""
    names = (name for each in operations if each is not None for name in each.remove)
    return [name for name in dict.fromkeys(names) if _is_plain(name)]


def host(*headers: Headers | None) -> str:
    """The first host that a request's `set` or `add` asks for, or `""`."""
    for each in headers:
        if each is None or each.request is None:
            continue
        for values in (each.request.set, each.request.add):
            for name in sorted(values):
                if name.lower() in _HOST and values[name]:
                    return pb.text(values[name])
    return ""


def _options(
    values: Mapping[str, str], action: HeaderValueOption.HeaderAppendAction.ValueType
) -> list[HeaderValueOption]:
    return [
        HeaderValueOption(
            header=HeaderValue(key=name, value=literal_unless_valid(value)), append_action=action
        )
        for name, value in sorted(values.items())
        if _is_plain(name) and _is_sendable(value)
    ]


def _is_plain(name: str) -> bool:
    if not name or name.startswith(":") or name.lower() in _HOST:
        return False
    return name == pb.text(name)


def _is_sendable(value: str) -> bool:
    return value == pb.text(value) and len(value.encode()) <= _MAX_VALUE_BYTES // 2


def literal_unless_valid(value: str) -> str:
    """`value` if its `%` signs are escapes (`%%`) and command operators that Envoy knows; if not,
    with all of them escaped.

    One bad format string would make Envoy refuse every route in the response.
    """
    return value if format_fault(value) is None else value.replace("%", "%%")
