"""Who asks for outlier detection that cannot leave anybody out hears of it, where Istio is
silent.
"""

import pytest

from crds.meta import Key
from mesh.rule_problems import rule_problems
from tests.meshes import destination_rule, mesh_of, service

DETECTION = "outlierDetection: {consecutive5xxErrors: 3"


def told(spec: str, count: int) -> list[str]:
    """The problems of a rule for a service with so many endpoints, those with an even number of
    version v2.
    """
    pods = "".join(
        "---\napiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: p{n}, namespace: shop, labels: {{version: v{1 + n % 2}}}}}\n"
        for n in range(count)
    )
    listed = ", ".join(
        f"{{addresses: [10.1.0.{n}], targetRef: {{kind: Pod, name: p{n}}}}}" for n in range(count)
    )
    slice_ = (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: r, namespace: shop, labels: {kubernetes.io/service-name: reviews}}\n"
        f"ports: [{{name: http, port: 80}}]\nendpoints: [{listed}]\n"
    )
    mesh = mesh_of(
        service("reviews", ports=["http:80"]) + pods + slice_ + destination_rule("r", spec)
    )
    key = Key("networking.istio.io", "DestinationRule", "shop", "r")
    return [f"{each.code} {each.path} {each.value or ''}" for each in rule_problems(mesh, key)]


def policy(more: str = "") -> str:
    return f"{{host: reviews, trafficPolicy: {{{DETECTION}{more}}}}}}}"


PATH = "never-ejects spec.{}outlierDetection.maxEjectionPercent {}"


@pytest.mark.parametrize(
    ("spec", "count", "problem"),
    [
        (policy(), 0, ""),
        (policy(), 1, ""),
        (policy(), 2, PATH.format("trafficPolicy.", "")),
        (policy(), 9, PATH.format("trafficPolicy.", "")),
        (policy(), 10, ""),
        (policy(", maxEjectionPercent: 49"), 2, PATH.format("trafficPolicy.", "49")),
        (policy(", maxEjectionPercent: 50"), 2, ""),
        ("{host: reviews, trafficPolicy: {loadBalancer: {simple: RANDOM}}}", 2, ""),
    ],
)
def test_an_outlier_detection_that_ejects_nobody_is_told(
    spec: str, count: int, problem: str
) -> None:
    assert told(spec, count) == [problem] * bool(problem)


def test_of_a_subset_its_own_endpoints_count() -> None:
    spec = (
        "{host: reviews, subsets: [{name: a}, "
        f"{{name: b, labels: {{version: v1}}, trafficPolicy: {{{DETECTION}}}}}}}, "
        f"{{name: c, trafficPolicy: {{{DETECTION}}}}}}}]}}"
    )
    assert told(spec, 10) == [PATH.format("subsets[1].trafficPolicy.", "")]


def test_of_a_port_its_own_settings_count() -> None:
    level = f"{{port: {{number: 80}}, {DETECTION}}}}}, {{port: {{number: 81}}, {DETECTION}}}}}"
    spec = f"{{host: reviews, trafficPolicy: {{{DETECTION}}}, portLevelSettings: [{level}]}}}}"
    (problem, unknown) = sorted(told(spec, 2))
    assert problem == PATH.format("trafficPolicy.portLevelSettings[0].", "")
    assert unknown.startswith("unknown-port ")
