"""The meshes that the tests run on: one for all tests of a mode, since a start takes seconds."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crds.mesh_config import ROOT_NAMESPACE
from e2e.certificates import authority, write
from e2e.cluster.mesh import IMAGE, ClusterBackend, OwnCluster, obstacle
from e2e.kube.cluster import Cluster, install
from e2e.local.mesh import LocalBackend
from e2e.mesh import Backend, Mesh
from heddle.local.modes import RunMode, detect_mode
from tests.charts.helm import Helm, find_helm
from tests.kube import programs

ROOT = Path(__file__).resolve().parent.parent
LOCAL = (pytest.param("namespaces", marks=pytest.mark.netns), "proxy-port")
STAND_IN = "HEDDLE_E2E_KUBE"
"""Set, tests run in a cluster that is made for them, and nowhere else: `make test-kube`."""
HERE = LOCAL if obstacle(os.environ) else (*LOCAL, "cluster")
PLACES = ("kube",) if os.environ.get(STAND_IN) else HERE
"""Without a cluster, e2e/cluster/test_cluster.py says so once."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--inline-routes` sends virtual hosts within their route configurations."""
    parser.addoption("--inline-routes", action="store_true", help="no VHDS")
    parser.addoption("--heavy", action="store_true", help="more of it; the machine is ours alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A cluster that is made for the first test takes half a minute, on a machine of its own."""
    if os.environ.get(STAND_IN):
        for item in items:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def heavy(request: pytest.FixtureRequest) -> bool:
    """Whether a test has the machine for itself, so that what it measures means something."""
    return bool(request.config.getoption("heavy"))


@pytest.fixture(scope="session")
def envoy() -> Path:
    """The real Envoy: `$HEDDLE_ENVOY`, else the one that `make setup` installs."""
    path = Path(os.environ.get("HEDDLE_ENVOY", ROOT / ".envoy/envoy/_bin/envoy"))
    if not os.access(path, os.X_OK):
        pytest.skip(f"no Envoy at {path}: run `make setup`, or set HEDDLE_ENVOY")
    return path


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """`edge` and `server` certify all names, `client` a client; `roots.pem` certified them.
    `other` is of an authority that nobody trusts.
    """
    (ROOT / ".cache").mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOT / ".cache"))
    made.chmod(0o755)
    (made / "server").mkdir()
    ours, others = authority("ours"), authority("others")
    write(made / "roots.pem", ours.certificate)
    write(made / "others.pem", others.certificate)
    ours.issue(made, "edge", "edge", ("*.example.com",))
    ours.issue(made / "server", "server", "server", ("*.example.com",))
    ours.issue(made, "client", "client", ("client.example.com",))
    others.issue(made, "other", "client", ("*.example.com",))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """For what needs namespaces mode."""
    mode, reason = detect_mode("auto")
    if mode is not RunMode.NAMESPACES:
        pytest.skip(f"namespaces mode does not work here: {reason}")


@pytest.fixture(scope="session", params=PLACES)
def shared_mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    """A running mesh of each kind."""
    place = request.param
    if place == "cluster":
        own = OwnCluster(tmp_path_factory.mktemp("cluster"))
        backend: Backend = ClusterBackend(own, os.environ[IMAGE])
    elif place == "kube":
        backend = ClusterBackend(_stand_in(request, tmp_path_factory.mktemp("kube")))
    else:
        if place == "namespaces":
            request.getfixturevalue("namespaces")
        binary = request.getfixturevalue("envoy")
        folder, inline = tmp_path_factory.mktemp(place), request.config.getoption("inline_routes")
        backend = LocalBackend(RunMode(place), binary, folder, inline_routes=bool(inline))
    try:
        yield Mesh(backend)
    finally:
        backend.close()


def _stand_in(request: pytest.FixtureRequest, folder: Path) -> Cluster:
    """A real API server with one node of e2e/kube, and Heddle in it."""
    helm, reason = find_helm(), programs.obstacle(*programs.CLUSTER)
    if reason or helm is None:
        pytest.skip(reason or "no helm: run `make test-kube`")
    request.getfixturevalue("namespaces")
    made = Cluster(request.getfixturevalue("envoy"), folder)
    request.addfinalizer(made.close)
    made.kubectl("create", "namespace", ROOT_NAMESPACE)
    install(made, Helm(helm), "--set", f"meshConfig.rootNamespace={ROOT_NAMESPACE}")
    return made


@pytest.fixture
def mesh(shared_mesh: Mesh) -> Mesh:
    """A mesh as base.yaml describes it, without anything that another test has applied."""
    shared_mesh.reset()
    return shared_mesh


@pytest.fixture
def intercepting(mesh: Mesh) -> Mesh:
    """A mesh that intercepts any traffic of its pods."""
    if not mesh.intercepts:
        pytest.skip("proxy-port mode has no interception: only HTTP reaches the mesh")
    return mesh
