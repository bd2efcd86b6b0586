"""`heddle trace`, `authz check` and `describe`: from a folder, in every form, with the line."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from heddle.main import app
from tests.explain.egress import EGRESS, PLAIN, way
from tests.explain.scenario import BASE, RULES, policy, routed

MISSPELT = routed("  - route: [{destination: {host: web, subset: v9}}]\n")
DENIED = policy("readers", "  rules: [{to: [{operation: {methods: [GET]}}]}]\n")
TRACE = ("trace", "--from", "deploy/client-v1.shop", "--to")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE + RULES)
    return tmp_path


def heddle(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-f", str(folder)])


def test_a_trace_names_the_line_at_fault(folder: Path) -> None:
    (folder / "routes.yaml").write_text(MISSPELT)
    found = heddle(folder, *TRACE, "http://web/")
    assert found.exit_code == 1
    line = MISSPELT.splitlines().index("  - route: [{destination: {host: web, subset: v9}}]") + 1
    assert f"({folder}/routes.yaml:{line})" in found.stdout
    assert "error[unknown-subset]" in found.stdout
    assert "503" in found.stdout.splitlines()[-1]


def test_a_trace_goes_through_gateways(folder: Path) -> None:
    """With the lines of the Gateway, and of either part of the VirtualService."""
    (folder / "egress.yaml").write_text(EGRESS)
    (folder / "server.yaml").write_text(PLAIN)
    (folder / "way.yaml").write_text(way(80))
    found = heddle(folder, *TRACE, "http://far.test/a")
    assert found.exit_code == 0
    lines = [line.split() for line in found.stdout.splitlines()]
    (gateway,) = [number for number, words in enumerate(lines) if words[:1] == ["gateway"]]
    assert lines[gateway][1].startswith("edge/out-")
    placed = [words[-1] for words in lines[gateway:] if words[:1] == ["by"]]
    assert any(f"{folder}/server.yaml:" in place for place in placed)
    assert any(f"{folder}/way.yaml:" in place for place in placed)
    assert found.stdout.splitlines()[-1].endswith("then goes to outbound|80||far.test")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_read_the_same(folder: Path, form: str) -> None:
    found = heddle(folder, *TRACE, "http://web/x?q=1", "-H", "a: b", "-o", form)
    assert found.exit_code == 0
    read = json.loads(found.stdout) if form == "json" else yaml.safe_load(found.stdout)
    assert (read["ok"], read["to"]) == (True, "GET http://web/x?q=1")
    assert read["steps"][-1]["at"] == "authorization"


@pytest.mark.parametrize("url", ["tcp://web:5432", "tls://web:5432", "https://web", "web:80/x"])
def test_all_kinds_of_calls_can_be_traced(folder: Path, url: str) -> None:
    assert "goes to" in heddle(folder, *TRACE, url).stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*TRACE, "ftp://web"), "says not where to"),
        ((*TRACE, "tcp://web"), "says not where to"),
        ((*TRACE, "http://web:x"), "no usable port"),
        ((*TRACE, "http://web", "-H", "odd"), "is no header"),
        (("trace", "--from", "deploy/nobody.shop", "--to", "http://web"), "nobody"),
        (("trace", "--from", "cow/web.shop", "--to", "http://web"), "cow"),
        (("describe", "service", "nobody.shop"), "there is no service"),
        (("authz", "check", "deploy/web-v1.shop", "-H", "odd"), "is no header"),
    ],
)
def test_a_question_without_an_answer_is_refused(
    folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    found = heddle(folder, *arguments)
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = heddle(tmp_path / "none", *TRACE, "http://web/")
    assert found.exit_code == 2
    assert "none" in found.stderr


def test_authz_names_who_denies_and_why(folder: Path) -> None:
    (folder / "policy.yaml").write_text(DENIED)
    check = ("authz", "check", "deploy/web-v1.shop")
    listed = heddle(folder, *check)
    assert listed.exit_code == 0
    assert f"AuthorizationPolicy shop/readers ({folder}/policy.yaml:2)" in listed.stdout
    assert "ALLOWED" not in listed.stdout
    allowed = heddle(folder, *check, "--from", "deploy/client-v1.shop")
    assert allowed.exit_code == 0
    assert f"by AuthorizationPolicy shop/readers ({folder}/policy.yaml:7)" in allowed.stdout
    denied = heddle(folder, *check, "--from", "deploy/client-v1.shop", "--method", "POST")
    assert denied.exit_code == 1
    assert "DENIED: no ALLOW policy has a rule for it" in denied.stdout
    assert "another operation" in denied.stdout
    outside = heddle(folder, *check, "--from", "outside", "--tcp", "--port", "5432", "-o", "json")
    assert json.loads(outside.stdout)["decision"] == "denied"


def test_without_policies_everybody_may_call(folder: Path) -> None:
    found = heddle(
        folder, "authz", "check", "svc/web.shop", "--from", "svc/client.shop", "--plaintext"
    )
    assert found.exit_code == 0
    assert "no AuthorizationPolicy selects it" in found.stdout
    assert "ALLOWED: no policy is about this call" in found.stdout


def test_describe_names_what_acts(folder: Path) -> None:
    (folder / "routes.yaml").write_text(MISSPELT)
    found = heddle(folder, "describe", "service", "web.shop")
    assert found.exit_code == 0
    assert "! rule" in found.stdout
    assert "error[unknown-subset]" in found.stdout
    whole = heddle(folder, "describe", "service", "web.shop.svc.cluster.local", "-o", "json")
    assert {each["at"] for each in json.loads(whole.stdout)["acting"]} >= {"rule", "subset"}
    pod = heddle(folder, "describe", "pod", "deploy/web-v1.shop")
    assert "mutual TLS" in pod.stdout
