"""The cluster and the mesh in it: started once, for that takes a minute or two."""

from collections.abc import Iterator

import pytest

from e2e.kube.cluster import Cluster, install
from e2e.kube.shop import CLIENTS, SHOP, STRICT, documented, shop
from tests.charts.helm import Helm, find_helm
from tests.kube.programs import CLUSTER, obstacle


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A real API server with its controllers, and one node."""
    if reason := obstacle(*CLUSTER):
        pytest.skip(reason)
    request.getfixturevalue("namespaces")
    made = Cluster(request.getfixturevalue("envoy"), tmp_path_factory.mktemp("cluster"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Cluster:
    """The charts as they come: two replicas, ready."""
    found = find_helm()
    if found is None:
        pytest.skip("no helm: run `make test-kube`")
    install(cluster, Helm(found))
    return cluster


@pytest.fixture(scope="session")
def running(installed: Cluster) -> Cluster:
    """The shop, with STRICT mutual TLS everywhere, and who calls it."""
    installed.apply(STRICT)
    installed.apply((SHOP / "namespace.yaml").read_text())
    installed.apply(shop())
    installed.apply(CLIENTS)
    for namespace in ("shop", "visitors"):
        for name in installed.kubectl("get", "deploy", "-n", namespace, "-o", "name").split():
            installed.rolled_out(namespace, name.partition("/")[2])
    return installed


@pytest.fixture(scope="session")
def kubeconfig(running: Cluster) -> str:
    """Of who has the role of docs/debug-endpoints.md, and no more."""
    running.apply(next(text for text in documented() if "mesh-reader" in text))
    running.kubectl("create", "serviceaccount", "reader", "-n", "visitors")
    given = ("--clusterrole=mesh-reader", "--serviceaccount=visitors:reader")
    running.kubectl("create", "clusterrolebinding", "mesh-reader", *given)
    running.allows("visitors:reader", "get", "pods", "--subresource=proxy")
    return running.kubeconfig(running.kubectl("create", "token", "reader", "-n", "visitors"))


@pytest.fixture(scope="session")
def pod(running: Cluster) -> str:
    """The name of a pod of the shop."""
    found = "jsonpath={.items[0].metadata.name}"
    return running.kubectl("get", "pods", "-n", "shop", "-l", "app=catalog", "-o", found)
