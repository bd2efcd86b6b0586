"""What facts come to in conditions, and that the documentation says the same."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from analysis import istio_codes
from analysis.codes import CODES
from analysis.message import finding
from analysis.problems import messages
from crds.meta import Key
from crds.problem import Problem, error, warning
from heddle.conditions import (
    CONFLICTS,
    MEANINGS,
    REFERENCES,
    Facts,
    Reason,
    conditions,
    status,
)
from heddle.istio_messages import MOST, validation_messages
from heddle.liveness import Live, Rejected, Standing, Waiting

LIVE = Live(used=True)
ROUTE = Key("networking.istio.io", "VirtualService", "shop", "v")
NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-02T00:00:00Z"

BAD = error("bad-duration", "spec.http[0].timeout", "is no duration", "soon")
LOST = warning("unknown-host", "spec.hosts[0]", "no service has this host", "x")
LOSER = warning("shadowed-virtual-service", "spec.hosts[0]", "VirtualService shop/a wins", "x")
HINT = warning("percent-sign", "spec.http[0]", "is sent as it is")
REJECTED = Rejected(
    pods=("shop/a", "shop/b", "shop/c"), proxies=5, users=7, resource="80/x:80", words="no\nway"
)


def facts(*problems: Problem, refused: bool = False, standing: Standing = LIVE) -> Facts:
    return Facts(generation=3, problems=problems, refused=refused, standing=standing)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (facts(), ["Accepted", "ResolvedRefs", "Programmed"]),
        (facts(HINT), ["Accepted", "ResolvedRefs", "Programmed"]),
        (facts(BAD, refused=True), ["Invalid", "ResolvedRefs", "NotAccepted"]),
        (facts(BAD), ["PartlyInvalid", "ResolvedRefs", "Programmed"]),
        (facts(LOSER, BAD), ["PartlyInvalid", "ResolvedRefs", "Programmed"]),
        (facts(LOSER), ["Conflicted", "ResolvedRefs", "Programmed"]),
        (facts(LOST), ["Accepted", "RefNotFound", "Programmed"]),
        (
            facts(warning("unsupported-kind", "kind", "not read"), refused=True),
            ["Unsupported", "ResolvedRefs", "NotAccepted"],
        ),
        (facts(standing=Live(used=False)), ["Accepted", "ResolvedRefs", "NotUsed"]),
        (facts(standing=Waiting(proxies=2)), ["Accepted", "ResolvedRefs", "Pending"]),
        (facts(standing=REJECTED), ["Accepted", "ResolvedRefs", "Rejected"]),
    ],
)
def test_reasons(given: Facts, wanted: list[str]) -> None:
    made = conditions(given)
    assert [each.reason.value for each in made] == wanted
    assert all((each.type, each.holds, each.reason) in MEANINGS for each in made)


def test_messages_have_field_value_and_way_out() -> None:
    accepted, refs, _ = conditions(facts(BAD, LOST, LOST))
    assert accepted.message == "spec.http[0].timeout: is no duration (got 'soon')"
    assert refs.message.count("no service has this host") == 2
    many = conditions(facts(*[LOST] * 9))[1].message
    assert many.endswith("; and 6 more")


def test_a_rejection_says_how_many_which_and_envoys_words_on_one_line() -> None:
    message = conditions(facts(standing=REJECTED))[2].message
    assert message == (
        "5 of 7 connected proxies that use it reject 80/x:80 "
        "(shop/a, shop/b, shop/c and 2 more): no\\nway"
    )


def test_what_has_not_turned_keeps_its_time() -> None:
    first = status(facts(), {}, NOW)
    assert first is not None
    second = status(facts(LOST), first, LATER)
    assert second is not None
    assert times(second) == {"Accepted": NOW, "ResolvedRefs": LATER, "Programmed": NOW}


def test_the_same_again_is_nothing_to_write() -> None:
    first = status(facts(LOST, standing=REJECTED), {}, NOW)
    assert first is not None
    assert status(facts(LOST, standing=REJECTED), first, LATER) is None


def test_how_many_are_waited_for_is_not_written_anew() -> None:
    first = status(facts(standing=Waiting(proxies=9)), {}, NOW)
    assert first is not None
    assert status(facts(standing=Waiting(proxies=4)), first, LATER) is None
    assert status(facts(standing=LIVE), first, LATER) is not None


def test_a_restart_does_not_say_that_live_objects_are_not_used() -> None:
    first = status(facts(), {}, NOW)
    assert first is not None
    assert status(facts(standing=Live(used=False)), first, LATER) is None


def test_a_generation_of_istios_as_text_is_replaced_by_a_number() -> None:
    first = status(facts(), {}, NOW)
    assert first is not None
    listed = first["conditions"]
    assert isinstance(listed, list)
    old = {"conditions": [{**each, "observedGeneration": "3"} for each in listed]}
    assert status(facts(), old, LATER) is not None


@pytest.mark.parametrize("conditions", [None, "all", [1, None], {"type": "Accepted"}])
def test_a_status_that_is_none_is_replaced(conditions: object) -> None:
    assert status(facts(), {"conditions": conditions}, NOW) is not None


def test_one_message_for_each_kind_of_finding_errors_first() -> None:
    problems = [replace(each, object=ROUTE) for each in (HINT, LOST, BAD, BAD)]
    info = finding(istio_codes.VIRTUAL_SERVICE_INEFFECTIVE_MATCH, ROUTE, "spec.http[1]", "x")
    found = validation_messages([info, *messages(problems)])
    assert [(each["type"], each["level"]) for each in found] == [
        ({"code": "IST0106", "name": "SchemaValidationError"}, "ERROR"),
        ({"code": "HED0004", "name": "RoutedHostUnknown"}, "WARNING"),
        ({"code": "IST0133", "name": "SchemaWarning"}, "WARNING"),
        ({"code": "IST0131", "name": "VirtualServiceIneffectiveMatch"}, "INFO"),
    ]


def test_so_many_messages_at_most() -> None:
    every = [finding(code, ROUTE, "", "x") for code in CODES.values()]
    assert len(validation_messages(every)) == MOST


def test_findings_of_analyzers_are_messages_and_turn_no_condition() -> None:
    found = finding(istio_codes.INEFFECTIVE_POLICY, ROUTE, "", "x")
    plain, told = facts(), Facts(generation=3, findings=[found], standing=LIVE)
    assert conditions(plain) == conditions(told)
    first = status(plain, {}, NOW)
    assert first is not None
    second = status(told, first, LATER)
    assert second is not None
    assert second["validationMessages"] != first["validationMessages"] == []
    assert status(told, second, LATER) is None


def test_the_documentation_has_each_reason_and_no_other(repo_root: Path) -> None:
    text = (repo_root / "docs/status.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (True|False) \| (\w+) \| (.+) \|$", text, re.MULTILINE)
    said = {(kind, value == "True", Reason(reason)): means for kind, value, reason, means in rows}
    assert said == dict(MEANINGS)


def test_each_code_that_is_sorted_here_is_one_that_somebody_uses(repo_root: Path) -> None:
    source = "".join(
        path.read_text()
        for folder in ("crds", "mesh")
        for path in (repo_root / folder).glob("*.py")
    )
    for code in CONFLICTS | REFERENCES:
        assert f'"{code}"' in source, code


def times(made: Mapping[str, object]) -> Mapping[str, object]:
    listed = made["conditions"]
    assert isinstance(listed, list)
    return {each["type"]: each["lastTransitionTime"] for each in listed}
