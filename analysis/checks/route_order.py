"""HTTP rules that an earlier rule of the same VirtualService leaves nothing for (IST0130), and
matches that are there twice (IST0131).

A rule without conditions is told of when the object is read; here it is about matches by path. A
match is compared with those that ask for the same besides the path, or for nothing else: with many
rules, each is looked up, not compared with all others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.http_idle import is_repeated, takes_all
from crds.meta import Key
from crds.scalars import StringMatch
from crds.virtual_service import HTTPMatchRequest, VirtualService

_NOTHING = HTTPMatchRequest()


def _run(facts: Facts) -> Iterator[Message]:
    for key, item in facts.subjects(VirtualService):
        if len(item.http) > 1 and item.hosts:  # a delegate's rules are put among those of others
            yield from _rules(key, item)


def _rules(key: Key, item: VirtualService) -> Iterator[Message]:
    before = _Taken()
    for index, rule in enumerate(item.http):
        if not rule.match or any(map(takes_all, rule.match)):
            return  # nothing comes after it, which is told of
        takers = [before.taker(match) for match in rule.match]
        if takers and None not in takers:
            first = next(each for each in takers if each is not None)
            if not is_repeated(rule, item.http[first]):
                yield _unreachable(key, index, first)
        else:
            for number, taker in enumerate(takers):
                if taker is not None:
                    yield _double(key, f"spec.http[{index}].match[{number}]", taker)
        if rule.delegate is None:  # what a delegate does not take goes on to the next rule
            for match in rule.match:
                before.add(match, index)


def _unreachable(key: Key, index: int, taker: int) -> Message:
    return finding(
        codes.VIRTUAL_SERVICE_UNREACHABLE_RULE,
        key,
        f"spec.http[{index}]",
        f"is never reached: spec.http[{taker}] takes all the requests that it is for",
        remedy=f"Put it before spec.http[{taker}], or remove it.",
    )


def _double(key: Key, path: str, taker: int) -> Message:
    return finding(
        codes.VIRTUAL_SERVICE_INEFFECTIVE_MATCH,
        key,
        path,
        f"never applies: spec.http[{taker}] takes these requests",
        remedy="Remove it, or put its rule first.",
    )


@dataclass(slots=True)
class _Paths:
    """The paths that are taken, each by which rule. `anything` takes all of them."""

    anything: int | None = None
    exact: dict[str, int] = field(default_factory=dict)
    prefix: dict[str, int] = field(default_factory=dict)
    regex: dict[str, int] = field(default_factory=dict)

    def add(self, uri: StringMatch | None, rule: int) -> None:
        """These paths are taken by a rule, unless an earlier one has them."""
        if uri is None or uri.prefix in ("", "/"):
            self.anything = rule if self.anything is None else self.anything
        elif uri.exact is not None:
            self.exact.setdefault(uri.exact, rule)
        elif uri.regex is not None:
            self.regex.setdefault(uri.regex, rule)
        else:
            self.prefix.setdefault(uri.prefix or "", rule)

    def taker(self, uri: StringMatch | None) -> int | None:
        """The rule that takes all of these paths."""
        if self.anything is not None or uri is None:
            return self.anything
        if uri.regex is not None:
            return self.regex.get(uri.regex)
        text = uri.exact if uri.exact is not None else uri.prefix or ""
        if uri.exact is not None and text in self.exact:
            return self.exact[text]
        found = (text[:length] for length in range(1, len(text) + 1))
        return next((self.prefix[each] for each in found if each in self.prefix), None)


class _Taken:
    """The matches of earlier rules, by what they ask for besides the path."""

    def __init__(self) -> None:
        self._paths: dict[HTTPMatchRequest, _Paths] = {}

    def add(self, match: HTTPMatchRequest, rule: int) -> None:
        """A rule takes what matches."""
        self._paths.setdefault(_rest(match), _Paths()).add(match.uri, rule)

    def taker(self, match: HTTPMatchRequest) -> int | None:
        """The rule that takes all that matches."""
        rest = _rest(match)
        insensitive = replace(_NOTHING, ignore_uri_case=True)
        alike = (rest, insensitive if rest.ignore_uri_case else _NOTHING)
        found = (self._paths[each].taker(match.uri) for each in alike if each in self._paths)
        return next((each for each in found if each is not None), None)


def _rest(match: HTTPMatchRequest) -> HTTPMatchRequest:
    """What it asks for besides the path; names for people and for statistics ask for nothing."""
    return replace(match, name="", stat_prefix="", uri=None)


ROUTE_ORDER = Analyzer(
    name="route-order",
    summary="HTTP rules and matches of VirtualServices that an earlier rule leaves nothing for.",
    codes=(codes.VIRTUAL_SERVICE_UNREACHABLE_RULE, codes.VIRTUAL_SERVICE_INEFFECTIVE_MATCH),
    run=_run,
)
