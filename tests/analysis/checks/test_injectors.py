"""IST0139: webhooks that inject the same pods, or lead to no Service."""

from collections.abc import Mapping

import pytest

from analysis.checks.injectors import INJECTORS, KIND
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from crds.meta import Key
from tests.facts import facts_of
from tests.meshes import service

ENABLED = {"matchLabels": {"istio-injection": "enabled"}}
NEXT = {"matchExpressions": [{"key": "istio.io/rev", "operator": "In", "values": ["next"]}]}
PODS_OF_NEXT = {"matchLabels": {"istio.io/rev": "next"}}
BARE = {"matchExpressions": [{"key": "istio-injection", "operator": "DoesNotExist"}]}
ALL_PODS: Mapping[str, object] = {}


def webhook(namespaces: object, pods: object = ALL_PODS, name: str = "") -> dict[str, object]:
    given: dict[str, object] = {"namespaceSelector": namespaces, "objectSelector": pods}
    return {**given, "name": name} if name else given


def looked_at(
    *configurations: object, text: str = "", focus: frozenset[Key] | None = None
) -> list[Message]:
    """What is found of the webhooks of configurations `a`, `b`, ..."""
    raw = {
        Key("admissionregistration.k8s.io", KIND, "", name): {"webhooks": webhooks}
        for name, webhooks in zip("abcdef", configurations, strict=False)
    }
    known = facts_of(text)
    given = Facts(mesh=known.mesh, objects=known.objects, raw=raw, focus=focus)
    return list(analyze(given, [INJECTORS]))


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (webhook(ENABLED), webhook(ENABLED), True),
        (webhook(ENABLED), webhook(NEXT), True),  # a namespace may have both labels
        (webhook(BARE, PODS_OF_NEXT), webhook(NEXT), True),
        (webhook(ENABLED), webhook(BARE, PODS_OF_NEXT), False),
        (webhook(ENABLED), webhook({"matchLabels": {"istio-injection": "disabled"}}), False),
        (webhook(ENABLED), webhook({"matchLabels": {"team": "a"}}), False),
        (webhook(ENABLED), webhook({}), False),  # of somebody else, who injects other things
        (webhook(ENABLED), {"namespaceSelector": 7}, False),
        (webhook(ENABLED), 7, False),
    ],
)
def test_two_that_take_the_same_pods(one: object, other: object, *, shared: bool) -> None:
    found = [(str(m.object), m.path) for m in looked_at([one], [other])]
    assert found == ([(f"{KIND} a", "webhooks[0]"), (f"{KIND} b", "webhooks[0]")] * shared)


def test_one_configuration_may_contradict_itself() -> None:
    """Each is told of once, with the name of another, if that has one."""
    found = looked_at([webhook(ENABLED, name="x"), webhook(ENABLED), webhook(ENABLED)])
    assert [m.value for m in found] == ["x", "", ""]
    assert "webhooks[1] of a" in found[0].text
    assert "that x of a takes" in found[1].text


def led(name: str, namespace: str = "shop") -> dict[str, object]:
    return {**webhook(ENABLED), "clientConfig": {"service": {"name": name, "namespace": namespace}}}


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (led("heddle"), None),
        (led("hedle"), "Did you mean heddle?"),
        (led("istiod"), "Name the control plane's Service."),
        (led("istiod", namespace="elsewhere"), None),  # of which nothing is known
        ({**webhook(ENABLED), "clientConfig": {"url": "https://a.example.com"}}, None),
    ],
)
def test_one_that_leads_nowhere(given: object, remedy: str | None) -> None:
    found = looked_at([given], text=service("heddle"))
    assert [(m.remedy, m.path) for m in found] == (
        [(remedy, "webhooks[0].clientConfig.service.name")] if remedy else []
    )


def test_only_what_is_asked_for_is_told_of() -> None:
    """The others are known."""
    both = [webhook(ENABLED)], [webhook(ENABLED)]
    key = Key("admissionregistration.k8s.io", KIND, "", "b")
    assert [str(m.object) for m in looked_at(*both, focus=frozenset({key}))] == [f"{KIND} b"]
    assert looked_at(*both, focus=frozenset()) == []
