"""The command line: exit codes, output, and messages that name the way out."""

import json
import socket
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import structlog
import yaml
from typer.testing import CliRunner, Result

from ca.issuer import LocalIssuer
from heddle.main import app

GOOD = """
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
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: bare
  namespace: shop
  annotations: {sidecar.istio.io/inject: "false"}
spec: {containers: [{name: app, image: app}]}
"""
ERROR = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec:
  hosts: [web]
  http:
  - timeout: soon
    route: [{destination: {host: web}}]
"""
WARNING = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d, namespace: shop}
spec: {host: web, trafficPolicy: {outlierDetection: {consecutiveErrors: 1}}}
"""


@pytest.fixture(autouse=True)
def as_by_default() -> Iterator[None]:
    """Commands configure the log; the next test must not see that."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def heddle(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_version() -> None:
    result = heddle("version")
    assert (result.exit_code, result.stdout.strip()) == (0, version("heddle"))


def test_no_command_is_help() -> None:
    result = heddle()
    for command in ("demo", "serve", "translate", "validate", "version"):
        assert command in result.output


def test_validate_accepts_what_is_good(folder: Path) -> None:
    result = heddle("validate", "-f", folder)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "0 errors, 0 warnings\n"


def test_validate_fails_on_errors_and_says_where(folder: Path) -> None:
    (folder / "bad.yaml").write_text(ERROR)
    result = heddle("validate", "-f", folder)
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    for part in ("bad.yaml:8 ", "VirtualService shop/v", "spec.http[0].timeout", "soon"):
        assert part in line
    assert result.stderr == "1 errors, 0 warnings\n"


def test_validate_passes_with_warnings(folder: Path) -> None:
    (folder / "odd.yaml").write_text(WARNING)
    result = heddle("validate", "-f", folder)
    assert result.exit_code == 0
    assert "outlierDetection.consecutiveErrors" in result.stdout
    assert result.stderr == "0 errors, 1 warnings\n"


def test_validate_prints_json(folder: Path) -> None:
    (folder / "bad.yaml").write_text(ERROR)
    result = heddle("validate", "-f", folder, "-o", "json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    expected = {
        "severity": "error",
        "object": "VirtualService shop/v",
        "path": "spec.http[0].timeout",
        "value": "soon",
        "document": 1,
        "line": 8,
    }
    assert expected.items() <= problem.items()
    assert problem["file"].endswith("bad.yaml")


def test_validate_prints_an_empty_list_if_all_is_good(folder: Path) -> None:
    assert json.loads(heddle("validate", "-f", folder, "-o", "json").stdout) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for command in (("validate",), ("translate", "--proxy", "shop/web")):
        result = heddle(*command, "-f", tmp_path / "none")
        assert result.exit_code == 2
        assert str(tmp_path / "none") in result.stderr


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_translate_prints_a_list_of_each_kind(folder: Path, output: str) -> None:
    result = heddle("translate", "-f", folder, "--proxy", "shop/web", "-o", output)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = yaml.safe_load(result.stdout) if output == "yaml" else json.loads(result.stdout)
    assert list(shown) == ["clusters", "endpoints", "listeners", "routes", "secrets"]
    assert any("web.shop" in cluster["name"] for cluster in shown["clusters"])


def test_translate_takes_a_pods_own_name(folder: Path) -> None:
    named = heddle("translate", "-f", folder, "--proxy", "shop/nobody").stderr
    pod = named.strip().rpartition(" ")[2]
    assert pod.startswith("shop/web-")
    by_pod = heddle("translate", "-f", folder, "--proxy", pod)
    by_deployment = heddle("translate", "-f", folder, "--proxy", "shop/web")
    assert by_pod.stdout == by_deployment.stdout


def test_translate_says_what_is_wrong_beside_what_it_prints(folder: Path) -> None:
    (folder / "bad.yaml").write_text(ERROR)
    result = heddle("translate", "-f", folder, "--proxy", "shop/web", "-o", "json")
    assert result.exit_code == 0
    assert "spec.http[0].timeout" in result.stderr
    assert json.loads(result.stdout)


def test_translate_knows_proxy_port_mode(folder: Path) -> None:
    result = heddle(
        "translate", "-f", folder, "--proxy", "shop/web", "--mode", "NONE", "-o", "json"
    )
    names = [listener["name"] for listener in json.loads(result.stdout)["listeners"]]
    assert "http_proxy" in names


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("web", "NAMESPACE/POD"),
        ("shop/nobody", "there are: shop/web-"),
        ("shop/bare", "has no sidecar: "),
    ],
)
def test_translate_says_which_proxy_to_name(folder: Path, proxy: str, told: str) -> None:
    result = heddle("translate", "-f", folder, "--proxy", proxy)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.fixture
def key_set(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(LocalIssuer().jwks()))
    return path


def serve(folder: Path, key_set: Path, listen: str = "127.0.0.1:0") -> Result:
    arguments = ("--token-jwks", key_set, "--token-issuer", "issuer", "--listen", listen)
    return heddle("serve", "-f", folder, *arguments)


def test_serve_says_that_its_port_is_taken(folder: Path, key_set: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = serve(folder, key_set, address)
    assert result.exit_code == 2
    assert f"cannot listen on {address}" in result.stderr


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"keys": []}', "nonsense", pytest.param("[" * 100_000, id="deeply nested")],
)
def test_serve_says_that_a_file_is_no_key_set(folder: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "no-keys.json"
    file.write_text(text)
    result = serve(folder, file)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "key set" in result.stderr or "no-keys.json" in result.stderr


def test_serve_says_that_there_is_no_way_to_verify_tokens(folder: Path) -> None:
    result = heddle("serve", "-f", folder)
    assert result.exit_code == 2
    assert "give --token-review, or --token-jwks and --token-issuer" in result.stderr


@pytest.mark.parametrize("text", [None, "", "{}", "[", "- 1", "clusters: 1"])
def test_serve_says_what_leads_to_no_api_server(
    folder: Path, tmp_path: Path, text: str | None
) -> None:
    config = tmp_path / "config"
    if text is not None:
        config.write_text(text)
    result = heddle("serve", "-f", folder, "--token-review", "--kubeconfig", config)
    assert result.exit_code == 2
    assert f"{config} leads to no API server: " in result.stderr
    assert "Traceback" not in result.output


def test_serve_says_that_there_is_no_cluster_around_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    result = heddle("serve", "-f", folder, "--token-review")
    assert result.exit_code == 2
    assert "the cluster around this process leads to no API server" in result.stderr


@pytest.mark.parametrize("both", [True, False])
def test_serve_wants_one_source(folder: Path, both: bool) -> None:
    given = ("--kubernetes", "-f", folder) if both else ()
    result = heddle("serve", *given)
    assert (result.exit_code, result.stderr) == (
        2,
        "heddle: give --folder or --kubernetes: one of them\n",
    )


def test_serve_says_what_leads_to_no_cluster(tmp_path: Path) -> None:
    result = heddle("serve", "--kubernetes", "--kubeconfig", tmp_path / "config")
    assert result.exit_code == 2
    assert f"{tmp_path / 'config'} leads to no API server: " in result.stderr


def test_serve_says_what_is_no_address(folder: Path, key_set: Path) -> None:
    result = serve(folder, key_set, "somewhere")
    assert (result.exit_code, result.stderr) == (2, "heddle: 'somewhere' is not host:port\n")


def test_demo_says_that_there_is_no_folder(tmp_path: Path) -> None:
    result = heddle("demo", "--mode", "proxy-port", "--once", "-f", tmp_path / "none")
    assert result.exit_code == 2
    assert str(tmp_path / "none") in result.output


def test_proxy_status_names_the_file_that_is_missing(tmp_path: Path) -> None:
    missing = str(tmp_path / "root.pem")
    result = CliRunner().invoke(app, ["proxy-status", "--root", missing, "--token", missing])
    assert result.exit_code == 2
    assert missing in result.stderr
