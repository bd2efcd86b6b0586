"""`heddle analyze`: what it looks at, what it prints, how it ends."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from analysis.analyzers import ANALYZERS
from analysis.codes import CODES
from heddle.main import app

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app, ports: [{containerPort: 80}]}]}
"""
LOST = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - route:
    - destination:
        host: wep
"""
LABELS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled, istio.io/rev: canary}}
"""


@pytest.fixture(autouse=True)
def without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["analyze", *arguments], input=stdin)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop.yaml").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_found_in_what_is_right(shop: Path) -> None:
    result = run(".")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "nothing found\n"


def test_a_finding_with_file_line_and_way_out(shop: Path) -> None:
    (shop / "route.yaml").write_text(LOST)
    result = run("shop.yaml", "route.yaml")
    first, second = result.stdout.splitlines()
    assert first.startswith(
        "Error [IST0101] (VirtualService web.shop route.yaml:9) "
        "spec.http[0].route[0].destination.host: "
    )
    assert second == "    Did you mean web.shop.svc.cluster.local?"
    assert result.stderr == "1 error\n"
    assert result.exit_code == 1


def test_the_same_as_json_and_as_yaml(shop: Path) -> None:
    (shop / "route.yaml").write_text(LOST)
    read = json.loads(run(".", "-o", "json").stdout)
    assert read == yaml.safe_load(run(".", "-o", "yaml").stdout)
    (found,) = read
    assert {k: v for k, v in found.items() if k not in ("message", "remedy")} == {
        "code": "IST0101",
        "name": "ReferencedResourceNotFound",
        "level": "Error",
        "origin": "VirtualService web.shop",
        "field": "spec.http[0].route[0].destination.host",
        "value": "wep",
        "reference": "route.yaml:9",
        "file": "route.yaml",
        "line": 9,
        "documentationUrl": "https://istio.io/latest/docs/reference/config/analysis/ist0101/",
    }
    assert found["remedy"]
    lost = json.loads(run("-", "-o", "json", stdin="nothing").stdout)
    assert lost[0]["reference"] == "stdin:1"
    assert "origin" not in lost[0]
    sarif = json.loads(run(".", "-o", "sarif").stdout)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "IST0101"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 0, True),
        (("--failure-threshold", "Warning"), 1, True),
        (("--failure-threshold", "Info"), 1, True),
        (("--output-threshold", "Error"), 0, False),
        (("-S", "IST0123=Namespace shop", "--failure-threshold", "Info"), 0, False),
        (("-S", "IST0123=Namespace bank", "--failure-threshold", "Warning"), 1, True),
    ],
)
def test_thresholds_and_suppression(options: tuple[str, ...], code: int, told: bool) -> None:
    result = run("-", *options, stdin=LABELS)
    assert result.exit_code == code
    assert ("IST0123" in result.stdout) is told


def test_what_is_left_out_is_counted() -> None:
    result = run("-", "-S", "IST0123=*", stdin=LABELS)
    assert result.stderr == "nothing found (1 suppressed)\n"
    annotated = LABELS.replace(
        "metadata: {", 'metadata: {annotations: {galley.istio.io/analyze-suppress: "*"}, '
    )
    assert run("-", stdin=annotated).stderr == "nothing found (1 suppressed)\n"


