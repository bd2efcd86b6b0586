"""Roots are wanted where pods of the mesh are or may come."""

import pytest

from crds.core import Namespace
from crds.meta import Key, Meta
from heddle.mesh_namespaces import MeshNamespaces
from mesh.store import Change
from tests.fakes.clock import FakeClock
from tests.features.plane import Plane
from tests.features.shop import ACCOUNT, namespace, workload


def labelled(name: str, **labels: str) -> Namespace:
    given = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return Namespace(meta=Meta(namespace="", name=name, labels=given))


def change(old: Namespace | None, new: Namespace | None) -> Change:
    named = new or old
    assert named is not None
    return Change(Key("", "Namespace", "", named.meta.name), old, new)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (labelled("shop", istio_injection="enabled"), True),
        (labelled("shop", istio_injection="disabled"), False),
        (labelled("shop"), False),
        (labelled("kube-system", istio_injection="enabled"), False),
        (Namespace(meta=Meta(namespace="", name="s", labels={"istio.io/rev": "canary"})), True),
    ],
)
def test_a_namespace_asks_for_them_by_its_labels(made: Namespace, wanted: bool) -> None:
    namespaces = MeshNamespaces()
    namespaces.update([change(None, made)])
    assert (made.meta.name in namespaces.names()) is wanted
    namespaces.update([change(made, labelled(made.meta.name))])
    assert namespaces.names() == set()


def test_one_that_is_deleted_asks_for_nothing() -> None:
    namespaces = MeshNamespaces()
    made = labelled("shop", istio_injection="enabled")
    namespaces.update([change(None, made)])
    namespaces.update([change(made, None)])
    assert namespaces.names() == set()


def test_a_pod_by_itself_is_enough(clock: FakeClock) -> None:
    plane = Plane(clock)
    plane.apply("\n---\n".join((namespace("shop"), ACCOUNT, workload("web"))))
    pods = MeshNamespaces()
    objects = plane.control.objects()
    made = [Change(key, None, each) for key, each in objects if key.kind == "Pod"]
    pods.update(made)
    assert pods.names() == {"shop"}
    pods.update([Change(each.key, each.new, None) for each in made])
    assert pods.names() == set()
    assert plane.control.namespaces.names() == {"shop"}
