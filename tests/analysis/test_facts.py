"""What analyzers can look up."""

from analysis.facts import Facts
from crds.core import Namespace, Service
from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh.mesh import EMPTY_MESH
from tests.facts import facts_of
from tests.meshes import service

PODS = """
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: cart, version: v1}}
spec: {serviceAccountName: till}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: shop, labels: {app: cart}}
---
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: bank, labels: {app: cart}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: clerk, namespace: bank}
---
apiVersion: v1
kind: Namespace
metadata: {name: empty}
"""


def pod(namespace: str, name: str) -> Key:
    return Key("", "Pod", namespace, name)


def test_objects_of_a_kind_in_order() -> None:
    facts = facts_of(service("b") + service("a") + PODS)
    assert [key.name for key, _ in facts.every(Service)] == ["a", "b"]
    assert facts.every(VirtualService) == []
    assert [key.name for key, _ in facts.subjects(Service)] == ["a", "b"]


def test_a_focus_is_on_the_objects_that_are_named_and_exist() -> None:
    gone = Key("", "Service", "shop", "gone")
    facts = facts_of(service("b") + service("a"), focus=[Key("", "Service", "shop", "b"), gone])
    assert [key.name for key, _ in facts.subjects(Service)] == ["b"]
    assert list(facts.subjects(Namespace)) == []


def test_pods_by_labels() -> None:
    facts = facts_of(PODS)
    cart = {"app": "cart"}
    assert facts.pods("shop", cart) == [pod("shop", "a"), pod("shop", "b")]
    assert facts.pods("shop", {**cart, "version": "v1"}) == [pod("shop", "a")]
    assert facts.pods("shop", {**cart, "version": "v2"}) == []
    assert facts.pods("", cart) == [pod("bank", "c"), pod("shop", "a"), pod("shop", "b")]
    assert facts.pods("bank") == [pod("bank", "c")]
    assert facts.pods("empty") == ()


def test_service_accounts_are_those_written_used_and_default() -> None:
    facts = facts_of(PODS)
    assert facts.service_accounts == {
        ("bank", "clerk"),
        ("bank", "default"),
        ("empty", "default"),
        ("shop", "till"),
        ("shop", "default"),
    }
    assert list(facts.namespaces) == ["empty"]


def test_metadata_of_what_is_there() -> None:
    facts = facts_of(PODS)
    meta = facts.meta(pod("shop", "a"))
    assert meta is not None
    assert meta.labels["version"] == "v1"
    assert facts.meta(pod("shop", "z")) is None


def test_objects_that_are_not_read_are_known_as_written() -> None:
    first, second = (Key("apps", "Deployment", "shop", name) for name in ("a", "b"))
    raw = {second: {"kind": "Deployment"}, first: {}, Key("apps", "StatefulSet", "shop", "c"): {}}
    facts = Facts(mesh=EMPTY_MESH, objects={}, raw=raw)
    assert list(facts.unread("Deployment")) == [(first, {}), (second, {"kind": "Deployment"})]
    focused = Facts(mesh=EMPTY_MESH, objects={}, raw=raw, focus=[second])
    assert [key for key, _ in focused.unread("Deployment")] == [second]


def test_kinds_of_which_not_all_are_known() -> None:
    facts = Facts(mesh=EMPTY_MESH, objects={}, unknown=["ServiceAccount"])
    assert not facts.knows("ServiceAccount")
    assert facts.knows("Pod")
