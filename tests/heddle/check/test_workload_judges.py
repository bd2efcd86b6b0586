"""What the checks make of namespaces, pods and their sidecars, as tables."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from heddle.check.data_plane import judge_images, judge_reports, judge_running
from heddle.check.namespaces import judge_labels, judge_levels, judge_pods, judge_revisions
from heddle.check.sidecars import amount, difference
from heddle.check.verdict import SHOWN, Grade, Verdict, judged
from heddle.check.webhooks import judge_others
from heddle.injection import PORT, SERVER_NAME, inject_settings
from heddle.status_report import Report, written

OK, SKIPPED, WARNING, FAILED = Grade.OK, Grade.SKIPPED, Grade.WARNING, Grade.FAILED
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
Raw = Mapping[str, object]


def injector(name: str, **selector: object) -> Raw:
    return {"metadata": {"name": name}, "webhooks": [{"namespaceSelector": selector}]}


def among(key: str, *values: str) -> list[Raw]:
    return [{"key": key, "operator": "In", "values": list(values)}]


@pytest.mark.parametrize(
    ("configuration", "revision", "grade"),
    [
        (injector("istio", matchLabels={"istio-injection": "enabled"}), "default", WARNING),
        (
            injector("istio", matchExpressions=among("istio-injection", "enabled")),
            "default",
            WARNING,
        ),
        (injector("istio", matchExpressions=among("istio.io/rev", "default")), "default", WARNING),
        (injector("istio", matchExpressions=among("istio.io/rev", "1-20")), "default", OK),
        (injector("istio", matchExpressions=among("istio-injection", "enabled")), "canary", OK),
        (injector("heddle-x", matchExpressions=among("istio.io/rev", "default")), "default", OK),
        (injector("x", matchExpressions=[{"key": "istio.io/rev", "operator": "Exists"}]), "1", OK),
    ],
)
def test_another_injector(configuration: Raw, revision: str, grade: Grade) -> None:
    assert judge_others([configuration], revision).grade is grade


def namespaces(**labels: str) -> Mapping[str, Raw]:
    named = {name.replace("__", "/").replace("_", "-"): each for name, each in labels.items()}
    named = {name.replace("istio-io/rev", "istio.io/rev"): each for name, each in named.items()}
    return {"shop": {"metadata": {"name": "shop", "labels": named}}}


@pytest.mark.parametrize(
    ("given", "grade"),
    [
        (namespaces(istio_injection="enabled"), OK),
        (namespaces(istio_io__rev="canary"), OK),
        (namespaces(istio_injection="enabled", istio_io__rev="canary"), WARNING),
        (namespaces(istio_injection="yes"), WARNING),
        (namespaces(), OK),
    ],
)
def test_labels_that_contradict(given: Mapping[str, Raw], grade: Grade) -> None:
    assert judge_labels(given).grade is grade


@pytest.mark.parametrize(
    ("given", "grade"),
    [
        (namespaces(istio_io__rev="canary"), FAILED),
        (namespaces(istio_io__rev="default"), OK),
        (namespaces(istio_injection="enabled", istio_io__rev="canary"), OK),
    ],
)
def test_a_revision_that_nobody_is(given: Mapping[str, Raw], grade: Grade) -> None:
    ours = injector("heddle", matchExpressions=among("istio.io/rev", "default"))
    theirs = injector("istio", matchLabels={"istio.io/rev": "1-20"})
    assert judge_revisions(given, [ours, theirs]).grade is grade


LEVEL = "pod-security.kubernetes.io/enforce"


@pytest.mark.parametrize(
    ("labels", "redirects", "grade"),
    [
        ({"istio-injection": "enabled", LEVEL: "restricted"}, True, FAILED),
        ({"istio.io/rev": "prod", LEVEL: "baseline"}, True, FAILED),
        ({"istio-injection": "enabled", LEVEL: "restricted"}, False, OK),
        ({"istio-injection": "enabled", LEVEL: "privileged"}, True, OK),
        ({"istio.io/rev": "other", LEVEL: "restricted"}, True, OK),
        ({"istio-injection": "disabled", "istio.io/rev": "prod", LEVEL: "restricted"}, True, OK),
        ({LEVEL: "restricted"}, True, OK),
    ],
)
def test_pod_security(labels: Mapping[str, str], redirects: bool, grade: Grade) -> None:
    base = inject_settings(host=SERVER_NAME, port=PORT, server_name=SERVER_NAME)
    settings = replace(base, redirects=redirects)
    given = {"shop": {"metadata": {"labels": labels}}}
    names = frozenset({"default", "prod"})
    assert judge_levels(given, names, settings).grade is grade


def pod(**more: object) -> Raw:
    return {"metadata": {"name": "web", "namespace": "shop", **more}}


INJECT = "sidecar.istio.io/inject"


@pytest.mark.parametrize(
    ("label", "annotation", "grade"),
    [("true", "false", WARNING), ("true", "true", OK), ("true", None, OK), (None, "false", OK)],
)
def test_a_pod_that_says_two_things(
    label: str | None, annotation: str | None, grade: Grade
) -> None:
    given = pod(
        labels={INJECT: label} if label else {},
        annotations={INJECT: annotation} if annotation else {},
    )
    assert judge_pods([given]).grade is grade


def running(phase: str = "Running", **state: object) -> Raw:
    states = [{"name": "app", "ready": True}, {"name": "istio-proxy", "restartCount": 3, **state}]
    return {**pod(), "status": {"phase": phase, "initContainerStatuses": states}}


@pytest.mark.parametrize(
    ("pods", "grade"),
    [
        ([running(ready=True)], OK),
        ([running(ready=False)], FAILED),
        ([running("Pending", ready=False)], OK),
        ([pod()], OK),
        ([], SKIPPED),
    ],
)
def test_proxies_that_are_ready(pods: list[Raw], grade: Grade) -> None:
    assert judge_running(pods).grade is grade


@pytest.mark.parametrize(
    ("image", "grade"),
    [
        ("envoyproxy/envoy:distroless-v1.40.0", OK),
        ("envoyproxy/envoy:v1.37.2", OK),
        ("registry:5000/envoy:v1.36.0@sha256:00", FAILED),
        ("envoyproxy/envoy:v1.41.0", WARNING),
        ("envoyproxy/envoy:dev", WARNING),
        ("envoy", WARNING),
    ],
)
def test_the_envoy_of_pods(image: str, grade: Grade) -> None:
    assert judge_images({image: 3}).grade is grade


@pytest.mark.parametrize(
    ("said", "grade"),
    [({}, SKIPPED), ({"a": "no report"}, SKIPPED), ({"a": Report(pods=3)}, OK)],
)
def test_what_replicas_tell(said: Mapping[str, str | Report], grade: Grade) -> None:
    texts = {
        n: each if isinstance(each, str) else json.dumps(written(each)) for n, each in said.items()
    }
    assert judge_reports(texts).grade is grade


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", Fraction(1)),
        ("1000m", Fraction(1)),
        ("0.5", Fraction(1, 2)),
        ("1Gi", Fraction(1024**3)),
        ("1024Mi", Fraction(1024**3)),
        ("1k", Fraction(1000)),
        ("1e3", Fraction(1000)),
        ("envoy", None),
        ("", None),
        ("1ki", None),
    ],
)
def test_quantities(text: str, value: Fraction | None) -> None:
    assert amount(text) == value


@pytest.mark.parametrize(
    ("wanted", "found", "path"),
    [
        ({"image": "a"}, {"image": "a", "terminationMessagePath": "/dev"}, ""),
        ({"image": "a"}, {"image": "b"}, ".image"),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}, ""),
        ({"resources": {"cpu": "2000m"}}, {"resources": {"cpu": "2"}}, ""),
        ({"resources": {"cpu": "2000m"}}, {"resources": {"cpu": "1"}}, ".resources.cpu"),
        ({"value": "1000m"}, {"value": "1"}, ".value"),  # a text that looks like one
        ({"args": ["a", "b"]}, {"args": ["a"]}, ".args[1]"),
        ({"args": ["a"]}, {"args": ["b", "a"]}, ".args[0]"),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "B"}, {"name": "A"}]}, ""),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A"}]}, ".env[0]"),
        ({"args": ["a"]}, {"args": ["a", "b"]}, ""),
        ({"args": ["a"]}, {}, ".args[0]"),
        ({"port": 80}, {}, ".port"),
    ],
)
def test_what_is_wanted_and_not_found(wanted: object, found: object, path: str) -> None:
    assert difference(wanted, found) == path


def test_of_many_findings_the_first_are_told() -> None:
    many = judged(f"{number}" for number in range(SHOWN + 5))
    assert many == Verdict(grade=FAILED, findings=(*map(str, range(SHOWN)), "and 5 more"))
