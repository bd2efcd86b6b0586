"""`scripts/tidy`: no address of a registry in the tree, and long files are pointed at."""

import subprocess
import sys
from pathlib import Path

import pytest


def tidy(repo_root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, repo_root / "scripts/tidy", folder],
        capture_output=True,
        text=True,
        check=False,
    )


def test_this_tree_names_no_registry(repo_root: Path) -> None:
    done = tidy(repo_root, repo_root)
    assert [line for line in done.stdout.splitlines() if line.startswith("error")] == []


@pytest.mark.parametrize(
    "line",
    [
        "image: ghcr" + ".io/someone/something:1",
        "see py" + "pi.org",
        "pip install --index" + "-url x",
    ],
)
def test_an_address_is_an_error(repo_root: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "a.yaml").write_text(line)
    done = tidy(repo_root, tmp_path)
    assert done.returncode == 1
    assert "a.yaml:1" in done.stdout


@pytest.mark.parametrize("name", ["requirements/a.txt", "peer/requirements.txt"])
def test_pins_hold_no_address_at_all(repo_root: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("a @ http" + "://example.com/a.whl")
    assert tidy(repo_root, tmp_path).returncode == 1


@pytest.mark.parametrize("line", ["apiVersion: networking.k8s.io/v1", "proxy.istio.io/config: x"])
def test_api_groups_and_annotations_are_no_registries(
    repo_root: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / "a.yaml").write_text(line)
    assert tidy(repo_root, tmp_path).returncode == 0


def test_a_long_file_is_a_warning(repo_root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n" * 401)
    done = tidy(repo_root, tmp_path)
    assert done.returncode == 0
    assert "warning: a.py: 401 lines" in done.stdout
