"""A simulated proxy asks in the order in which Envoy does."""

from collections.abc import Iterable

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from bench import shapes
from bench.proxy import Memory, Proxy, node
from tests.meshes import mesh_of
from translator.translate import translate
from xds.types import CDS, EDS, LDS, RDS, VHDS

Request = discovery_pb2.DeltaDiscoveryRequest


def clusters(*names: str) -> list[Message]:
    return [cluster_pb2.Cluster(name=name, type=cluster_pb2.Cluster.EDS) for name in names]


def response(type_url: str, messages: Iterable[Message] = (), nonce: str = "1") -> bytes:
    packed = []
    for each in messages:
        made = Any()
        made.Pack(each)
        packed.append(discovery_pb2.Resource(resource=made))
    whole = discovery_pb2.DeltaDiscoveryResponse(type_url=type_url, resources=packed, nonce=nonce)
    return whole.SerializeToString()


def asked(proxy: Proxy, body: bytes) -> list[tuple[str, list[str]]]:
    """The types and names that the proxy asks for because of a response, which it accepts first."""
    head, requests = proxy.receive(body)
    ack, *others = map(Request.FromString, requests)
    assert ack == Request(type_url=head.type_url, response_nonce=head.nonce.decode())
    return [(each.type_url, list(each.resource_names_subscribe)) for each in others]


def test_everything_is_asked_for_in_envoys_order() -> None:
    proxy = Proxy(Memory(), {})
    hello = Request.FromString(proxy.hello(node(7, "shop", {})))
    assert (hello.type_url, hello.node.id.split("~")[2]) == (CDS, "client-7.shop")
    assert asked(proxy, response(CDS, clusters("b", "a"))) == [(EDS, ["a", "b"])]
    assert asked(proxy, response(EDS, clusters("a"))) == []
    assert asked(proxy, response(EDS, clusters("b"))) == [(LDS, [])]
    assert asked(proxy, response(LDS, listeners())) == [(RDS, ["80"])]
    assert asked(proxy, response(RDS, clusters("80"))) == [(VHDS, [])]
    assert asked(proxy, response(VHDS, clusters("v"))) == []


def listeners() -> tuple[listener_pb2.Listener, ...]:
    text = """
kind: Service
apiVersion: v1
metadata: {name: a, namespace: bench-0}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
"""
    return translate(mesh_of(text), shapes.client(shapes.namespace())).listeners


def test_of_new_clusters_only_the_new_names_are_asked_for() -> None:
    proxy = Proxy(Memory(), {})
    proxy.hello(node(1, "shop", {}))
    proxy.receive(response(CDS, clusters("a")))
    assert asked(proxy, response(CDS, clusters("a", "b"))) == [(EDS, ["b"])]
    assert asked(proxy, response(CDS, clusters("a", "b"), nonce="2")) == []


def test_a_proxy_is_synced_when_it_has_as_much_as_it_should() -> None:
    proxy = Proxy(Memory(), {CDS: 2})
    proxy.hello(node(1, "shop", {}))
    proxy.receive(response(CDS, clusters("a")))
    assert not proxy.is_synced()
    proxy.receive(response(CDS, clusters("b")))
    assert proxy.is_synced()
