"""What is written in an HTTP rule and has no effect there: Istio takes it in silence, we say so."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crds.http_match import HTTPMatchRequest
from crds.http_retry import HTTPRetry
from crds.http_route import HTTPRoute
from crds.problem import Problem, warning
from crds.scalars import StringMatch

CODE = "no-effect"
MESH = "mesh"


def check_idle(path: str, route: HTTPRoute) -> Iterator[Problem]:
    """Fields of one rule that another field of it overrules."""
    yield from _answered(path, route)
    yield from _mirrors(path, route)
    yield from _faults(path, route)
    for index, match in enumerate(route.match):
        yield from _match(f"{path}.match[{index}]", match)
    if route.retries is not None:
        yield from _retries(f"{path}.retries", route.retries)
    cors = route.cors_policy
    if cors is not None and cors.allow_origin and cors.allow_origins:
        yield _idle(f"{path}.corsPolicy.allowOrigin", "allowOrigins counts alone: move it there")


def check_reach(http: Sequence[HTTPRoute]) -> Iterator[Problem]:
    """Rules that come after one that takes every request."""
    for index, route in enumerate(http):
        if any(map(takes_all, route.match)) or not route.match:
            for after in range(index + 1, len(http)):
                if is_repeated(http[after], route):
                    continue
                message = f"is never reached: spec.http[{index}] takes every request; move it up"
                yield warning("unreachable-rule", f"spec.http[{after}]", message)
            return


def is_repeated(one: HTTPRoute, named: HTTPRoute) -> bool:
    """Flagger keeps a place for its sticky route with a rule that says the same without a name."""
    return not one.name and bool(named.name) and replace(one, name=named.name) == named


def takes_all(match: HTTPMatchRequest) -> bool:
    """Whether it asks for nothing."""
    everything = StringMatch(prefix="/")
    return match == HTTPMatchRequest(
        name=match.name,
        stat_prefix=match.stat_prefix,
        ignore_uri_case=match.ignore_uri_case,
        uri=everything if match.uri == everything else None,
    )


def _answered(path: str, route: HTTPRoute) -> Iterator[Problem]:
    if route.redirect is None and route.direct_response is None:
        return
    for name, value in (
        ("timeout", route.timeout),
        ("retries", route.retries),
        ("mirror", route.mirror),
        ("mirrors", route.mirrors),
    ):
        if value:
            yield _idle(f"{path}.{name}", "nothing is forwarded by this rule: remove it")


def _mirrors(path: str, route: HTTPRoute) -> Iterator[Problem]:
    given = {"mirrorPercentage": route.mirror_percentage, "mirrorPercent": route.mirror_percent}
    for name, value in given.items():
        if value is not None and route.mirror is None and route.delegate is None:
            yield _idle(
                f"{path}.{name}", "there is no `mirror`; `mirrors` have percentages of their own"
            )
    if None not in given.values():
        yield _idle(f"{path}.mirrorPercent", "mirrorPercentage counts alone: remove it")


def _faults(path: str, route: HTTPRoute) -> Iterator[Problem]:
    if route.fault is None:
        return
    delay, abort = route.fault.delay, route.fault.abort
    never = "without a percentage it never happens: set percentage.value, up to 100"
    if delay is not None and delay.percentage is None and not delay.percent:
        yield _idle(f"{path}.fault.delay", never)
    if delay is not None and delay.percentage is not None and delay.percent:
        yield _idle(f"{path}.fault.delay.percent", "percentage counts alone: remove it")
    if abort is not None and abort.percentage is None:
        yield _idle(f"{path}.fault.abort", never)


def _match(path: str, match: HTTPMatchRequest) -> Iterator[Problem]:
    if match.uri is not None:
        yield from _uri(f"{path}.uri", match.uri)
    if match.ignore_uri_case and match.uri is not None and match.uri.regex is not None:
        yield _idle(f"{path}.ignoreUriCase", "a regex says itself: begin it with (?i)")
    if MESH in match.gateways:
        for name, value in (
            ("sourceLabels", match.source_labels),
            ("sourceNamespace", match.source_namespace),
        ):
            if value:
                message = "beside `gateways` the client does not matter: use a block without it"
                yield _idle(f"{path}.{name}", message)


def _uri(path: str, uri: StringMatch) -> Iterator[Problem]:
    for name, value in (("exact", uri.exact), ("prefix", uri.prefix)):
        if value and "?" in value:
            message = "never matches: a query is no part of the path; use queryParams"
            yield warning("unmatched-path", f"{path}.{name}", message, value)
        elif value and value[0] not in "/*":
            message = "never matches: a path begins with /"
            yield warning("unmatched-path", f"{path}.{name}", message, value)


def _retries(path: str, retries: HTTPRetry) -> Iterator[Problem]:
    if retries.attempts:
        return
    for name, value in (
        ("backoff", retries.backoff),
        ("retryIgnorePreviousHosts", retries.retry_ignore_previous_hosts),
    ):
        if value is not None:
            yield _idle(f"{path}.{name}", "0 attempts turn retries off: set attempts")


def _idle(path: str, why: str) -> Problem:
    return warning(CODE, path, f"has no effect: {why}")
