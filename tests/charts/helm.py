"""A real helm, and what it makes of the charts."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from tests.conftest import ROOT
from tests.kube.programs import program
from webhook import raw

CHART = ROOT / "charts/heddle"
NAMESPACE = "heddle-system"
KUBERNETES = "1.36.3"
"""Of the API server that the charts are rendered for: helm asks none."""

Object = Mapping[str, object]


def find_helm() -> Path | None:
    """`$HELM`, what `make test-kube` builds, or helm on the PATH."""
    for found in (os.environ.get("HELM"), program("helm"), shutil.which("helm")):
        if found and os.access(found, os.X_OK):
            return Path(found)
    return None


@dataclass(frozen=True, slots=True)
class Helm:
    """The program."""

    path: Path

    def template(self, *arguments: str, chart: Path = CHART) -> str:
        """The text that it renders. Raises `subprocess.CalledProcessError` if it refuses."""
        return self._run("template", "heddle", str(chart), *arguments).stdout

    def refusal(self, *arguments: str) -> str:
        """What it says when it does not render; empty if it does."""
        try:
            self.template(*arguments)
        except subprocess.CalledProcessError as refused:
            return str(refused.stderr)
        return ""

    @lru_cache  # noqa: B019 - there is one for the whole session
    def objects(self, *arguments: str) -> tuple[Object, ...]:
        """The objects that it renders."""
        documents = yaml.safe_load_all(self.template(*arguments))
        return tuple(document for document in documents if document)

    def lint(self) -> str:
        """What `helm lint` says. Raises `subprocess.CalledProcessError` for errors."""
        return self._run("lint", "--strict", str(CHART)).stdout

    def _run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        cluster = ("--namespace", NAMESPACE, "--kube-version", KUBERNETES)
        argv = [str(self.path), command, *arguments, *cluster]
        return subprocess.run(argv, capture_output=True, text=True, check=True)


def of_kind(objects: tuple[Object, ...], kind: str) -> tuple[Object, ...]:
    """Those of one kind, in the order in which they were rendered."""
    return tuple(item for item in objects if item["kind"] == kind)


def the(objects: tuple[Object, ...], kind: str) -> Object:
    """The only one of its kind."""
    (found,) = of_kind(objects, kind)
    return found


def name(item: Object) -> str:
    """`metadata.name`."""
    return raw.text(raw.metadata(item).get("name"))


def container(objects: tuple[Object, ...]) -> Object:
    """The container of the control plane."""
    (found,) = raw.containers(pod(objects))
    return found


def pod(objects: tuple[Object, ...]) -> Object:
    """The template of the control plane's pods."""
    return raw.mapping(raw.spec(the(objects, "Deployment"))["template"])
