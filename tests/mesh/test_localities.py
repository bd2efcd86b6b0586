"""Where pods and nodes are."""

import pytest

from crds.core import Node, Pod
from crds.fields import EMPTY, FrozenMap
from crds.meta import Key, Meta
from mesh.endpoints import NOWHERE, Endpoint, Locality
from mesh.localities import advance, of_pod, parsed, ranked_labels
from mesh.store import Change

NODE = Key("", "Node", "", "n")


def node(**labels: str) -> Node:
    names = {
        "region": "topology.kubernetes.io/region",
        "zone": "topology.kubernetes.io/zone",
        "subzone": "topology.istio.io/subzone",
    }
    return Node(meta=Meta(name="n", labels=FrozenMap({names[k]: v for k, v in labels.items()})))


def pod(**labels: str) -> Pod:
    given = FrozenMap({name.replace("_", "-"): value for name, value in labels.items()})
    return Pod(meta=Meta(name="p", labels=given), node_name="n")


def test_a_pod_is_where_its_node_is() -> None:
    """istio-api.md S-77."""
    nodes, moved = advance({}, [Change(NODE, None, node(region="eu", zone="1", subzone="r"))])
    assert moved == {"n"}
    assert of_pod(pod(), nodes) == Locality("eu", "1", "r")
    assert of_pod(pod(), {}) == NOWHERE


def test_a_pod_may_say_itself_where_it_is() -> None:
    nodes, _ = advance({}, [Change(NODE, None, node(region="eu"))])
    assert of_pod(pod(istio_locality="us.1"), nodes) == Locality("us", "1")


@pytest.mark.parametrize(
    ("text", "locality"),
    [
        ("", NOWHERE),
        ("eu", Locality("eu")),
        ("eu/1/r", Locality("eu", "1", "r")),
        ("eu.1.r.more", Locality("eu", "1", "r")),
        ("eu/1.5", Locality("eu", "1.5")),
    ],
)
def test_a_locality_is_written_with_slashes_or_dots(text: str, locality: Locality) -> None:
    assert parsed(text) == locality


def test_nodes_that_stay_where_they_are_change_nothing() -> None:
    old = node(region="eu")
    nodes, _ = advance({}, [Change(NODE, None, old)])
    same, moved = advance(nodes, [Change(NODE, old, node(region="eu"))])
    assert same is nodes
    assert not moved
    gone, moved = advance(nodes, [Change(NODE, old, None)])
    assert not gone
    assert moved == {"n"}


def test_an_endpoint_is_ranked_by_where_it_is_too() -> None:
    there = Endpoint(
        address="10.0.0.1", port=80, labels=FrozenMap({"a": "b"}), locality=Locality("eu"), node="n"
    )
    assert ranked_labels(there) == {
        "a": "b",
        "topology.kubernetes.io/region": "eu",
        "kubernetes.io/hostname": "n",
    }
    assert ranked_labels(Endpoint(address="10.0.0.1", port=80, labels=EMPTY)) == {}
