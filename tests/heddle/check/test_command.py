"""`heddle check` as it is called: what is made, what is printed, and what it ends with."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from heddle.check.files import Files
from heddle.check.report import PAGE, as_text, page
from heddle.check.run import CATEGORIES, after, before, look, of_files, until_well, worst
from heddle.check.verdict import Grade, Result, fine
from heddle.check.verdict import failed as failed_verdict
from heddle.main import app
from sources.errors import ApiError
from tests.fakes.virtual_time import run_virtually
from tests.goldens import Golden
from tests.heddle.check.looked import CHECKS, cluster, result

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled, istio.io/rev: canary}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      labels: {sidecar.istio.io/inject: "false"}
      annotations: {sidecar.istio.io/inject: "true"}
    spec: {containers: [{name: web, image: web}]}
"""
CLEAN = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""
STRICT = """
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {istio-injection: enabled, pod-security.kubernetes.io/enforce: baseline}
"""


def called(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *arguments])
    return done.exit_code, done.output


def folder(tmp_path: Path, text: str) -> str:
    (tmp_path / "mesh.yaml").write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(("text", "code"), [(CLEAN, 0), (STRICT, 1), (SHOP, 2)])
def test_it_ends_with_the_worst(tmp_path: Path, text: str, code: int) -> None:
    assert called("-f", folder(tmp_path, text))[0] == code


def test_files_are_looked_at_before_they_are_applied(tmp_path: Path) -> None:
    _, said = called("-f", folder(tmp_path, SHOP))
    assert "istio-injection=enabled wins" in said
    assert "shop/web: the label sidecar.istio.io/inject=false wins" in said
    assert f"{PAGE}#labels-agree" in said


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_are_told_by_name(tmp_path: Path, form: str, read: object) -> None:
    assert callable(read)
    found = read(called("-f", folder(tmp_path, STRICT), "-o", form)[1])
    assert found["result"] == "failed"
    assert found["counts"]["failed"] == 1
    [bad] = [each for each in found["checks"] if each["result"] == "failed"]
    assert (bad["category"], bad["check"]) == ("injection", "pod-security")
    assert bad["findings"]
    assert bad["remedy"]


def test_without_a_cluster_that_is_what_failed(tmp_path: Path) -> None:
    code, said = called("--kubeconfig", str(tmp_path / "none"), "-o", "json")
    assert code == 1
    assert [each["check"] for each in json.loads(said)["checks"]] == ["api-reachable"]


def test_a_folder_that_is_none_is_a_wrong_call(tmp_path: Path) -> None:
    assert called("-f", str(tmp_path / "none"))[0] == 2
    assert "goes with" in called("-f", str(tmp_path), "--pre")[1]


def test_the_page_is_what_is_looked_at(repo_root: Path, golden: Golden) -> None:
    document = repo_root / PAGE
    if golden.write:
        document.write_text(page())
    assert document.read_text() == page() == called("--list")[1]


def test_an_anchor_is_of_one_check_which_says_what_to_do() -> None:
    assert len({each.name for each in CATEGORIES}) == len(CATEGORIES)
    anchors = [each.anchor for each in CHECKS]
    assert len(set(anchors)) == len(anchors)
    assert all(each.remedy.endswith((".", "?")) and not each.title.endswith(".") for each in CHECKS)


def test_nobody_is_asked_what_makes_no_sense_then() -> None:
    names = {each.anchor for each in filter(before, CHECKS)}
    assert "may-install" in names
    assert "replicas-ready" not in names
    assert {each.anchor for each in CHECKS} - names == {
        each.anchor for each in filter(after, CHECKS) if not before(each)
    }
    assert all(not each.fatal for each in filter(of_files, CHECKS))


async def test_without_an_api_server_nothing_more_is_asked() -> None:
    results = await look(cluster(Files([])), after)
    assert [each.check.anchor for each in results] == ["api-reachable"]
    assert results[0].verdict.grade is Grade.FAILED


async def test_what_may_not_be_read_is_skipped() -> None:
    class Refusing(Files):
        async def get(self, path: str) -> dict[str, object]:
            raise ApiError("the API server says 403", 403)

    results = await look(cluster(Refusing([])), lambda check: check.anchor == "replicas-ready")
    assert [each.verdict.grade for each in results] == [Grade.SKIPPED]


@pytest.mark.parametrize(("seconds", "times"), [(0.0, 1), (10.0, 3), (3.0, 2)])
def test_it_is_tried_until_nothing_fails_or_the_time_is_over(seconds: float, times: int) -> None:
    made: list[Sequence[Result]] = []

    async def once() -> Sequence[Result]:
        made.append([result(fine() if len(made) == 2 else failed_verdict("no"))])
        return made[-1]

    async def main() -> None:
        assert await until_well(once, seconds) is made[-1]
        assert len(made) == times

    run_virtually(main())


def test_nothing_looked_at_is_well() -> None:
    assert worst([]) is Grade.OK
    assert "nothing to look at" in as_text([])


def test_the_words_of_a_cluster_steer_no_terminal() -> None:
    assert "\x1b" not in as_text([result(failed_verdict("\x1b[2J"))])
