"""The downward API and the variables of a container."""

import pytest

from heddle.local.environment import field_value, variables
from heddle.local.errors import CannotRun
from heddle.local.pods import PodFacts

FACTS = PodFacts(
    namespace="shop",
    name="web-1",
    uid="u",
    address="10.0.0.1",
    service_account="web",
    node="local",
    labels={"app": "web", "a": 'q"'},
    annotations={"x.io/y": "z"},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u"),
        ("status.podIP", "10.0.0.1"),
        ("spec.serviceAccountName", "web"),
        ("spec.nodeName", "local"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['x.io/y']", "z"),
        ("metadata.labels", 'a="q\\""\napp="web"'),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert field_value(path, FACTS) == value


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(CannotRun):
        field_value("spec.secrets", FACTS)


def test_a_variable_refers_to_those_before_it_only() -> None:
    given = [
        {"name": "B", "value": "$(A)"},
        {"name": "A", "value": "1"},
        {"name": "C", "value": "$(A)"},
    ]
    assert variables(given, FACTS, {}) == {"B": "$(A)", "A": "1", "C": "1"}


def test_the_container_overrides_the_base() -> None:
    assert variables([{"name": "HOME", "value": "/x"}], FACTS, {"HOME": "/", "P": "q"}) == {
        "HOME": "/x",
        "P": "q",
    }


def test_a_source_that_is_not_here_is_an_error_unless_it_is_optional() -> None:
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    with pytest.raises(CannotRun) as caught:
        variables([{"name": "PASSWORD", "valueFrom": secret}], FACTS, {})
    assert caught.value.value == "PASSWORD"
    optional = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
    assert variables([{"name": "PASSWORD", "valueFrom": optional}], FACTS, {}) == {}
