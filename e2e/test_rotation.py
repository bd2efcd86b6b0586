"""Certificates and roots change, the control plane is killed, and no request fails."""

from pathlib import Path

import pytest

from ca.rotation import Phase
from ca.storage import load
from e2e.local.apart_mesh import ApartBackend, heddle_ca
from e2e.local.mesh import LocalBackend
from e2e.mesh import ECHO, Mesh
from e2e.rotation import FRESH_CONNECTIONS, Run, failures
from heddle.local.modes import RunMode
from heddle.serve import utc_now

RATE = 60


@pytest.mark.netns
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("namespaces")
def test_certificates_change_under_load_and_no_request_fails(envoy: Path, tmp_path: Path) -> None:
    """The small form of `make test-certificates`: a root is rotated, and in the middle the control
    plane is killed, to come back with certificates that live for seconds.
    """
    backend = ApartBackend(envoy, tmp_path, FRESH_CONNECTIONS, "60s")
    try:
        run = Run(backend, RATE)
        before, shown = backend.progress().rotation, run.shown()
        with run.load() as counted:
            run.rotate(outages=1, ttl="6s")
            renewed = run.renewals(60, wanted=3)
        after = backend.progress().rotation
        assert failures(counted) == {}, backend.log.read_text()
        assert after.phase is Phase.STABLE
        assert not set(after.roots) & set(before.roots)
        assert run.shown() != shown
        assert renewed == 3
    finally:
        backend.close()


@pytest.mark.timeout(300)
def test_a_mesh_without_root_rotates(envoy: Path, tmp_path: Path) -> None:
    """The local runner brings the new root to the file of each sidecar's bootstrap: by that file
    they find the server again, whose own certificate is a new one as well.
    """
    ca = tmp_path / "ca"
    backend = LocalBackend(RunMode.PROXY_PORT, envoy, tmp_path, ca_folder=ca)
    try:
        mesh = Mesh(backend)
        mesh.apply(FRESH_CONNECTIONS)
        before = load(ca, utc_now())
        with mesh.load(ECHO, rate=RATE) as counts:
            heddle_ca(ca, "rotate", "--wait", "--pause", "0")
            backend.restart()
            mesh.apply("")  # returns once every proxy has acknowledged it
        after = load(ca, utc_now())
        assert counts.failures == {}
        assert before is not None
        assert after is not None
        assert (after.phase, len(after.roots)) == (Phase.STABLE, 1)
        assert after.roots != before.roots
    finally:
        backend.close()
