"""IST0147, and IST0146 where something made the pod: images that nobody fills in."""

import pytest

from analysis.checks.auto_images import AUTO_IMAGES
from analysis.engine import analyze
from analysis.facts import Facts
from crds.meta import Key
from tests.analysis.yaml_objects import pod
from tests.facts import facts_of, findings, told

AUTO = "{name: istio-proxy, image: auto}"
OTHER = "{name: app, image: app}"


@pytest.mark.parametrize(
    ("spec", "injected", "path"),
    [
        (f"containers: [{OTHER}, {AUTO}]", False, "spec.containers[1].image"),
        (f"initContainers: [{AUTO}], containers: [{OTHER}]", False, "spec.initContainers[0].image"),
        (f"containers: [{OTHER}]", False, ""),
        (f"containers: [{AUTO}]", True, ""),
    ],
)
def test_an_image_that_nobody_fills_in(spec: str, *, injected: bool, path: str) -> None:
    found = told(findings(pod("gate", spec=spec, injected=injected), [AUTO_IMAGES]))
    assert found == ([("IST0147", "Pod shop/gate", path)] if path else [])


def test_it_is_told_of_what_makes_the_pod() -> None:
    known = facts_of(pod("gate", spec=f"containers: [{AUTO}]", injected=False))
    owner = Key("apps", "Deployment", "shop", "gate")
    owners = {Key("", "Pod", "shop", "gate"): owner}
    given = Facts(mesh=known.mesh, objects=known.objects, owners=owners)
    path = "spec.template.spec.containers[0].image"
    assert told(analyze(given, [AUTO_IMAGES])) == [("IST0146", str(owner), path)]
