import pytest

from crds.label_selector import (
    LabelSelector,
    LabelSelectorOperator,
    LabelSelectorRequirement,
)
from crds.meta import Key
from tests.webhook.pods import MESH, namespace, pod, settings
from webhook import raw
from webhook.policy import decide

INJECT, REV = "sidecar.istio.io/inject", "istio.io/rev"
PLAIN = namespace()
DISABLED = namespace(istio_injection="disabled")


def skipped(
    of: dict[str, object], where: dict[str, object] = MESH, revision: str = "default"
) -> str | None:
    key = Key("", "Pod", raw.text(raw.metadata(where).get("name")), "web-0")
    decision = decide(of, key, raw.labels(where), settings(revision=revision))
    assert decision.problems == ()
    return decision.skipped


def in_revision(name: str) -> dict[str, object]:
    return {"metadata": {"name": "shop", "labels": {REV: name}}}


@pytest.mark.parametrize(
    ("of", "where"),
    [
        pytest.param(pod(), MESH, id="the namespace enables it"),
        pytest.param(pod(labels={INJECT: "true"}), PLAIN, id="the pod asks"),
        pytest.param(pod(labels={INJECT: "Y"}), PLAIN, id="the pod asks in other words"),
        pytest.param(pod(annotations={INJECT: "true"}), PLAIN, id="the pod asks the old way"),
        pytest.param(
            pod(labels={INJECT: "true"}, annotations={INJECT: "false"}), MESH, id="label wins"
        ),
        pytest.param(pod(), in_revision("default"), id="the namespace has our revision"),
        pytest.param(pod(labels={REV: "default"}), PLAIN, id="the pod has our revision"),
        pytest.param(
            pod(),
            {"metadata": {"name": "shop", "labels": {REV: "other", "istio-injection": "enabled"}}},
            id="istio-injection beats the revision",
        ),
        pytest.param(pod(spec={"hostNetwork": False}), MESH, id="not the host's network"),
    ],
)
def test_is_injected(of: dict[str, object], where: dict[str, object]) -> None:
    assert skipped(of, where) is None


@pytest.mark.parametrize(
    ("of", "where", "reason"),
    [
        pytest.param(pod(), PLAIN, "neither", id="nobody asks"),
        pytest.param(pod(), DISABLED, "disabled", id="the namespace disables it"),
        pytest.param(pod(labels={INJECT: "true"}), DISABLED, "disabled", id="disabled beats pod"),
        pytest.param(pod(labels={INJECT: "false"}), MESH, "inject=false", id="the pod declines"),
        pytest.param(pod(annotations={INJECT: "n"}), MESH, "inject=false", id="the old way"),
        pytest.param(
            pod(labels={INJECT: "false"}, annotations={INJECT: "true"}), MESH, "false", id="label"
        ),
        pytest.param(pod(), in_revision("other"), "revision 'other'", id="another revision"),
        pytest.param(
            pod(labels={REV: "other", INJECT: "true"}), PLAIN, "pod belongs", id="another's pod"
        ),
        pytest.param(pod(spec={"hostNetwork": True}), MESH, "host's network", id="host network"),
        *(
            pytest.param(pod(labels={INJECT: "true"}), namespace(name), name, id=name)
            for name in ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
        ),
    ],
)
def test_is_skipped_with_the_reason(
    of: dict[str, object], where: dict[str, object], reason: str
) -> None:
    assert reason in (skipped(of, where) or "")


def test_another_word_is_refused_and_not_taken_for_a_no() -> None:
    key = Key("", "Pod", "shop", "web-0")
    decision = decide(pod(labels={INJECT: "ture"}), key, raw.labels(MESH), settings())
    assert decision.skipped is None
    assert [problem.code for problem in decision.problems] == ["bad-annotation"]
    assert decision.problems[0].value == "ture"


DATABASE = LabelSelector(match_labels={"role": "database"})
OURS = LabelSelector(
    match_expressions=(LabelSelectorRequirement(key="team", operator=LabelSelectorOperator.EXISTS),)
)


@pytest.mark.parametrize("where", [None, MESH], ids=["chosen by the API server", "by its labels"])
@pytest.mark.parametrize(
    ("labels", "changes", "injected"),
    [
        pytest.param({"role": "database"}, {"never": (DATABASE,)}, False, id="never"),
        pytest.param({"role": "web"}, {"never": (DATABASE,)}, True, id="another"),
        pytest.param(
            {"role": "database", INJECT: "true"}, {"never": (DATABASE,)}, True, id="it asks itself"
        ),
        pytest.param({}, {"by_default": False}, False, id="only who asks"),
        pytest.param({INJECT: "true"}, {"by_default": False}, True, id="who asks"),
        pytest.param({"team": "a"}, {"by_default": False, "always": (OURS,)}, True, id="always"),
        pytest.param({"app": "x"}, {"by_default": False, "always": (OURS,)}, False, id="not these"),
        pytest.param(
            {"team": "a", "role": "database"},
            {"never": (DATABASE,), "always": (OURS,)},
            False,
            id="never comes first",
        ),
        pytest.param({}, {"never": (LabelSelector(),)}, True, id="an empty selector is none"),
    ],
)
def test_the_injectors_own_policy_is_for_those_who_say_nothing(
    where: dict[str, object] | None,
    labels: dict[str, str],
    changes: dict[str, object],
    injected: bool,
) -> None:
    namespace_labels = None if where is None else raw.labels(where)
    key = Key("", "Pod", "shop", "web-0")
    decision = decide(pod(labels=labels), key, namespace_labels, settings(**changes))
    assert (decision.skipped is None) is injected
