"""What is asked of where clients are."""

from crds.mesh_config import MeshConfig, mesh_config
from mesh.endpoints import Locality
from mesh.localities import ANYWHERE, Place
from mesh.locality_balance import LOCALITY
from mesh.place import asked_places, place_of
from mesh.proxy import Proxy
from tests.meshes import destination_rule, mesh_of

EU = Locality("eu")
CLIENT = Proxy(
    namespace="shop",
    name="c",
    labels={"app": "a", "version": "v1"},
    service_account="default",
    locality=EU,
)
RULE = destination_rule("r", "{host: a, trafficPolicy: {outlierDetection: {}}}")


def config(**given: object) -> MeshConfig:
    read, problems = mesh_config(given)
    assert not problems
    return read


def test_nobody_is_anywhere_until_a_rule_asks() -> None:
    assert place_of(mesh_of(""), CLIENT) == ANYWHERE
    assert place_of(mesh_of(RULE), CLIENT) == Place(EU)


def test_the_mesh_s_own_settings_ask_too() -> None:
    shares = config(localityLbSetting={"distribute": [{"from": "eu", "to": {"us": 100}}]})
    assert asked_places(mesh_of("", shares)) == {LOCALITY}
    detects = config(defaultTrafficPolicy={"outlierDetection": {}})
    assert asked_places(mesh_of("", detects)) == {LOCALITY}


def test_labels_are_told_that_a_rule_ranks_by() -> None:
    """Its own, and those of where it is; the mesh's only where something fails over at all."""
    ranks = config(
        localityLbSetting={"failoverPriority": ["app", "topology.kubernetes.io/region", "x"]}
    )
    assert asked_places(mesh_of("", ranks)) == frozenset()
    labels = frozenset({("app", "a"), ("topology.kubernetes.io/region", "eu")})
    assert place_of(mesh_of(RULE, ranks), CLIENT) == Place(EU, labels)
