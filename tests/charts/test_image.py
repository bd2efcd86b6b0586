"""The container images: the Dockerfile is read, and its steps are rehearsed without an engine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.charts.dockerfile import Stage, stages
from tests.conftest import ROOT

STAGES = stages(ROOT / "Dockerfile")
BUILD, INIT, HEDDLE = STAGES
COPIED = [source for stage in STAGES for sources, _ in stage.copies() for source in sources]
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]
REHEARSE = "HEDDLE_REHEARSE_IMAGE"


def test_there_are_two_images() -> None:
    assert [stage.name for stage in STAGES] == ["build", "heddle-init", "heddle"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_base_is_one_version(stage: Stage) -> None:
    """`latest`, `3` or `slim` would be another image tomorrow."""
    name, _, tag = stage.base.partition(":")
    assert "/" not in name  # no registry: that is the builder's own setting
    assert re.match(r"\d+\.\d+", tag)


def test_what_runs_is_built_for_the_python_that_runs_it() -> None:
    assert BUILD.base == HEDDLE.base


@pytest.mark.parametrize("stage", [INIT, HEDDLE], ids=lambda stage: stage.name)
def test_each_image_has_a_user_that_is_not_root(stage: Stage) -> None:
    """As a number, for the kubelet cannot tell whether a name is root's."""
    (user,) = stage.all("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_init_image_has_two_packages_and_nothing_of_ours() -> None:
    (run,) = INIT.all("RUN")
    (installed,) = re.findall(r"install -y --no-install-recommends ([^&]*)&&", run)
    assert installed.split() == ["iproute2", "iptables"]
    assert INIT.all("COPY") == INIT.all("ADD") == []


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_nothing_else_goes_to_the_builder() -> None:
    assert IGNORED[0] == "*"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == set(COPIED)


def test_all_our_packages_are_copied() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "e2e", "bench"}
    assert packages <= set(COPIED)


@pytest.mark.timeout(600)
def test_the_steps_of_the_build_make_a_heddle_that_runs(tmp_path: Path) -> None:
    """From what is copied and nothing else, by the very commands of the Dockerfile."""
    if REHEARSE not in os.environ:
        pytest.skip(f"reaches a package index: `make test-kube` sets {REHEARSE}")
    work, prefix = tmp_path / "src", tmp_path / "opt/heddle"
    for instruction in BUILD.instructions:
        if instruction.name == "COPY":
            _copy(instruction.text.split(), work)
        elif instruction.name == "RUN":
            command = instruction.text.replace("/opt/heddle", str(prefix))
            subprocess.run(command, shell=True, cwd=work, check=True)
    shown = subprocess.run(
        [prefix / "bin/heddle", "serve", "--help"], capture_output=True, text=True, check=True
    )
    assert "--listen" in shown.stdout
    assert not (prefix / "bin/pip").exists()


def _copy(words: list[str], work: Path) -> None:
    *sources, target = words
    for source in sources:
        to = work / target / Path(source).name if target.endswith("/") else work / target
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to)
