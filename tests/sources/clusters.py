"""Objects of a cluster in a test, and MeshConfig that chooses among its namespaces."""

from collections.abc import Mapping, Sequence

from crds.label_selector import LabelSelector
from crds.meta import Key
from sources.api_answers import Raw
from tests.fakes.api_server import collection

SYSTEM = "heddle-system"
CONFIG = Key("", "ConfigMap", SYSTEM, "heddle")
PODS = collection("", "Pod")
SERVICES = collection("", "Service")
SECRETS = collection("", "Secret")
NAMESPACES = collection("", "Namespace")
CONFIG_MAPS = collection("", "ConfigMap")
VIRTUAL_SERVICES = collection("networking.istio.io", "VirtualService")
ENVOY_FILTERS = collection("networking.istio.io", "EnvoyFilter")
KIND_OF = {
    PODS: ("", "Pod"),
    SERVICES: ("", "Service"),
    SECRETS: ("", "Secret"),
    NAMESPACES: ("", "Namespace"),
    CONFIG_MAPS: ("", "ConfigMap"),
    VIRTUAL_SERVICES: ("networking.istio.io", "VirtualService"),
}
SETTLED = 400.0
"""Seconds after which all is as it should be."""


def meta(name: str, namespace: str = "", **labels: str) -> dict[str, object]:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, **({"labels": labels} if labels else {})}


def selectors(raw: Raw | None) -> tuple[Sequence[LabelSelector], tuple[str, ...]]:
    data = (raw or {}).get("data", {})
    assert isinstance(data, Mapping)
    wanted = data.get("mesh", "")
    return ((LabelSelector(match_labels={"mesh": wanted}),) if wanted else ()), (SYSTEM,)


def pod(name: str, namespace: str = "shop", **fields: object) -> Raw:
    return {"metadata": meta(name, namespace), **fields}
