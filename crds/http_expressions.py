"""The regular expressions of a rule of HTTP, and how many of them are too many."""

from collections.abc import Iterable, Iterator
from itertools import chain

from crds.http_match import HTTPMatchRequest
from crds.http_route import HTTPRoute
from crds.names import regex_steps
from crds.problem import Problem, error
from crds.scalars import StringMatch

MAX_STEPS = 400_000
"""Of all expressions of one object together, compiled: a tenth of a second of processor time, which
everybody else waits for. An ordinary expression has some fifty.
"""


def too_much(routes: Iterable[HTTPRoute]) -> Iterator[Problem]:
    """An object whose expressions take too long to look at; no more of them is looked at then."""
    steps = 0
    for index, route in enumerate(routes):
        for each in expressions(route):
            steps += regex_steps(each)
            if steps > MAX_STEPS:
                message = (
                    "and the rules before it have expressions that take too much together: use "
                    "prefixes, shorter repetitions, or several objects"
                )
                yield error("too-many-expressions", f"spec.http[{index}]", message)
                return


def expressions(route: HTTPRoute) -> Iterator[str]:
    """All that a rule has."""
    found = [*chain.from_iterable(map(_of_match, route.match))]
    if route.cors_policy is not None:
        found += route.cors_policy.allow_origins
    yield from (each.regex for each in found if each is not None and each.regex is not None)
    if route.rewrite is not None and route.rewrite.uri_regex_rewrite is not None:
        yield route.rewrite.uri_regex_rewrite.match


def _of_match(match: HTTPMatchRequest) -> Iterator[StringMatch | None]:
    yield from (match.uri, match.scheme, match.method, match.authority)
    for values in (match.headers, match.without_headers, match.query_params):
        yield from values.values()
