"""A real API server for the session, and a namespace in it for each test.

    async def test_something(namespace: Namespace) -> None:
        async with namespace.client_for("reader") as api: ...   # may do nothing yet
        await namespace.allow("reader", rule("", ["pods"], ["get", "list"]), everywhere=False)

`server` is the API server (kubeconfig of an admin, stop and start), `admin` a client that may
do anything, `controllers` runs kube-controller-manager and kube-scheduler from then on. Without
controllers nobody makes service accounts: a namespace here has `default` from the start. What goes
wrong between us and the API server: faults.py.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from heddle.definitions import documents, stream
from sources.kubernetes import KubernetesApi, kubernetes_api
from tests.kube.accounts import Namespace
from tests.kube.programs import CONTROLLERS, NEEDED, obstacle
from tests.kube.server import ApiServer, Site, api_server
from tests.kube.server import controllers as run_controllers

_NUMBERS = count()
_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits until the server has started."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SECONDS))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server. Who stops it starts it again."""
    if reason := obstacle(*NEEDED, "kubectl"):
        pytest.skip(reason)
    with api_server(Site(folder=tmp_path_factory.mktemp("kube"))) as made:
        yield made


@pytest.fixture(scope="session")
def controllers(server: ApiServer) -> Iterator[None]:
    """kube-controller-manager and kube-scheduler."""
    if reason := obstacle(*CONTROLLERS):
        pytest.skip(reason)
    with run_controllers(server):
        yield


@pytest.fixture(scope="session")
def definitions(server: ApiServer) -> None:
    """The mesh's kinds, as `heddle crds` prints them, from then on."""
    define(server)


def define(server: ApiServer) -> None:
    """Installs them."""
    server.kubectl("apply", "--server-side", "-f", "-", text=stream())
    names = dict(documents())
    server.kubectl("wait", "--for=condition=Established", "crd", *names, "--timeout=30s")


@pytest.fixture
async def admin(server: ApiServer) -> AsyncIterator[KubernetesApi]:
    """A client that may do anything."""
    async with kubernetes_api(server.kubeconfig) as api:
        yield api


@pytest.fixture
async def namespace(server: ApiServer, admin: KubernetesApi) -> Namespace:
    """A namespace that no other test has."""
    made = Namespace(f"test-{next(_NUMBERS)}", server, admin)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.name}}
    await admin.create("/api/v1/namespaces", body)
    await made.account("default")
    return made
