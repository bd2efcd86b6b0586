"""What the chart renders, byte for byte, and what it refuses to."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.charts.helm import CHART, Helm
from tests.conftest import ROOT
from tests.goldens import Golden, case_id, cases

CASES = cases("charts")
VALUES: Mapping[str, object] = yaml.safe_load((CHART / "values.yaml").read_text())
OPEN = {
    ("podAnnotations",),
    ("nodeSelector",),
    ("meshConfig",),
    ("global",),
    ("resources", "requests"),
    ("resources", "limits"),
    ("monitors", "labels"),
    ("dashboards", "labels"),
}
"""Where any key may stand."""
WHOLE = {("resources",), ("injection",)}
"""What a template passes on as it is."""
FOR_PARENTS = {"enabled", "global"}
"""What charts that depend on this one set, and nothing reads."""


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_rendered(helm: Helm, golden: Golden, case: Path) -> None:
    golden(case, helm.template("--values", str(case)))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_rendered_twice_it_is_the_same(helm: Helm, case: Path) -> None:
    """GitOps tools render again and again: whatever differs would be applied for ever."""
    assert helm.template("--values", str(case)) == helm.template("--values", str(case))


def test_helm_finds_nothing_to_mend(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.lint()


def test_no_object_says_what_is_written_at_runtime(helm: Helm) -> None:
    """A field with two owners is what tools fight over."""
    for case in CASES:
        text = helm.template("--values", str(case))
        assert ("caBundle:" in text) == (case.name == "given-certificate.in.yaml")


def test_the_schema_knows_each_value() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) == set(VALUES)


def test_each_value_is_read() -> None:
    templates = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    unread = [
        ".".join(path) for path in leaves(VALUES) if f".Values.{'.'.join(path)}" not in templates
    ]
    assert [path for path in unread if path not in FOR_PARENTS] == []


def places(values: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The objects among the values."""
    yield path
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from places(value, (*path, key))


def leaves(values: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The values that hold no further ones by name, or are read as a whole."""
    for key, value in values.items():
        here = (*path, key)
        if isinstance(value, Mapping) and value and here not in {*OPEN, *WHOLE}:
            yield from leaves(value, here)
        else:
            yield here


@pytest.mark.parametrize("path", [p for p in places(VALUES) if p not in OPEN], ids=".".join)
def test_a_value_that_there_is_not_is_refused(helm: Helm, path: tuple[str, ...]) -> None:
    """A misspelt value would otherwise do nothing, in silence."""
    assert "'typo' not allowed" in helm.refusal("--set", ".".join((*path, "typo=x")))


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ("revision=default", "/revision"),
        ("revision=Canary", "/revision"),
        ("revision=a.b", "/revision"),
        ("revisionTags={a,a}", "/revisionTags"),
        ("revisionTags={A}", "/revisionTags/0"),
        ("image.tag=latest", "/image/tag"),
        ("image.digest=sha256:12", "/image/digest"),
        ("image.repository=", "/image/repository"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("replicas=0", "/replicas"),
        ("replicas=two", "/replicas"),
        ("autoscaling.enabled=yes", "/autoscaling/enabled"),
        ("resources.requests.cpu=much", "/resources/requests/cpu"),
        ("meshConfig=x", "/meshConfig"),
        ("injection.policy=on", "/injection/policy"),
        ("injection.global.proxy.resources.limits.cpu=much", "/injection/global/proxy/resources"),
        ("injection.global.imagePullPolicy=Often", "/injection/global/imagePullPolicy"),
        (
            "injection.sidecarInjectorWebhook.neverInjectSelector[0].x=1",
            "/injection/sidecarInjector",
        ),
        ("sidecarInjectorWebhook.reinvocationPolicy=Always", "/sidecarInjectorWebhook"),
        ("validation.failurePolicy=fail", "/validation/failurePolicy"),
        ("webhook.certificate.from=vault", "/webhook/certificate/from"),
        ("webhook.certificate.from=cert-manager", "/webhook/certificate/issuerRef"),
        ("webhook.certificate.from=secret", "/webhook/certificate/secretName"),
        ("webhook.certificate.from=secret", "/webhook/certificate/caBundle"),
        ("webhook.certificate.secretName=unused", "/webhook/certificate/secretName"),
        ("certificateTtl=1 day", "/certificateTtl"),
        ("inspectors={kiali}", "/inspectors/0"),
        ("networkPolicy.monitoringFrom={}", "/networkPolicy/monitoringFrom"),
        ("monitors.interval=often", "/monitors/interval"),
        ("kialiCompat.enabled=1", "/kialiCompat/enabled"),
    ],
)
def test_a_bad_value_is_refused(helm: Helm, settings: str, path: str) -> None:
    assert f"at '{path}" in helm.refusal("--set", settings)


def test_values_of_a_depending_chart_are_taken(helm: Helm) -> None:
    assert helm.template("--set", "enabled=true,global.hub=x") == helm.template()


def test_the_chart_installs_the_version_it_is_of() -> None:
    """The image's tag is the chart's appVersion."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]
