"""Argo CD's view of the mesh: the health of its objects, by the Lua that we ship, and the waves."""

import json
from collections.abc import Mapping

import pytest
import yaml
from lupa import lua51  # type: ignore[import-untyped]  # an extension module, without stubs

from crds.kinds import KINDS, NETWORKING, SECURITY
from crds.problem import Problem, error, warning
from heddle.conditions import Facts, status
from heddle.definitions import documents
from heddle.liveness import Live, Rejected, Waiting
from tests.charts.helm import CHART
from tests.conftest import ROOT
from webhook import raw

FOLDER = ROOT / "charts/argocd"
SCRIPT = (FOLDER / "health/mesh.lua").read_text()
CUSTOMIZATIONS: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())["data"]["resource.customizations"]
)
APPLICATIONS = list(yaml.safe_load_all((FOLDER / "applications.yaml").read_text()))
WITHHELD = ("io", "os", "string", "math", "debug", "package", "require", "dofile", "loadfile")
"""What Argo CD does not give to a script."""

LIVE = Live(used=True)
REJECTED = Rejected(
    proxies=1, users=3, pods=("shop/web-0",), resource="80", words="unknown cluster"
)
MISSING = warning("unknown-host", "spec.http[0].route[0].destination.host", "There is none.")
WRONG = error("bad-duration", "spec.http[0].timeout", "Give a duration, such as 5s.")
LOST = warning("shadowed-virtual-service", "spec.hosts[0]", "VirtualService shop/a is older.")


def judged(
    *problems: Problem, standing: Live | Waiting | Rejected = LIVE, refused: bool = False
) -> Mapping[str, object]:
    """A mesh object of generation 3 with the status that Heddle writes for it."""
    facts = Facts(generation=3, problems=problems, standing=standing, refused=refused)
    return mesh_object(status(facts, {}, "2026-11-21T12:00:00Z"))


def mesh_object(said: object, generation: int = 3) -> Mapping[str, object]:
    metadata = {"name": "reviews", "generation": generation}
    return {"kind": "VirtualService", "metadata": metadata, **({"status": said} if said else {})}


def health(item: Mapping[str, object], script: str = SCRIPT) -> tuple[str, str]:
    """What Argo CD shows: status and message."""
    runtime = lua51.LuaRuntime(register_eval=False, register_builtins=False)
    for name in WITHHELD:
        runtime.globals()[name] = None
    runtime.globals()["obj"] = runtime.table_from(json.loads(json.dumps(item)), recursive=True)
    found = runtime.execute(script)
    return str(found["status"]), str(found["message"] or "")


@pytest.mark.parametrize(
    ("item", "expected", "word"),
    [
        pytest.param(judged(), "Healthy", "acknowledged", id="all is well"),
        pytest.param(mesh_object(None), "Progressing", "not looked", id="no status"),
        pytest.param(mesh_object({"conditions": []}), "Progressing", "not looked", id="empty"),
        pytest.param(judged(standing=Waiting(proxies=2)), "Progressing", "2 conn", id="on its way"),
        pytest.param(judged(MISSING), "Progressing", "There is none", id="a reference is missing"),
        pytest.param(judged(WRONG), "Degraded", "such as 5s", id="a field has an error"),
        pytest.param(judged(WRONG, refused=True), "Degraded", "such as 5s", id="it is not used"),
        pytest.param(judged(LOST), "Degraded", "shop/a", id="another object wins"),
        pytest.param(judged(standing=REJECTED), "Degraded", "unknown cluster", id="Envoy refuses"),
        pytest.param(
            judged(MISSING, standing=REJECTED), "Degraded", "unknown cluster", id="the worst counts"
        ),
    ],
)
def test_health_follows_from_what_heddle_writes(
    item: Mapping[str, object], expected: str, word: str
) -> None:
    found, message = health(item)
    assert found == expected
    assert word in message


@pytest.mark.parametrize("older", [judged(), judged(WRONG), judged(standing=REJECTED)])
def test_what_is_said_of_an_older_generation_does_not_count(older: Mapping[str, object]) -> None:
    """Or a sync would end with the health that the object had before it."""
    edited = {**older, "metadata": {"name": "reviews", "generation": 4}}
    assert health(edited)[0] == "Progressing"


def test_conditions_of_others_do_not_count() -> None:
    said = raw.mapping(judged().get("status"))
    theirs = {"type": "Ready", "status": "False", "observedGeneration": 3, "message": "never"}
    mixed = {**said, "conditions": [theirs, *raw.objects(said["conditions"])]}
    assert health(mesh_object(mixed))[0] == "Healthy"


