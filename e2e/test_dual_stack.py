"""IPv6 beside IPv4: what is sent to either leaves through the sidecar and comes in through it."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import ROOT
from e2e.dual_stack_pod import NAME, SERVICE_V4, SERVICE_V6
from tests.semantics import covers


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the sidecar's user can read."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOT / ".cache"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@covers("S-36", "S-41", "S-51")
@pytest.mark.netns
@pytest.mark.usefixtures("namespaces")
def test_a_pod_is_reached_and_reaches_others_over_both(envoy: Path, folder: Path) -> None:
    """`::6` is where a sidecar hands IPv6 traffic over from, `yes` what a rule adds to requests."""
    if shutil.which("ip6tables-restore") is None:
        pytest.skip("needs ip6tables")
    program = [sys.executable, "-m", "e2e.dual_stack_pod", str(envoy), str(folder)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=160,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    # The sidecar's answer: of the version of the pod's first address, over IPv6.
    assert seen.pop(NAME) == [SERVICE_V6]
    assert seen == {
        f"{host} {port}": "::6" if port == "tcp" else "200 ::6 yes"
        for host in (SERVICE_V4, SERVICE_V6)
        for port in ("http", "tcp", "detected")
    }
