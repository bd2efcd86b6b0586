"""Rules of a VirtualService below HTTP: opaque TCP, and TLS that is passed through."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds import checks
from crds.destination import Destination, check_destination
from crds.fields import EMPTY, Int32, UInt32
from crds.names import is_ip
from crds.problem import Problem, error, warning

MAX_WEIGHT = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDestination:
    """A share of the connections."""

    destination: Destination | None = None
    weight: Int32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSMatchAttributes:
    """Which TLS connections: by SNI, address, client."""

    sni_hosts: tuple[str, ...] = ()
    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_labels: Mapping[str, str] = EMPTY
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSRoute:
    """A rule for TLS that is passed through."""

    match: tuple[TLSMatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class L4MatchAttributes:
    """Which TCP connections: by address, port, client."""

    destination_subnets: tuple[str, ...] = ()
    port: UInt32 = 0
    source_subnet: str = ""
    source_labels: Mapping[str, str] = EMPTY
    gateways: tuple[str, ...] = ()
    source_namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPRoute:
    """A rule for opaque TCP."""

    match: tuple[L4MatchAttributes, ...] = ()
    route: tuple[RouteDestination, ...] = ()


def check_tls(path: str, route: TLSRoute, hosts: Sequence[str]) -> Iterator[Problem]:
    """`hosts` are the VirtualService's, which must cover the SNI."""
    if not route.match:
        yield error("empty", f"{path}.match", "is missing: say which SNI the rule is for")
    for index, match in enumerate(route.match):
        here = f"{path}.match[{index}]"
        yield from _check_sni(f"{here}.sniHosts", match.sni_hosts, hosts)
        yield from _check_match(here, match)
    yield from _check_destinations(f"{path}.route", route.route)


def check_tcp(path: str, route: TCPRoute) -> Iterator[Problem]:
    """Of one rule."""
    for index, match in enumerate(route.match):
        yield from _check_match(f"{path}.match[{index}]", match)
    yield from _check_destinations(f"{path}.route", route.route)


def check_weights(path: str, weights: Sequence[int]) -> Iterator[Problem]:
    """The shares of several destinations; a single one gets all."""
    for index, weight in enumerate(weights):
        yield from checks.not_negative(f"{path}[{index}]", ("weight", weight))
    if len(weights) > 1 and sum(weights) == 0:
        message = "no destination has a weight: give each its share, such as 90 and 10"
        yield error("no-weight", path, message)
    if sum(weights) > MAX_WEIGHT:
        yield error("out-of-range", path, f"weights must add up to at most {MAX_WEIGHT}")


def _check_sni(path: str, names: Sequence[str], hosts: Sequence[str]) -> Iterator[Problem]:
    if not names:
        yield error("empty", path, "is missing: say which SNI the rule is for")
    for index, name in enumerate(names):
        here = f"{path}[{index}]"
        if is_ip(name):
            message = "is never asked for: clients name no address in their TLS (RFC 6066)"
            yield warning("bad-sni", here, message, name)
            continue
        yield from checks.host(here, name)
        if not any(_covers(host, name) for host in hosts):
            yield error("bad-sni", here, "is not covered by the hosts of this object", name)
        elif "*" in name.removeprefix("*.") and name != "*":
            message = "a wildcard in a server name stands for whole labels: write `*.example.com`"
            yield error("bad-sni", here, message, name)


def _covers(host: str, name: str) -> bool:
    return name == host or (host.startswith("*") and name.endswith(host[1:]))


def _check_match(path: str, match: TLSMatchAttributes | L4MatchAttributes) -> Iterator[Problem]:
    yield from checks.subnets(f"{path}.destinationSubnets", match.destination_subnets)
    yield from checks.port(f"{path}.port", match.port, required=False)
    yield from checks.labels(f"{path}.sourceLabels", match.source_labels)
    yield from checks.gateways(f"{path}.gateways", match.gateways)


def _check_destinations(path: str, route: Sequence[RouteDestination]) -> Iterator[Problem]:
    if not route:
        yield error("no-destination", path, "is missing: name a destination")
    for index, each in enumerate(route):
        yield from check_destination(f"{path}[{index}].destination", each.destination)
    yield from check_weights(path, [each.weight for each in route])
