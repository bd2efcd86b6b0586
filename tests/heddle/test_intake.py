"""Events become typed objects; what cannot be read keeps its last good version."""

import pytest

from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key, Origin
from crds.problem import error
from heddle.intake import Intake
from sources.events import Deleted, Moved, Problems, Synced
from tests.heddle.events import applied

ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec: {hosts: [reviews], http: [{timeout: %s, route: [{destination: {host: reviews}}]}]}
"""
KEY = Key("networking.istio.io", "VirtualService", "shop", "v")
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "%s"}
"""


def intake(*texts: str) -> Intake:
    made = Intake()
    for text in texts:
        made.apply(applied(text))
    return made


def test_an_object_is_a_change_once() -> None:
    made = intake(ROUTE % "1s")
    (change,) = made.take()
    assert (change.key, change.old) == (KEY, None)
    assert change.new is not None
    assert made.take() == ()


def test_equal_text_is_no_change() -> None:
    made = intake(ROUTE % "1s")
    made.take()
    made.apply(applied(ROUTE % "1000ms"))
    assert made.take() == ()


def test_changes_that_cancel_each_other_are_none() -> None:
    made = intake(ROUTE % "1s")
    made.take()
    made.apply([*applied(ROUTE % "2s"), *applied(ROUTE % "1s")])
    assert made.take() == ()


def test_what_cannot_be_read_keeps_its_last_good_version() -> None:
    made = intake(ROUTE % "1s")
    made.take()
    made.apply(applied(ROUTE % "soon"))
    assert made.take() == ()
    (problem,) = made.problems()
    assert (problem.object, problem.path, problem.value) == (KEY, "spec.http[0].timeout", "soon")
    made.apply(applied(ROUTE % "2s"))
    assert len(made.take()) == 1
    assert made.problems() == ()


def test_what_goes_takes_its_problems_with_it() -> None:
    made = intake(ROUTE % "soon")
    made.apply([Deleted(KEY)])
    assert made.problems() == ()


def test_a_problem_says_where_its_object_is_now() -> None:
    made = intake(ROUTE % "soon")
    assert [problem.origin for problem in made.problems()] == [Origin("file.yaml", 1)]
    made.apply([Moved(KEY, Origin("other.yaml", 3))])
    assert [problem.origin for problem in made.problems()] == [Origin("other.yaml", 3)]


def test_a_files_problems_are_replaced_by_its_newest() -> None:
    made = Intake()
    first, second = error("bad-yaml", "", "one"), error("bad-yaml", "", "two")
    made.apply([Problems("a", (first,)), Problems("b", (second,)), Synced()])
    assert made.problems() == (first, second)
    made.apply([Problems("a", ())])
    assert made.problems() == (second,)


def test_the_mesh_config_is_read() -> None:
    made = intake(CONFIG % "outboundTrafficPolicy: {mode: REGISTRY_ONLY}")
    made.take()
    assert made.config.outbound_traffic_policy.mode == "REGISTRY_ONLY"
    made.apply([Deleted(Key("", "ConfigMap", "istio-system", "istio"))])
    made.take()
    assert made.config == DEFAULT_MESH_CONFIG


@pytest.mark.parametrize(
    "text", ["{", "just text", "outboundTrafficPolicy: {mode: SOMETIMES}", "[1]"]
)
def test_a_bad_mesh_config_changes_nothing(text: str) -> None:
    made = intake(CONFIG % "outboundTrafficPolicy: {mode: REGISTRY_ONLY}")
    made.take()
    made.apply(applied(CONFIG % text))
    made.take()
    assert made.config.outbound_traffic_policy.mode == "REGISTRY_ONLY"
    (problem,) = made.problems()
    assert problem.origin == Origin("file.yaml", 1)
