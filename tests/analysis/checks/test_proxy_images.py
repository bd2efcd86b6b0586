"""IST0158: pods with another proxy than is injected now."""

from analysis.checks.proxy_images import PROXY_IMAGES
from analysis.facts import Facts
from mesh.endpoint_index import pod_key
from mesh.mesh import EMPTY_MESH
from tests.analysis.yaml_objects import pod
from tests.meshes import objects_of

PROXY = "{name: istio-proxy, image: envoy:1}"
APP = "{name: app, image: app:1}"


def found(spec: str, image: str = "envoy:2", name: str = "web") -> list[tuple[str, str | None]]:
    images = {pod_key("shop", name): image}
    facts = Facts(mesh=EMPTY_MESH, objects=objects_of(pod("web", spec=spec)), proxy_images=images)
    return [(each.path, each.value) for each in PROXY_IMAGES.run(facts)]


def test_an_older_proxy() -> None:
    native = f"initContainers: [{PROXY}], containers: [{APP}]"
    assert found(native) == [("", "envoy:1")]
    beside = f"containers: [{APP}, {PROXY}]"
    assert found(beside) == [("", "envoy:1")]


def test_the_same_proxy_or_a_pod_that_nobody_knows_about() -> None:
    assert found(f"containers: [{APP}, {PROXY}]", "envoy:1") == []
    assert found(f"containers: [{APP}, {PROXY}]", name="other") == []
