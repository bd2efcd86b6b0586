"""Pods at admission."""

import pytest

from tests.webhook.patches import applied
from tests.webhook.pods import pod, settings
from tests.webhook.reviews import asked, said
from webhook import raw
from webhook.admit import admit_pod
from webhook.inject import inject
from webhook.review import response


def test_the_patch_makes_the_injected_pod() -> None:
    given = pod()
    found = said(response(asked(new=given), admit_pod(asked(new=given), settings())))
    operations = found["patch"]
    assert isinstance(operations, list)
    injected = inject(given, {"metadata": {"name": "shop"}}, settings(), selected=True).pod
    assert applied(given, operations) == injected
    names = [each["name"] for each in raw.containers(injected)]
    assert names == ["heddle-init", "istio-proxy", "web"]


def test_what_the_configuration_selected_needs_no_label_that_we_know_of() -> None:
    """A namespace that was labelled a moment ago must not be judged by what we saw of it before."""
    assert admit_pod(asked(new=pod()), settings()).outcome == "injected"
    canary = pod(labels={"istio.io/rev": "canary-tag"})
    assert admit_pod(asked(new=canary), settings()).outcome == "injected"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(pod(labels={"sidecar.istio.io/inject": "false"}), id="declined"),
        pytest.param(pod(spec={"hostNetwork": True}), id="host network"),
    ],
)
def test_what_gets_no_sidecar_is_let_through_as_it_is(given: dict[str, object]) -> None:
    answer = admit_pod(asked(new=given), settings())
    assert (answer.outcome, answer.allowed, answer.patch) == ("skipped", True, [])


def test_a_pod_of_kubernetes_itself_is_left_alone() -> None:
    answer = admit_pod(asked(new=pod(), namespace="kube-system"), settings())
    assert answer.outcome == "skipped"


def test_twice_is_once() -> None:
    """The API server may ask again after another webhook changed the pod."""
    first = admit_pod(asked(new=pod()), settings())
    once = applied(pod(), first.patch)
    assert isinstance(once, dict)
    second = admit_pod(asked(new=once), settings())
    assert (second.outcome, second.patch) == ("skipped", [])


def test_the_same_pod_gets_the_same_bytes() -> None:
    question = asked(new=pod())
    assert response(question, admit_pod(question, settings())) == response(
        question, admit_pod(question, settings())
    )


def test_a_bad_annotation_refuses_the_pod_and_names_it() -> None:
    given = pod(annotations={"sidecar.istio.io/proxyCPU": "much"})
    answer = admit_pod(asked(new=given), settings())
    assert [each.code for each in answer.errors] == ["bad-annotation"]
    assert answer.errors[0].path == 'metadata.annotations["sidecar.istio.io/proxyCPU"]'


def test_a_pod_has_the_namespace_and_name_of_the_request() -> None:
    """A ReplicaSet's pod has neither when it is created."""
    given = pod()
    given["metadata"] = {"generateName": "web-5d8f-", "labels": {"app": "web"}}
    answer = admit_pod(asked(new=given, namespace="far"), settings())
    assert 'cluster":"web.far"' in str(answer.patch)


@pytest.mark.parametrize(
    "more",
    [
        {"operation": "UPDATE"},
        {"subResource": "ephemeralcontainers"},
        {"kind": "apps/Deployment"},
    ],
)
def test_anything_but_a_pod_that_is_created_is_let_through(more: dict[str, str]) -> None:
    answer = admit_pod(asked(more.pop("kind", "/Pod"), pod(), **more), settings())
    assert (answer.outcome, answer.patch) == ("ignored", ())


def test_a_pod_of_the_wrong_shape_is_refused_with_words() -> None:
    answer = admit_pod(asked(new={"spec": []}), settings())
    assert {each.code for each in answer.errors} == {"malformed-pod"}
