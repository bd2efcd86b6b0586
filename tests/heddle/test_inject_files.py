"""`heddle inject`: files in, files out. Goldens are in `tests/golden/inject_files/`; the bootstrap
and the program of the init container are small stand-ins there.
"""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heddle.inject_files import injected_text
from heddle.main import app
from sources.documents import pieces
from sources.yaml_values import parse
from tests.goldens import Golden, case_id, cases
from tests.webhook.pods import settings
from webhook import raw
from webhook.templates import TEMPLATES, with_sidecars

_PROGRAM = re.compile(r"( +)(set -eu\n)(?:\1[^\n]*\n)*")


@pytest.mark.parametrize("case", cases("inject_files"), ids=case_id)
def test_golden(case: Path, golden: Golden) -> None:
    text, problems = injected_text(case.read_text(), settings())
    told = "".join(f"# {problem}\n" for problem in problems)
    golden(case, _PROGRAM.sub(r"\1\2\1...\n", text) + told)


def workload(group: str, kind: str) -> dict[str, object]:
    path = TEMPLATES[group, kind]
    pod: dict[str, object] = {"spec": {"containers": [{"name": "web", "image": "web"}]}}
    for name in reversed(path):
        pod = {name: pod}
    version = f"{group}/v1" if group else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, **pod}


@pytest.mark.parametrize(("group", "kind"), sorted(TEMPLATES))
def test_every_workload_is_injected_and_once_is_enough(group: str, kind: str) -> None:
    item = workload(group, kind)
    made = with_sidecars(item, "shop", settings())
    assert made.problems == ()
    found: object = made.item
    for name in TEMPLATES[group, kind]:
        found = raw.mapping(found)[name]
    names = [each["name"] for each in raw.containers(raw.mapping(found))]
    assert names == ["heddle-init", "istio-proxy", "web"]
    again = with_sidecars(made.item, "shop", settings())
    assert again.item is made.item


def test_a_template_gets_no_name_of_ours() -> None:
    made = with_sidecars(workload("apps", "Deployment"), "shop", settings()).item
    template = raw.mapping(raw.spec(made)["template"])
    assert "name" not in raw.metadata(template)


def test_what_comes_out_is_what_was_meant() -> None:
    """Quoting is another matter in YAML than in JSON: `y`, `0123` and `1e3` are texts here."""
    texts = ["y", "No", "0123", "1e3", "", "null", "a: b", "# c", " x ", "one\n two\n", "\ttab"]
    item = workload("apps", "Deployment")
    item["metadata"] = {"name": "web", "annotations": {f"a{n}": t for n, t in enumerate(texts)}}
    shown, _ = injected_text(json.dumps(item), settings())
    made = with_sidecars(item, "default", settings()).item
    assert parse(shown) == json.loads(json.dumps(made, default=dict))


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n---\n", "a: b\n---\nc: d", "[1]"])
def test_what_makes_no_pods_is_there_byte_for_byte(text: str) -> None:
    assert injected_text(text, settings()) == (text, ())
    assert "".join(pieces(text)) == text


def run(*arguments: str, given: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["inject", *arguments], input=given)
    return result.exit_code, result.stdout, result.stderr


POD = json.dumps(workload("", "Pod"))


def test_the_command_reads_standard_input_and_takes_a_revision_and_settings(
    tmp_path: Path,
) -> None:
    values = tmp_path / "injection.yaml"
    values.write_text("global: {proxy: {image: 'mine:1'}}")
    arguments = ("-f", "-", "--revision", "canary", "--settings", str(values))
    code, shown, told = run(*arguments, given=POD)
    assert (code, told) == (0, "")
    pod = raw.mapping(parse(shown))
    assert raw.annotations(pod)["istio.io/rev"] == "canary"
    proxy = raw.containers(pod)[1]
    assert proxy["image"] == "mine:1"
    assert '"sni":"heddle-canary.heddle-system.svc"' in str(proxy["args"])


def test_a_pod_that_is_refused_is_an_error_and_printed_as_it_is() -> None:
    pod = workload("", "Pod")
    pod["metadata"] = {"name": "web", "annotations": {"sidecar.istio.io/logLevel": "loud"}}
    code, shown, told = run("-f", "-", given=json.dumps(pod))
    assert (code, shown) == (1, json.dumps(pod))
    assert "error[bad-annotation]" in told


@pytest.mark.parametrize(
    ("settings_text", "words"),
    [
        ("policy: sometimes", "must be one of enabled, disabled"),
        ("[1]", "must be a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_settings_with_an_error_are_refused(tmp_path: Path, settings_text: str, words: str) -> None:
    values = tmp_path / "injection.yaml"
    values.write_text(settings_text)
    code, shown, told = run("-f", "-", "--settings", str(values), given=POD)
    assert (code, shown) == (2, "")
    assert words in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, _, told = run("-f", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "none.yaml" in told
