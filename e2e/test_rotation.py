"""Certificates and roots change, the control plane is killed, and no request fails."""

from pathlib import Path

import pytest

from ca.rotation import Phase
from e2e.local.apart_mesh import ApartBackend
from e2e.rotation import FRESH_CONNECTIONS, Run, failures

RATE = 60


@pytest.mark.netns
@pytest.mark.timeout(120)
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
            run.rotate(outages=1, ttl="4s")
            renewed = run.renewals(20, wanted=3)
        after = backend.progress().rotation
        assert failures(counted) == {}, backend.log.read_text()
        assert after.phase is Phase.STABLE
        assert not set(after.roots) & set(before.roots)
        assert run.shown() != shown
        assert renewed == 3
    finally:
        backend.close()
