"""Listeners that hosts share are remade step by step as they are made from nothing."""

import sys
from collections.abc import Callable, Sequence
from types import FrameType

import pytest

from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG, MeshConfig, mesh_config
from crds.meta import Key
from heddle.engine import Engine
from heddle.host_cache import HostCache
from heddle.oracle import verify
from mesh.proxy import Proxy
from mesh.scope import Scope
from mesh.store import Store
from tests.meshes import mesh_of, objects_of, service, virtual_service
from translator.listeners_outbound import service_listener
from translator.listeners_shared import shared_listener
from xds.publisher import Publisher
from xds.types import LDS

CLIENT = Proxy(namespace="shop", name="p", labels={}, service_account="default")


def entry(name: str, protocol: str, *, number: int = 9000, more: str = "") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{hosts: [{name}.example.com], resolution: STATIC, {more}"
        f"ports: [{{number: {number}, name: p, protocol: {protocol}}}], "
        "endpoints: [{address: 10.9.0.1}]}\n"
    )


def endpoints(name: str, *addresses: str) -> str:
    listed = ", ".join(f"{{addresses: [{address}]}}" for address in addresses)
    return (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        f"metadata: {{name: {name}-1, namespace: shop, "
        f"labels: {{kubernetes.io/service-name: {name}}}}}\n"
        f"addressType: IPv4\nports: [{{name: tcp, port: 9042}}]\nendpoints: [{listed}]\n"
    )


DB = service("db", ports=["tcp:9042"], ip="None")
DETECTED, _ = mesh_config({"protocolDetectionTimeout": "5s"})
STEPS: dict[str, Sequence[str]] = {
    "TLS comes, and goes": (entry("a", "TLS"), entry("a", "TLS") + entry("b", "TLS"), ""),
    "HTTP joins, and takes the port from an opaque one": (
        entry("a", "TCP"),
        entry("a", "TCP") + entry("b", "HTTP"),
        entry("a", "TCP"),
    ),
    "an opaque one becomes another": (entry("a", "TCP"), entry("a", "TLS"), entry("a", "HTTP")),
    "a claim moves": (entry("a", "TCP"), entry("a", "TCP", number=9001)),
    "endpoints of a headless service come and go": (
        DB,
        DB + endpoints("db", "10.1.0.1"),
        DB + endpoints("db", "10.1.0.1", "10.1.0.2"),
        DB + endpoints("db", "10.1.0.2"),
        DB,
    ),
    "an endpoint's address becomes a virtual IP, and is one no more": (
        DB + endpoints("db", "10.1.0.1"),
        DB
        + endpoints("db", "10.1.0.1")
        + entry("a", "TCP", number=9042, more="addresses: [10.1.0.1], "),
        DB + endpoints("db", "10.1.0.1"),
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("config", [DEFAULT_MESH_CONFIG, DETECTED], ids=["0s", "5s"])
def test_each_step_is_what_a_translation_from_nothing_gives(name: str, config: MeshConfig) -> None:
    publisher, store = Publisher(), Store()
    engine = Engine(publisher)
    engine.select(CLIENT)
    before: dict[Key, Object] = {}
    for text in STEPS[name]:
        objects = objects_of(text) if text else {}
        for key in before.keys() - objects.keys():
            store.delete(key)
        for key, made in objects.items():
            store.put(key, made)
        engine.apply(store.take(), config)
        verify(engine, publisher, objects, config)
        before = objects


def test_a_host_that_comes_to_a_port_that_is_there_changes_no_listener() -> None:
    """Ten thousand HTTP services share one listener."""
    publisher, store = Publisher(), Store()
    engine = Engine(publisher)
    held, _, _ = engine.select(CLIENT)
    for text in (service("a"), service("b")):
        for key, made in objects_of(text).items():
            store.put(key, made)
        engine.apply(store.take(), DEFAULT_MESH_CONFIG)
    first = publisher.resources(held, LDS)
    for key, made in objects_of(service("c")).items():
        store.put(key, made)
    engine.apply(store.take(), DEFAULT_MESH_CONFIG)
    assert publisher.resources(held, LDS) == first
    assert "0.0.0.0_80" in first


def called(function: Callable[..., object], work: Callable[[], object]) -> int:
    """How often `work` calls a function."""
    calls = 0

    def notice(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is function.__code__

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def test_an_edit_of_routes_makes_no_listener_but_those_of_its_host() -> None:
    """However many hosts there are, and whether they share listeners or have their own."""
    publisher, store = Publisher(), Store()
    engine = Engine(publisher)
    engine.select(CLIENT)
    services = [service(f"s{i}", ports=["http:80", "tcp:9000"], ip=f"10.0.0.{i}") for i in range(9)]
    entries = [entry(f"e{i}", "TLS", number=443) for i in range(9)]

    def put(*texts: str) -> None:
        for key, made in objects_of("".join(texts)).items():
            store.put(key, made)
        engine.apply(store.take(), DEFAULT_MESH_CONFIG)

    def edit(timeout: str) -> None:
        route = f"http: [{{timeout: {timeout}, route: [{{destination: {{host: s1}}}}]}}]"
        put(virtual_service("s1", f"{{hosts: [s1], {route}}}"))

    assert called(shared_listener, lambda: put(*services, *entries)) > 0
    assert called(shared_listener, lambda: edit("1s")) == 0
    assert called(service_listener, lambda: edit("2s")) == 1


def test_scopes_that_see_the_same_hold_the_same() -> None:
    """What a host is made of is kept once, however many namespaces there are."""
    mesh, cache = mesh_of(service("a", ports=["http:80", "tcp:9000"])), HostCache()
    host = "a.shop.svc.cluster.local"
    assert cache.host(mesh, Scope("x"), host) is cache.host(mesh, Scope("y"), host)
