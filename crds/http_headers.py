"""Header operations of a VirtualService's rules and destinations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crds.fields import EMPTY
from crds.header_format import format_fault
from crds.names import is_token
from crds.problem import Problem, error, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderOperations:
    """`set` overwrites or creates, `add` appends, `remove` deletes."""

    set: Mapping[str, str] = EMPTY
    add: Mapping[str, str] = EMPTY
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """Operations on the request before it is forwarded, on the response before it is returned."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


MAX_VALUE_BYTES = 8_192
"""Envoy takes twice as much; each `%` may have to be doubled."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_AUTHORITY = frozenset({"host", ":authority"})


def check_headers(path: str, headers: Headers | None) -> Iterator[Problem]:
    """Both directions."""
    if headers is None:
        return
    if headers.request is not None:
        yield from _check_operations(f"{path}.request", headers.request, is_request=True)
    if headers.response is not None:
        yield from _check_operations(f"{path}.response", headers.response, is_request=False)


def sets_authority(headers: Headers | None) -> bool:
    """The host of the request is changed."""
    if headers is None or headers.request is None:
        return False
    given = (*headers.request.set, *headers.request.add)
    return any(name.lower() in _AUTHORITY for name in given)


def _check_operations(
    path: str, operations: HeaderOperations, *, is_request: bool
) -> Iterator[Problem]:
    for field, given in (("set", operations.set), ("add", operations.add)):
        for name, value in given.items():
            here = f'{path}.{field}["{name}"]'
            yield from _check_name(here, name, may_be_authority=is_request)
            yield from _check_value(here, value)
    for index, name in enumerate(operations.remove):
        yield from _check_name(f"{path}.remove[{index}]", name, may_be_authority=False)
    given_twice = [*operations.set, *operations.add]
    if sum(name.lower() in _AUTHORITY for name in given_twice) > 1:
        yield error("duplicate", path, "sets the authority twice: keep one of `host`, `:authority`")


def check_added(path: str, name: str, value: str) -> Iterator[Problem]:
    """A header that is added where the authority cannot be changed."""
    yield from _check_name(path, name, may_be_authority=False)
    yield from _check_value(path, value)


def _check_name(path: str, name: str, *, may_be_authority: bool) -> Iterator[Problem]:
    if name.lower() in _AUTHORITY:
        if not may_be_authority:
            message = "the authority can be set on requests, and neither removed nor on responses"
            yield error("bad-header", path, message, name)
    elif not is_token(name):
        yield error("bad-header", path, "is no name of a header", name)


def _check_value(path: str, value: str) -> Iterator[Problem]:
    if _CONTROL.search(value):
        yield error("bad-header-value", path, "has a control character: remove it", value)
    if len(value.encode()) > MAX_VALUE_BYTES:
        message = f"is longer than {MAX_VALUE_BYTES} bytes"
        yield error("bad-header-value", path, message, value)
    fault = format_fault(value)
    if fault:
        yield warning("percent-sign", path, f"{fault}; it is sent as it is written", value)
