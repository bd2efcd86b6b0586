"""Fields of a rule that another field overrules are told of: Istio takes them in silence."""

import pytest

from tests.crds.specs import decoded, told

TO_A = "route: [{destination: {host: a}}]"


def spoken(http: str, more: str = "hosts: [a], ") -> list[str]:
    found = told(decoded("VirtualService", f"{{{more}http: [{http}]}}"))
    return [each.replace("spec.http", "") for each in found]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (f"{TO_A}, mirrors: [{{destination: {{host: b}}}}], mirrorPercentage: {{value: 1}}",
         "mirrorPercentage"),
        (f"{TO_A}, mirrorPercent: 1", "mirrorPercent"),
        (f"{TO_A}, mirror: {{host: b}}, mirrorPercent: 1, mirrorPercentage: {{value: 2}}",
         "mirrorPercent"),
        (f"{TO_A}, corsPolicy: {{allowOrigin: [a], allowOrigins: [{{exact: b}}]}}",
         "corsPolicy.allowOrigin"),
        (f"{TO_A}, fault: {{delay: {{fixedDelay: 1s}}}}", "fault.delay"),
        (f"{TO_A}, fault: {{delay: {{fixedDelay: 1s, percent: 1, percentage: {{value: 2}}}}}}",
         "fault.delay.percent"),
        (f"{TO_A}, fault: {{abort: {{httpStatus: 500}}}}", "fault.abort"),
        (f"{TO_A}, match: [{{uri: {{regex: a}}, ignoreUriCase: true}}]", "match[0].ignoreUriCase"),
        (f"{TO_A}, match: [{{gateways: [mesh], sourceLabels: {{a: b}}}}]", "match[0].sourceLabels"),
        (f"{TO_A}, match: [{{gateways: [mesh], sourceNamespace: a}}]", "match[0].sourceNamespace"),
        (f"{TO_A}, retries: {{attempts: 0, backoff: 1s}}", "retries.backoff"),
        (f"{TO_A}, retries: {{retryIgnorePreviousHosts: true}}",
         "retries.retryIgnorePreviousHosts"),
        ("redirect: {uri: /}, timeout: 1s", "timeout"),
        ("redirect: {uri: /}, mirrors: [{destination: {host: b}}]", "mirrors"),
        ("directResponse: {status: 200}, retries: {attempts: 1}", "retries"),
        ("directResponse: {status: 200}, mirror: {host: b}", "mirror"),
    ],
)  # fmt: skip
def test_a_field_without_effect(rule: str, path: str) -> None:
    assert spoken(f"{{{rule}}}") == [f"~no-effect [0].{path}"]


@pytest.mark.parametrize(
    "rule",
    [
        f"{TO_A}, fault: {{delay: {{fixedDelay: 1s, percent: 1}}}}",
        f"{TO_A}, match: [{{uri: {{prefix: /a}}, ignoreUriCase: true}}]",
        f"{TO_A}, match: [{{sourceLabels: {{a: b}}}}]",
        "delegate: {name: d}, mirrorPercentage: {value: 1}",
    ],
)
def test_a_field_with_an_effect(rule: str) -> None:
    assert spoken(f"{{{rule}}}") == []


@pytest.mark.parametrize(
    "first",
    [
        TO_A,
        f"{TO_A}, match: [{{}}]",
        f"{TO_A}, match: [{{name: x, uri: {{prefix: /}}}}, {{port: 1}}]",
    ],
)
def test_what_comes_after_a_rule_for_everything_is_never_reached(first: str) -> None:
    http = f"{{{TO_A}, match: [{{port: 1}}]}}, {{{first}}}, {{{TO_A}}}, {{{TO_A}}}"
    assert spoken(http) == ["~unreachable-rule [2]", "~unreachable-rule [3]"]


def test_the_same_rule_without_its_name_is_no_mistake() -> None:
    """Flagger writes both, to change the first one later."""
    assert spoken(f"{{{TO_A}, name: sticky}}, {{{TO_A}}}") == []
    assert spoken(f"{{{TO_A}, name: a}}, {{{TO_A}, timeout: 1s}}") == ["~unreachable-rule [1]"]
    assert spoken(f"{{{TO_A}, name: a}}, {{{TO_A}, name: b}}") == ["~unreachable-rule [1]"]


@pytest.mark.parametrize(
    ("uri", "told_of"),
    [
        ("{exact: a}", ["~unmatched-path [0].match[0].uri.exact"]),
        ("{prefix: a/}", ["~unmatched-path [0].match[0].uri.prefix"]),
        ("{exact: '/a?b=c'}", ["~unmatched-path [0].match[0].uri.exact"]),
        ("{exact: '*'}", []),
        ("{prefix: ''}", []),
        ("{regex: 'a?'}", []),
    ],
)
def test_a_path_that_no_request_has(uri: str, told_of: list[str]) -> None:
    assert spoken(f"{{{TO_A}, match: [{{uri: {uri}}}]}}") == told_of


def test_in_a_delegate_it_is_for_the_root_to_say_what_is_everything() -> None:
    rules = f"{{{TO_A}, match: [{{uri: {{prefix: /}}}}]}}, {{{TO_A}}}"
    assert spoken(rules, more="") == []


def test_what_is_wrong_goes_first() -> None:
    assert spoken("{redirect: {}, timeout: 1s}") == ["empty [0].redirect"]
