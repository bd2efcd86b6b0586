"""Matches of headers that are no headers: method, path and the like have fields of their own."""

from collections.abc import Iterator

from analysis import own_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.virtual_service import VirtualService

_FIELDS = {
    "authority": "authority",
    "method": "method",
    "path": "uri",
    "scheme": "scheme",
    "uri": "uri",
}


def _run(facts: Facts) -> Iterator[Message]:
    for key, item in facts.subjects(VirtualService):
        for index, rule in enumerate(item.http):
            for number, match in enumerate(rule.match):
                for name in match.headers:
                    if name.lower() in _FIELDS:
                        path = f"spec.http[{index}].match[{number}]"
                        right = _FIELDS[name.lower()]
                        yield finding(
                            codes.DEAD_MATCH,
                            key,
                            f'{path}.headers["{name}"]',
                            "is no header of HTTP, so hardly any request has it",
                            value=name,
                            remedy=f"Write match.{right} in place of headers.",
                        )


HEADER_MATCHES = Analyzer(
    name="header-matches",
    summary="Matches of headers that requests do not have.",
    codes=(codes.DEAD_MATCH,),
    run=_run,
)
