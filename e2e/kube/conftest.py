"""The cluster: started once, for it takes half a minute."""

from collections.abc import Iterator

import pytest

from e2e.kube.cluster import Cluster
from tests.kube.programs import CONTROLLERS, NEEDED, obstacle


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A real API server with its controllers, and one node."""
    if reason := obstacle(*NEEDED, *CONTROLLERS, "kubectl"):
        pytest.skip(reason)
    request.getfixturevalue("namespaces")
    made = Cluster(request.getfixturevalue("envoy"), tmp_path_factory.mktemp("cluster"))
    try:
        yield made
    finally:
        made.close()
