"""IST0130 and IST0131: what an earlier rule takes."""

import pytest

from analysis.checks.route_order import ROUTE_ORDER
from tests.facts import findings
from tests.meshes import service, virtual_service

TO = "route: [{destination: {host: a}}]"


def found(*matches: str, extra: str = "hosts: [a]") -> list[tuple[str, str]]:
    rules = ", ".join(f"{{match: [{match}], {TO}}}" if match else f"{{{TO}}}" for match in matches)
    text = service("a") + virtual_service("v", f"{{{extra}, http: [{rules}]}}")
    every = findings(text, [ROUTE_ORDER])
    return [(m.code.id, m.path) for m in every if m.code.id in ("IST0130", "IST0131")]


RULE, MATCH = ("IST0130", "spec.http[1]"), ("IST0131", "spec.http[1].match[1]")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}"),
        ("{uri: {prefix: /a}}", "{uri: {exact: /a/b}}"),
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a}, method: {exact: GET}}"),
        ("{uri: {exact: /a}}", "{uri: {exact: /a}, name: b}"),
        ("{uri: {regex: /a.*}}", "{uri: {regex: /a.*}}"),
        ("{method: {exact: GET}}", "{uri: {exact: /a}, method: {exact: GET}}"),
        ("{method: {exact: GET}}", "{method: {exact: GET}}"),
        ("{uri: {prefix: ''}, method: {exact: GET}}", "{uri: {exact: /a}, method: {exact: GET}}"),
        ("{headers: {x: {exact: y}}}", "{headers: {x: {exact: y}}, uri: {prefix: /}}"),
        ("{uri: {prefix: /A}, ignoreUriCase: true}", "{uri: {prefix: /A/b}, ignoreUriCase: true}"),
        ("{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{uri: {exact: /b/c}}, {uri: {exact: /a/c}}"),
    ],
)
def test_a_rule_that_an_earlier_one_leaves_nothing_for(first: str, then: str) -> None:
    assert found(first, then) == [RULE]


def test_a_match_that_is_taken_beside_one_that_is_not() -> None:
    assert found("{uri: {prefix: /a}}", "{uri: {prefix: /b}}, {uri: {exact: /a}}") == [MATCH]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}"),
        ("{uri: {exact: /a}}", "{uri: {prefix: /a}}"),
        ("{uri: {exact: /a}}", "{uri: {exact: /a/b}}"),
        ("{uri: {exact: /a}}", "{method: {exact: GET}}"),
        ("{uri: {prefix: /a}}", "{uri: {regex: /a.*}}"),
        ("{uri: {prefix: /a}, method: {exact: GET}}", "{uri: {prefix: /a/b}}"),
        ("{uri: {prefix: /a}, method: {exact: GET}}", "{uri: {prefix: /a}, method: {exact: PUT}}"),
        ("{uri: {prefix: /a}}", "{uri: {prefix: /A}, ignoreUriCase: true}"),
        ("{uri: {prefix: /a}}", ""),
        ("", "{uri: {prefix: /a}}"),
        ("{headers: {x: {exact: y}}}", "{uri: {prefix: /a}}"),
    ],
)
def test_rules_that_all_have_their_requests(first: str, then: str) -> None:
    assert [each for each in found(first, then) if each != RULE or first] == []


def test_a_single_rule_a_delegate_and_what_a_delegate_leaves() -> None:
    assert found("{uri: {prefix: /a}}") == []
    twice = ("{uri: {prefix: /a}}", "{uri: {prefix: /a}}")
    assert found(*twice, extra="hosts: []") == []
    rules = f"{{match: [{twice[0]}], delegate: {{name: d}}}}, {{match: [{twice[0]}], {TO}}}"
    text = service("a") + virtual_service("v", f"{{hosts: [a], http: [{rules}]}}")
    codes = [each.code.id for each in findings(text, [ROUTE_ORDER])]
    assert "IST0130" not in codes


def test_flagger_keeps_a_place_for_its_sticky_route() -> None:
    match = "match: [{uri: {prefix: /a}}]"
    rules = f"{{name: sticky, {match}, {TO}}}, {{{match}, {TO}}}"
    text = service("a") + virtual_service("v", f"{{hosts: [a], http: [{rules}]}}")
    assert findings(text, [ROUTE_ORDER]) == ()
