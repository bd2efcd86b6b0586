"""Checks of single values that several types share: each yields what is wrong, at its path."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crds.names import (
    MAX_PORT,
    gateway_fault,
    host_fault,
    is_dns_label,
    is_subnet,
    label_fault,
    regex_fault,
)
from crds.problem import Problem, error, warning
from crds.scalars import Duration, Percent, StringMatch

MILLISECOND = 1_000_000


def at_least_1ms(path: str, duration: Duration | None) -> Iterator[Problem]:
    """Istio's CRDs refuse anything shorter, 0 included."""
    if duration is not None and duration.nanos < MILLISECOND:
        message = "must be at least 1ms: leave it out for the default"
        yield error("too-short", path, message, str(duration))


def whole_milliseconds(path: str, duration: Duration | None) -> Iterator[Problem]:
    """At least one, and no fraction."""
    yield from at_least_1ms(path, duration)
    if duration is not None and duration.nanos > MILLISECOND and duration.nanos % MILLISECOND:
        yield error("too-fine", path, "must be whole milliseconds: round it", str(duration))


def not_negative(path: str, *numbers: tuple[str, int]) -> Iterator[Problem]:
    """Each a field's name and its value."""
    for name, number in numbers:
        if number < 0:
            yield error("out-of-range", f"{path}.{name}", "must not be negative", number)


def within(path: str, number: float | None, low: float, high: float) -> Iterator[Problem]:
    """Both ends inclusive."""
    if number is not None and not low <= number <= high:
        yield error("out-of-range", path, f"must be {low:g} to {high:g}", number)


def percentage(path: str, percent: Percent | None, smallest: float = 0.0) -> Iterator[Problem]:
    """0, or from the smallest that has an effect up to 100."""
    if percent is not None and percent.value != 0:
        yield from within(f"{path}.value", percent.value, smallest, 100)


def at_most(path: str, count: int, most: int) -> Iterator[Problem]:
    """Of the entries of a list."""
    if count > most:
        yield error("too-many", path, f"at most {most}", count)


def dns_label(path: str, name: str, *, code: str = "bad-name") -> Iterator[Problem]:
    """RFC 1123, in lower case."""
    if not is_dns_label(name):
        message = "must be lower case letters, digits and `-`, at most 63 characters"
        yield error(code, path, message, name)


def port(path: str, number: int, *, required: bool = True) -> Iterator[Problem]:
    """0 is "not given" where the field is not required."""
    if number > MAX_PORT or (required and number < 1):
        yield error("bad-port", path, f"must be 1 to {MAX_PORT}", number)


def host(path: str, name: str, *, wildcard: bool = True) -> Iterator[Problem]:
    """A DNS name."""
    fault = host_fault(name, wildcard=wildcard)
    if fault:
        yield error("bad-host", path, fault, name)


def labels(path: str, given: Mapping[str, str]) -> Iterator[Problem]:
    """Kubernetes labels."""
    for name, value in given.items():
        fault = label_fault(name, value)
        if fault:
            yield error("bad-label", f'{path}["{name}"]', fault, value)


def subnets(path: str, given: Sequence[str]) -> Iterator[Problem]:
    """IP addresses or CIDR blocks."""
    for index, subnet in enumerate(given):
        if not is_subnet(subnet):
            yield error(
                "bad-subnet", f"{path}[{index}]", "must be an IP address or 10.0.0.0/8", subnet
            )


def gateways(path: str, given: Sequence[str]) -> Iterator[Problem]:
    """Names of Gateways, or the word `mesh`."""
    for index, name in enumerate(given):
        fault = gateway_fault(name)
        if fault:
            yield error("bad-gateway", f"{path}[{index}]", fault, name)


def namespace(path: str, name: str) -> Iterator[Problem]:
    """Empty is "not given"."""
    if name and not is_dns_label(name):
        yield error("bad-namespace", path, "must be the name of a namespace", name)


def export_to(
    given: Sequence[str], own: str, *, nobody: bool = False, path: str = "spec.exportTo"
) -> Iterator[Problem]:
    """Namespaces, `.` for the own one, `*` for all; `~` for none, where that is allowed."""
    for index, name in enumerate(given):
        here = f"{path}[{index}]"
        if name in given[:index]:
            yield error("duplicate", here, "is given twice: keep one", name)
        elif name == own and "." in given:
            yield error("duplicate", here, "is the same as `.` here: keep one", name)
        elif name in ("*", "~") and len(given) > 1:
            yield error("bad-export", here, f"`{name}` must stand alone: it says all", name)
        elif not (name in (".", "*") or (nobody and name == "~") or is_dns_label(name)):
            yield error("bad-export", here, "must be `.`, `*` or the name of a namespace", name)


def regex(path: str, pattern: str) -> Iterator[Problem]:
    """RE2, at most 1024 characters."""
    fault = regex_fault(pattern)
    if fault:
        yield error("bad-regex", path, fault, pattern)


def string_match(
    path: str, match: StringMatch | None, *, empty_prefix: bool = False
) -> Iterator[Problem]:
    """`empty_prefix` is allowed for paths only, where it matches all."""
    if match is None:
        return
    if match.regex is not None:
        yield from regex(f"{path}.regex", match.regex)
    if match.prefix == "" and not empty_prefix:
        message = "must not be empty: leave the match out to match anything"
        yield error("empty-prefix", f"{path}.prefix", message, "")


def key_file(path: str, certificate: str, key: str) -> Iterator[Problem]:
    """That a key has a file of its own: Envoy shows the one that it has a certificate from in its
    `/config_dump`, which the application can read, with whatever else is in it.
    """
    if key and key == certificate:
        message = "is the file of the certificate, which Envoy shows in /config_dump: give the key "
        yield warning("key-shown", f"{path}.privateKey", message + "a file of its own", key)


def duplicates(path: str, names: Iterable[str], field: str = "") -> Iterator[Problem]:
    """A name that comes a second time; `field` is where in each item it is."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield error("duplicate", f"{path}[{index}]{field}", "is given twice: keep one", name)
        seen.add(name)