def test_a_namespace(shop: Path) -> None:
    (shop / "route.yaml").write_text(LOST)
    assert "IST0101" in run(".", "-n", "shop").stdout
    assert run(".", "-n", "bank").exit_code == 0
    assert "IST0101" in run(".", "-A").stdout
    unnamed = LOST.replace(", namespace: shop", "")
    assert "web.bank" in run("-", "-n", "bank", stdin=unnamed).stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "name files or folders"),
        (("nothing.yaml",), "nothing.yaml cannot be read"),
        ((".", "-n", "a", "-A"), "not both"),
        ((".", "-S", "IST0102"), "CODE=Kind name.namespace"),
        ((".", "--use-kube", "true", "-c", "nowhere"), "leads to no API server"),
    ],
)
def test_what_cannot_be_done(shop: Path, arguments: tuple[str, ...], why: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_a_cluster_that_is_named_is_asked(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(shop / "nowhere"))
    assert run(".").exit_code == 2
    assert run(".", "--use-kube", "false").exit_code == 0


@pytest.mark.parametrize(("setting", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_whose_user_wants_them(
    setting: dict[str, str], coloured: bool
) -> None:
    arguments = ["analyze", "-"]
    seen = CliRunner().invoke(app, arguments, input=LABELS, env=setting, color=True)
    assert ("\x1b[" in seen.stdout) is coloured
    assert "\x1b[" not in run("-", stdin=LABELS).stdout


def test_all_analyzers_and_codes_are_listed() -> None:
    listed = run("-L").stdout
    for analyzer in ANALYZERS:
        assert analyzer.name in listed
    for code in CODES:
        assert f"\n{code} " in listed


def test_what_is_wrong_with_pods_is_told_of_what_they_are_made_from(shop: Path) -> None:
    text = SHOP.replace("image: app", "image: app, securityContext: {runAsUser: 1337}")
    (found,) = read(run("-", "-o", "json", stdin=text))
    assert (found["code"], found["origin"]) == ("IST0144", "Deployment web.shop")
    assert found["field"] == "spec.template.spec.containers[0].securityContext.runAsUser"
    assert found["line"] == 17


def read(result: Result) -> list[Mapping[str, object]]:
    listed = json.loads(result.stdout)
    assert isinstance(listed, list)
    return listed


def test_files_without_workloads_say_nothing_of_endpoints() -> None:
    service, deployment = SHOP.split("---\n")[1:]
    assert run("-", stdin=service).stdout == ""
    other = deployment.replace("app: web", "app: other")
    assert "HED0022" in run("-", stdin=f"{service}---\n{other}").stdout


def test_only_what_a_cluster_could_not_do_is_told() -> None:
    text = SHOP.replace("kind: Deployment", "kind: DaemonSet")
    assert "not-run" not in run("-", stdin=text).stdout


def test_a_file_with_mesh_config(shop: Path) -> None:
    Path("mesh.config").write_text("trustDomain: bank.example\nrootNamespac: x\n")
    (found,) = read(run(".", "--meshConfigFile", "mesh.config", "-o", "json"))
    assert (found["code"], found["field"]) == ("IST0133", "data.mesh.rootNamespac")
    assert found["file"] == "mesh.config"
    missing = run(".", "--meshConfigFile", "nothing")
    assert (missing.exit_code, missing.stderr) == (2, "heddle: nothing is no file\n")


def test_templates_can_be_ignored() -> None:
    text = f"{SHOP}---\nname: {{{{ .Values.name }}}}\n---\nreplicas: 3\n"
    assert run("-", stdin=text).exit_code == 1
    ignored = run("-", "--ignore-unknown", stdin=text)
    assert (ignored.exit_code, ignored.stdout) == (0, "")
    assert ignored.stderr == "nothing found\n"


@pytest.mark.parametrize("option", ["--istioNamespace", "--system-namespace", "-i"])
def test_habits_of_istioctl(option: str) -> None:
    given = (option, "x", "--color=false", "--timeout", "5s", "--failure-threshold", "info")
    result = run("-", "-o", "log", *given, stdin=LABELS)
    assert result.exit_code == 1
    assert result.stdout.startswith("Warning [IST0123]")
    assert result.stderr == "1 warning\n"


@pytest.mark.parametrize("text", ["x", "0s", "-1s"])
def test_a_timeout_is_a_duration(shop: Path, text: str) -> None:
    result = run(".", f"--timeout={text}")
    assert result.exit_code == 2
    assert "such as 30s" in result.stderr
