"""What is kept of an object of the API server."""

import pytest

from crds.decode import decode
from crds.kinds import KINDS
from sources.pruning import Pruning, Strings

META = {
    "name": "a",
    "namespace": "shop",
    "uid": "u",
    "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "resourceVersion": "7",
    "labels": {"app": "a"},
    "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "sidecar.istio.io/status": "{}",
        "heddle.io/dns-capture": "true",
        "heddle.io/sds-token": "{}",
        "notistio.io/x": "y",
    },
    "managedFields": [{"manager": "kubectl"}],
    "ownerReferences": [{}],
}
KEPT = {
    "name": "a",
    "namespace": "shop",
    "uid": "u",
    "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {"app": "a"},
    "annotations": {"sidecar.istio.io/status": "{}", "heddle.io/dns-capture": "true"},
}
NETWORKING = "networking.istio.io"


def pruning(kind: str, group: str = "", version: str = "v1", revision: str = "") -> Pruning:
    made = Pruning(group, kind, KINDS[group, kind], revision=revision)
    made.at(version)
    return made


def test_of_a_pod_a_part_is_kept() -> None:
    pod = {
        "metadata": META,
        "spec": {"nodeName": "n", "volumes": [{}], "containers": [{"name": "app", "env": []}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [{}]},
    }
    found = pruning("Pod")(pod)
    assert found is not None
    assert found.version == "7"
    assert found.raw == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": KEPT,
        "spec": {"nodeName": "n", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    }


def test_what_is_kept_can_be_read() -> None:
    """A list of the API server does not name kind and version of its items; the decoder must."""
    service = {"metadata": META, "spec": {"clusterIP": "10.1.0.1", "ports": [{"port": 80}]}}
    found = pruning("Service")(service)
    assert found is not None
    assert found.raw is not None
    decoded = decode(found.raw)
    assert decoded.problems == ()
    given = {"apiVersion": "v1", "kind": "Service", **service, "metadata": KEPT}
    assert decoded.object == decode(given).object


def test_of_istios_kinds_all_is_kept() -> None:
    """A field that has no effect is told of; the status is ours, and written over this version."""
    route = {
        "apiVersion": "x/y",
        "kind": "X",
        "metadata": META,
        "spec": {"hosts": ["a"], "odd": 1},
        "alsoOdd": 2,
        "status": {"conditions": []},
    }
    found = pruning("VirtualService", NETWORKING, "v1beta1")(route)
    assert found is not None
    assert found.raw == {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {**KEPT, "resourceVersion": "7"},
        "spec": {"hosts": ["a"], "odd": 1},
        "alsoOdd": 2,
        "status": {"conditions": []},
    }


def test_of_a_secret_only_certificates_and_keys_are_kept() -> None:
    secret = {
        "metadata": META,
        "type": "Opaque",
        "data": {"tls.crt": "Yw==", "tls.key": "aw==", "password": "aHVzaA=="},
    }
    found = pruning("Secret")(secret)
    assert found is not None
    assert found.raw is not None
    assert found.raw["data"] == {"tls.crt": "Yw==", "tls.key": "aw=="}
    assert "annotations" not in found.raw["metadata"]  # type: ignore[operator]  # a mapping
    assert "Yw==" not in repr(found)


@pytest.mark.parametrize("data", [None, {}, {"password": "aHVzaA=="}])
def test_a_secret_without_a_certificate_is_of_no_use(data: object) -> None:
    found = pruning("Secret")({"metadata": META, "data": data})
    assert found is not None
    assert found.raw is None


@pytest.mark.parametrize(
    ("revision", "read"), [(None, True), ("", True), ("canary", True), ("stable", False)]
)
def test_objects_of_another_revision_are_somebody_elses(revision: str | None, read: bool) -> None:
    labels = {} if revision is None else {"istio.io/rev": revision}
    item = {"metadata": {**META, "labels": labels}}
    found = pruning("VirtualService", NETWORKING, revision="canary")(item)
    assert found is not None
    assert (found.raw is not None) is read


def test_a_pod_is_read_whatever_its_revision() -> None:
    """It is an endpoint, whoever has injected it."""
    item = {"metadata": {**META, "labels": {"istio.io/rev": "stable"}}}
    found = pruning("Pod", revision="canary")(item)
    assert found is not None
    assert found.raw is not None


@pytest.mark.parametrize("meta", [None, [], {}, {"name": ""}, {"name": 1}])
def test_what_has_no_name_is_nothing(meta: object) -> None:
    assert pruning("Pod")({"metadata": meta}) is None


def test_equal_strings_are_one() -> None:
    strings = Strings(room=2)
    first, again = "".join(("x", "y")), "".join(("x", "y"))
    assert strings.one(first) is first
    assert strings.one(again) is first
    for other in ("a", "b", "c"):
        strings.one(other)
    assert strings.one(again) is again, "more than there is room for is forgotten"
