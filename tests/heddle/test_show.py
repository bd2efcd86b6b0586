"""A configuration as `heddle translate` prints it: Envoy's own JSON form."""

import json

import yaml

from heddle.show import KINDS, as_json, as_yaml, document
from mesh.proxy import Proxy
from tests.meshes import mesh_of
from translator.translate import translate

PROXY = Proxy(namespace="shop", name="web", labels={}, service_account="web")
TEXT = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
"""


def shown() -> dict[str, list[dict[str, object]]]:
    return document(translate(mesh_of(TEXT), PROXY))


def test_it_has_the_four_lists_in_the_order_in_which_envoy_gets_them() -> None:
    assert tuple(shown()) == KINDS


def test_virtual_hosts_are_in_their_route_configurations() -> None:
    (route,) = [route for route in shown()["routes"] if route["name"] == "80"]
    hosts = route["virtual_hosts"]
    assert isinstance(hosts, list)
    domains = [domain for host in hosts for domain in host["domains"]]
    assert "reviews.shop.svc.cluster.local" in domains
    assert "*" in domains


def test_yaml_and_json_say_the_same() -> None:
    made = shown()
    assert yaml.safe_load(as_yaml(made)) == json.loads(as_json(made))


def test_fields_have_the_names_of_the_messages() -> None:
    (cluster,) = [c for c in shown()["clusters"] if "reviews" in str(c["name"])]
    assert "eds_cluster_config" in cluster


def test_typed_configurations_say_their_type() -> None:
    assert '"@type": "type.googleapis.com/envoy.' in as_json(shown())
