"""Mesh objects at admission."""

from collections.abc import Iterable, Mapping

import pytest
import yaml

from crds.kinds import Object
from crds.meta import Key
from crds.problem import Problem, error
from tests.webhook.reviews import asked
from webhook.review import Answer
from webhook.validate import admit_object

KIND = "networking.istio.io/VirtualService"
GOOD = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
"""
BAD = GOOD.replace("destination: {host: web}", "destination: {host: web}, weight: -1")


def read(text: str) -> dict[str, object]:
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def judged(text: str, **more: object) -> Answer:
    return admit_object(asked(KIND, read(text), **more))


def test_a_good_object_is_let_in_without_a_word() -> None:
    assert judged(GOOD) == Answer(outcome="allowed")


def test_an_object_with_an_error_is_refused() -> None:
    answer = judged(BAD)
    assert not answer.allowed
    assert [(each.path, each.value) for each in answer.errors] == [
        ("spec.http[0].route[0].weight", "-1")
    ]


def test_an_unknown_field_is_a_warning() -> None:
    answer = judged(GOOD.replace("{hosts", "{hots: [x], hosts"))
    assert answer.allowed
    assert [each.path for each in answer.warnings] == ["spec.hots"]


def test_an_object_that_leads_nowhere_is_let_in_with_a_warning() -> None:
    def nothing_is_there(key: Key, item: Object) -> Iterable[Problem]:
        del item
        return [error("unknown-host", "spec.http[0]", f"{key} leads nowhere")]

    answer = admit_object(asked(KIND, read(GOOD)), nothing_is_there)
    assert answer.allowed
    assert [each.message for each in answer.warnings] == ["VirtualService shop/web leads nowhere"]


@pytest.mark.parametrize(
    "more",
    [
        {"operation": "DELETE"},
        {"operation": "CONNECT"},
        {"operation": "UPDATE", "subResource": "status"},
        {"kind": "example.com/Thing"},
        {"kind": "/Service"},
    ],
)
def test_what_is_not_ours_to_judge_is_let_through(more: dict[str, object]) -> None:
    kind = str(more.pop("kind", KIND))
    assert admit_object(asked(kind, read(BAD), **more)).outcome == "ignored"


def _labelled(item: dict[str, object]) -> Mapping[str, object]:
    return {**item, "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}}}


def test_an_old_error_does_not_keep_its_object_from_getting_a_label() -> None:
    old = read(BAD)
    answer = admit_object(asked(KIND, _labelled(old), old=old, operation="UPDATE"))
    assert answer.allowed
    assert len(answer.warnings) == 1


def test_an_error_that_is_new_is_refused_on_update() -> None:
    assert not judged(BAD, old=read(GOOD), operation="UPDATE").allowed


def test_an_object_that_is_going_away_may_lose_its_finalizers() -> None:
    going = BAD.replace("{name: web,", "{name: web, deletionTimestamp: '2030-01-01T00:00:00Z',")
    answer = judged(going, old=read(GOOD), operation="UPDATE")
    assert answer.allowed
    assert len(answer.warnings) == 1


def test_an_object_whose_name_comes_later_is_judged() -> None:
    text = BAD.replace("{name: web, namespace: shop}", "{generateName: web-}")
    answer = judged(text, namespace="far")
    assert [str(each.object) for each in answer.errors] == ["VirtualService far/web"]


def test_a_kind_that_has_no_effect_yet_is_let_in_with_a_warning() -> None:
    item = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter"}
    item |= {"metadata": {"name": "x"}, "spec": {}}  # type: ignore[dict-item]
    answer = admit_object(asked("networking.istio.io/EnvoyFilter", item))
    assert [each.code for each in answer.warnings] == ["unsupported-kind"]


def test_no_object_at_all_is_refused_with_words() -> None:
    answer = admit_object(asked(KIND))
    assert [each.path for each in answer.errors] == ["apiVersion"]
