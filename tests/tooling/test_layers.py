"""The import contracts of pyproject.toml: each deliberate breach is caught."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PACKAGES = (
    *("heddle", "sources", "xds", "webhook", "ca", "analysis", "explain"),
    *("translator", "mesh", "crds"),
)

BREACHES = {
    "a lower layer imports a higher one": ({"mesh/a.py": "import translator"}, "layers"),
    "siblings import each other": ({"webhook/a.py": "import xds"}, "layers"),
    "xds imports the model": ({"xds/a.py": "import crds"}, "xds-is-a-library"),
    "a pure package reads the clock": ({"crds/a.py": "import time"}, "pure"),
    "a pure package waits": ({"translator/a.py": "from asyncio import Queue"}, "pure"),
    "a pure package speaks gRPC": ({"translator/a.py": "import grpc"}, "pure"),
    "a pure package logs": ({"mesh/a.py": "import logging"}, "pure"),
    "a pure package opens sockets": ({"mesh/a.py": "import ssl, socket"}, "pure"),
    "a pure package starts programs": ({"crds/a.py": "import subprocess"}, "pure"),
    "purity is lost through a neighbour": (
        {"crds/a.py": "import crds.b", "crds/b.py": "import socket"},
        "pure",
    ),
    "mesh knows Envoy's messages": (
        {"mesh/a.py": "from envoy.config.cluster.v3 import cluster_pb2"},
        "mesh-is-not-envoy",
    ),
    "a source builds the mesh": ({"sources/a.py": "import mesh"}, "adapters"),
    "the webhook translates": ({"webhook/a.py": "import translator"}, "webhook"),
    "modules form a cycle": (
        {"crds/a.py": "import crds.b", "crds/b.py": "import crds.a"},
        "acyclic",
    ),
    "a cycle hides behind TYPE_CHECKING": (
        {
            "mesh/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mesh.b",
            "mesh/b.py": "import mesh.a",
        },
        "acyclic",
    ),
}


def lint(project: Path, repo_root: Path, files: Mapping[str, str], contract: str) -> bool:
    """Whether a project of empty packages and these files keeps the contract."""
    for package in PACKAGES:
        (project / package).mkdir()
        (project / package / "__init__.py").touch()
    for name, text in files.items():
        (project / name).write_text(text)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            *("--config", repo_root / "pyproject.toml", "--contract", contract, "--no-cache"),
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(("files", "contract"), BREACHES.values(), ids=list(BREACHES))
def test_a_breach_is_caught(
    tmp_path: Path, repo_root: Path, files: Mapping[str, str], contract: str
) -> None:
    assert not lint(tmp_path, repo_root, files, contract)


def test_what_is_allowed_passes(tmp_path: Path, repo_root: Path) -> None:
    files = {
        "mesh/a.py": "import crds",
        "translator/a.py": "import mesh\nfrom envoy.config.cluster.v3 import cluster_pb2",
        "xds/a.py": "import asyncio, grpc",
        "heddle/a.py": "import xds, webhook, ca, sources",
    }
    for contract in ("layers", "xds-is-a-library", "pure", "acyclic"):
        (tmp_path / contract).mkdir()
        assert lint(tmp_path / contract, repo_root, files, contract), contract
