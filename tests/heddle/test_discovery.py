"""What MeshConfig says of namespaces."""

from collections.abc import Mapping

from crds.label_selector import LabelSelector
from heddle.discovery import Discovery


def config_map(mesh: str) -> Mapping[str, object]:
    meta = {"name": "heddle", "namespace": "heddle-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": mesh}}


SELECTED = """
rootNamespace: mesh-root
discoverySelectors:
- matchLabels: {mesh: "yes"}
"""


def test_selectors_and_whose_namespaces_are_always_in() -> None:
    """Policies for the whole mesh are in the root namespace, MeshConfig in ours."""
    selectors, always = Discovery("heddle-system")(config_map(SELECTED))
    assert selectors == (LabelSelector(match_labels={"mesh": "yes"}),)
    assert always == ("heddle-system", "mesh-root")


def test_without_a_config_map_all_are_in() -> None:
    assert Discovery("heddle-system")(None) == ((), ("heddle-system", "istio-system"))


def test_a_broken_one_leaves_all_as_it_was() -> None:
    discovery = Discovery("heddle-system")
    before = discovery(config_map(SELECTED))
    assert discovery(config_map("discoverySelectors: [")) == before
    assert discovery(config_map("discoverySelectors: 7")) == before
    assert discovery(config_map("")) == ((), ("heddle-system", "istio-system"))
