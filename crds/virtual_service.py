"""VirtualService: routing rules for hosts. Its messages can all be imported from here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crds import checks
from crds.destination import Destination, PortSelector
from crds.http_action import (
    Delegate,
    HTTPBody,
    HTTPDirectResponse,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRewrite,
    RedirectPortSelection,
    RegexRewrite,
)
from crds.http_cors import CorsPolicy, UnmatchedPreflights
from crds.http_expressions import too_much
from crds.http_fault import Abort, Delay, HTTPFaultInjection
from crds.http_headers import HeaderOperations, Headers
from crds.http_idle import check_idle, check_reach
from crds.http_match import HTTPMatchRequest
from crds.http_retry import HTTPRetry
from crds.http_route import HTTPRoute, HTTPRouteDestination, check_http
from crds.meta import Meta
from crds.names import is_ip
from crds.problem import Problem, error, warning
from crds.scalars import Percent, StringMatch
from crds.tcp_route import (
    L4MatchAttributes,
    RouteDestination,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    check_tcp,
    check_tls,
)

__all__ = [
    "Abort",
    "CorsPolicy",
    "Delay",
    "Delegate",
    "Destination",
    "HTTPBody",
    "HTTPDirectResponse",
    "HTTPFaultInjection",
    "HTTPMatchRequest",
    "HTTPMirrorPolicy",
    "HTTPRedirect",
    "HTTPRetry",
    "HTTPRewrite",
    "HTTPRoute",
    "HTTPRouteDestination",
    "HeaderOperations",
    "Headers",
    "L4MatchAttributes",
    "Percent",
    "PortSelector",
    "RedirectPortSelection",
    "RegexRewrite",
    "RouteDestination",
    "StringMatch",
    "TCPRoute",
    "TLSMatchAttributes",
    "TLSRoute",
    "UnmatchedPreflights",
    "VirtualService",
    "check",
]

MESH = "mesh"


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualService:
    """No `hosts` makes it a delegate; no `gateways` means `mesh`."""

    meta: Meta
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    http: tuple[HTTPRoute, ...] = ()
    tls: tuple[TLSRoute, ...] = ()
    tcp: tuple[TCPRoute, ...] = ()
    export_to: tuple[str, ...] = ()


def check(virtual_service: VirtualService) -> Iterator[Problem]:
    """What is wrong with it, as far as it can be told from it alone."""
    gateways = virtual_service.gateways
    in_mesh = not gateways or MESH in gateways
    if refused := tuple(too_much(virtual_service.http)):
        yield from refused
        return
    yield from _check_hosts(virtual_service.hosts, in_mesh=in_mesh)
    if not virtual_service.hosts:
        yield from _check_delegate(virtual_service)
    elif not (virtual_service.http or virtual_service.tls or virtual_service.tcp):
        yield error("no-rules", "spec", "has no rules: write http, tls or tcp")
    yield from checks.gateways("spec.gateways", gateways)
    for index, route in enumerate(virtual_service.http):
        wrong = tuple(check_http(f"spec.http[{index}]", route, in_mesh=in_mesh))
        # What is wrong goes first: once it is right, other things may count.
        yield from wrong or check_idle(f"spec.http[{index}]", route)
    if virtual_service.hosts:
        yield from check_reach(virtual_service.http)
    for index, tls_route in enumerate(virtual_service.tls):
        yield from check_tls(f"spec.tls[{index}]", tls_route, virtual_service.hosts)
    for index, tcp_route in enumerate(virtual_service.tcp):
        yield from check_tcp(f"spec.tcp[{index}]", tcp_route)
    yield from checks.export_to(virtual_service.export_to, virtual_service.meta.namespace)


def _check_hosts(hosts: Sequence[str], *, in_mesh: bool) -> Iterator[Problem]:
    for index, host in enumerate(hosts):
        path = f"spec.hosts[{index}]"
        if host == "*" and in_mesh:
            message = "`*` is allowed at gateways only: name hosts, or leave `mesh` out"
            yield error("bad-host", path, message, host)
        elif not is_ip(host):
            yield from checks.host(path, host)
        if _is_covered(host, hosts[:index], hosts):
            yield error("duplicate", path, "is covered by another host of this object", host)


def _is_covered(host: str, before: Sequence[str], hosts: Sequence[str]) -> bool:
    """The same as one before, or under any wildcard."""
    wildcards = (each for each in hosts if each.startswith("*") and each != host)
    return host in before or any(host.endswith(each[1:]) for each in wildcards)


def _check_delegate(virtual_service: VirtualService) -> Iterator[Problem]:
    for name, value in (
        ("gateways", virtual_service.gateways),
        ("tls", virtual_service.tls),
        ("tcp", virtual_service.tcp),
    ):
        if value:
            message = "is not allowed without hosts, which makes this a delegate: name the hosts"
            yield error("no-hosts", f"spec.{name}", message)
    if not (virtual_service.http or virtual_service.tls or virtual_service.tcp):
        message = "has neither hosts nor rules, so it does nothing: write http, and hosts or a root"
        yield warning("no-rules", "spec", message)
    for index, route in enumerate(virtual_service.http):
        if route.delegate is not None:
            message = "a delegate cannot delegate further: write the rules out, or name the hosts"
            yield error("no-hosts", f"spec.http[{index}].delegate", message)