def test_every_mesh_kind_is_judged() -> None:
    """Argo CD matches group/kind, with a wildcard at the end."""
    groups = {group for group, _ in KINDS if group in (NETWORKING, SECURITY)}
    assert groups == {key.removesuffix("/*") for key in CUSTOMIZATIONS if key.endswith("/*")}


@pytest.mark.parametrize("key", [key for key in CUSTOMIZATIONS if key.endswith("/*")])
def test_the_config_map_holds_the_script(key: str) -> None:
    assert CUSTOMIZATIONS[key] == {"health.lua": SCRIPT}


SOURCE = {"repoURL": "https://git.example/heddle.git", "targetRevision": "v2", "path": "charts"}
AUTOMATED = {"automated": {"selfHeal": True}}
OF_APPLICATIONS = CUSTOMIZATIONS["argoproj.io/Application"]["health.lua"]


def application(
    *,
    compared: Mapping[str, str] = SOURCE,
    synced: str = "Synced",
    phase: str = "Succeeded",
    said: str = "Healthy",
) -> Mapping[str, object]:
    """One that is synced by itself, with the status that Argo CD gives it."""
    return {
        "kind": "Application",
        "spec": {"source": SOURCE, "syncPolicy": AUTOMATED},
        "status": {
            "sync": {"status": synced, "comparedTo": {"source": compared}},
            "operationState": {"phase": phase},
            "health": {"status": said, "message": ""},
        },
    }


@pytest.mark.parametrize("said", ["Healthy", "Progressing", "Degraded", "Missing"])
def test_a_wave_waits_for_the_application_before(said: str) -> None:
    assert health(application(said=said), OF_APPLICATIONS)[0] == said


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"spec": {"source": SOURCE}}, id="new"),
        pytest.param(
            {"spec": {"source": SOURCE}, "status": {"sync": {"comparedTo": {"source": SOURCE}}}},
            id="no health yet",
        ),
        pytest.param(application(compared={**SOURCE, "targetRevision": "v1"}), id="release before"),
        pytest.param(application(compared={**SOURCE, "chart": "x"}), id="another chart before"),
        pytest.param(application(synced="OutOfSync"), id="not synced"),
        pytest.param(application(phase="Running"), id="being synced"),
    ],
)
def test_the_health_of_a_release_before_does_not_count(item: Mapping[str, object]) -> None:
    """A wave would pass on while the one before has not even begun."""
    assert health(item, OF_APPLICATIONS)[0] == "Progressing"


def test_who_syncs_by_hand_is_not_waited_for() -> None:
    by_hand = {**application(synced="OutOfSync"), "spec": {"source": SOURCE, "syncPolicy": {}}}
    assert health(by_hand, OF_APPLICATIONS)[0] == "Healthy"


def test_the_config_map_holds_the_script_of_applications() -> None:
    assert (FOLDER / "health/application.lua").read_text() == OF_APPLICATIONS


def test_the_kinds_come_before_their_objects_in_one_application() -> None:
    """Argo CD waits until the API server serves what a wave brought before it goes on."""
    made = [yaml.load(text, Loader=yaml.CSafeLoader) for _, text in documents()]
    assert {raw.annotations(each)["argocd.argoproj.io/sync-wave"] for each in made} == {"-1"}


def test_the_applications_come_in_waves() -> None:
    waves = {
        raw.text(raw.metadata(each)["name"]): raw.annotations(each)["argocd.argoproj.io/sync-wave"]
        for each in APPLICATIONS
    }
    assert waves == {"heddle-crds": "-1", "heddle": "0", "mesh": "1"}


@pytest.mark.parametrize("application", APPLICATIONS[:2], ids=["heddle-crds", "heddle"])
def test_the_applications_name_the_charts(application: Mapping[str, object]) -> None:
    source = raw.mapping(raw.spec(application)["source"])
    chart = yaml.safe_load((ROOT / raw.text(source["path"]) / "Chart.yaml").read_text())
    assert chart["name"] == raw.text(raw.metadata(application)["name"])
    assert source["targetRevision"] == f"v{chart['version']}"


def test_the_values_of_the_application_are_values_of_the_chart() -> None:
    helm = raw.mapping(raw.mapping(raw.spec(APPLICATIONS[1])["source"])["helm"])
    given = raw.mapping(helm["valuesObject"])
    known = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(given) <= set(known)


def test_pruning_never_takes_the_kinds() -> None:
    """With a kind all its objects go."""
    policy = raw.mapping(raw.spec(APPLICATIONS[0])["syncPolicy"])
    assert "prune" not in raw.mapping(policy["automated"])
