"""Fixtures of the charts' tests."""

import pytest

from tests.charts.helm import Helm, find_helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """A real helm: `make test-kube` builds one."""
    found = find_helm()
    if found is None:
        pytest.skip("no helm on PATH, nor in $HELM: `make test-kube` builds one")
    return Helm(found)
