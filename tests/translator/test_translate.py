"""What holds for the whole configuration of a proxy, whatever the mesh looks like."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from mesh.advance import advance
from mesh.mesh import EMPTY_MESH
from mesh.proxy import Mode, Proxy, Role
from mesh.visibility import known_hosts
from tests.gateway_objects import SERVERS
from tests.meshes import (
    additions,
    destination_rule,
    gateway,
    objects_of,
    service,
    sidecar,
    virtual_service,
)
from tests.semantics import covers
from tests.strategies import examples, parsed, steps
from tests.test_envoy_accepts_goldens import bootstrap
from tests.translator.envoy import refusal
from translator import names
from translator.config import Config
from translator.http_messages import HttpConnectionManager
from translator.translate import in_place, translate

TO_A = "http: [{route: [{destination: {host: a}}]}]"
ODD = (
    virtual_service("odd", f"{{hosts: [10.0.0.1, '*.a.shop', a.shop.svc], {TO_A}}}"),
    virtual_service("odd", f"{{hosts: ['a.shop.svc.cluster.local.', '*.svc.shop'], {TO_A}}}"),
    service("a", ports=["http:15001", "tcp:15006"], ip="10.0.0.1"),
    service("b", ports=["http:80", "tcp:81"], ip="'fd00::1'"),
    service("c", ports=["http:80", "grpc:80"], ip="'fd00:0::1'"),
)
"""Objects that once made two virtual hosts with one domain, or two listeners with one address."""

Objects = Mapping[Key, Object]


@st.composite
def some_objects(draw: st.DrawFn) -> Objects:
    """A small mesh; some of its objects clash."""
    texts = [text for text, _ in draw(st.lists(steps(), min_size=1, max_size=10))]
    texts += draw(st.lists(st.sampled_from(ODD), max_size=2))
    return dict(parsed(text) for text in texts)


proxies = st.builds(
    lambda namespace, app, mode, ipv6, role: Proxy(
        namespace=namespace,
        name="p",
        labels={"app": app},
        service_account="default",
        mode=mode,
        address="127.1.0.9" if mode is Mode.NONE else "",
        ipv6=ipv6,
        role=role,
        named_ports=(("web", 8080),),
    ),
    st.sampled_from(["shop", "bank"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(Mode),
    st.booleans(),
    st.sampled_from([Role.SIDECAR, Role.SIDECAR, Role.ROUTER]),
)


def config_of(objects: Objects, proxy: Proxy) -> Config:
    mesh, _ = advance(EMPTY_MESH, additions(objects), DEFAULT_MESH_CONFIG)
    return translate(mesh, proxy)


@settings(max_examples=examples(50), deadline=None)
@given(some_objects(), proxies)
def test_every_name_that_is_used_exists_and_is_unique(objects: Objects, proxy: Proxy) -> None:
    config = config_of(objects, proxy)
    clusters = [cluster.name for cluster in config.clusters]
    assert _twice(clusters) == []
    assert set(_clusters_used(config)) <= set(clusters)
    over_eds = {cluster.name for cluster in config.clusters if cluster.type == Cluster.EDS}
    assert sorted(over_eds) == [each.cluster_name for each in config.endpoints]
    unused = {route.name for route in config.routes} - set(_routes_used(config))
    assert set(_routes_used(config)) <= {route.name for route in config.routes}
    assert all(":" in name for name in unused), "of a headless service without endpoints"
    for host in config.virtual_hosts:
        parts = names.parse_virtual_host(host.name)
        assert parts is not None
        assert parts.route_config in {route.name for route in config.routes}


@covers("S-45")
@settings(max_examples=examples(50), deadline=None)
@given(some_objects(), proxies)
def test_nothing_claims_what_another_has(objects: Objects, proxy: Proxy) -> None:
    """Envoy refuses a whole response for one domain or one address that is there twice."""
    config = config_of(objects, proxy)
    for route in in_place(config).routes:
        domains = [domain.lower() for host in route.virtual_hosts for domain in host.domains]
        assert _twice(domains) == []
        assert all(host.domains for host in route.virtual_hosts)
    sockets = [listener.address.socket_address for listener in config.listeners]
    assert _twice(f"{socket.address} {socket.port_value}" for socket in sockets) == []
    assert _twice(listener.name for listener in config.listeners) == []


@settings(max_examples=examples(30), deadline=None)
@given(some_objects(), proxies, st.data())
def test_the_order_of_objects_does_not_matter(
    objects: Objects, proxy: Proxy, data: st.DataObject
) -> None:
    keys = data.draw(st.permutations(list(objects)))
    assert config_of({key: objects[key] for key in keys}, proxy) == config_of(objects, proxy)


@settings(max_examples=examples(30), deadline=None)
@given(some_objects(), proxies)
def test_unrelated_objects_change_nothing_that_was_there(objects: Objects, proxy: Proxy) -> None:
    """A push costs what changed; at a port of its own, for a shared listener would know of it."""
    before = _bytes_by_name(config_of(objects, proxy))
    unrelated = objects_of(
        service("zz", ports=["http:9999"], namespace="far", ip="10.9.9.9")
        + virtual_service("zz", f"{{hosts: [zz], {TO_A}}}", namespace="far")
        + virtual_service("yy", f"{{{TO_A}}}", namespace="far")
        + destination_rule("zz", "{host: zz, subsets: [{name: v1}]}", namespace="far")
        + destination_rule("yy", "{host: '*', exportTo: ['.']}", namespace="far")
        + sidecar(
            "zz", "{egress: [{hosts: [./*]}], ingress: [{port: {number: 1, protocol: TCP}}]}", "far"
        )
        + gateway("zz", f"{{selector: {{app: zz}}, servers: [{SERVERS[0]}]}}", namespace="far")
    )
    after = _bytes_by_name(config_of({**objects, **unrelated}, proxy))
    assert {name: data for name, data in after.items() if name in before} == before


@settings(max_examples=examples(30), deadline=None)
@given(some_objects(), proxies)
def test_each_virtual_host_is_put_in_place_once(objects: Objects, proxy: Proxy) -> None:
    config = config_of(objects, proxy)
    placed = [host.name for route in in_place(config).routes for host in route.virtual_hosts]
    own = [host.name for route in config.routes for host in route.virtual_hosts]
    assert sorted(placed) == sorted([*own, *(host.name for host in config.virtual_hosts)])


@pytest.mark.envoy
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(some_objects(), proxies), min_size=4, max_size=8))
def test_envoy_takes_it(
    envoy_binary: Path, tmp_path: Path, cases: list[tuple[Objects, Proxy]]
) -> None:
    configs = {str(number): config_of(*case) for number, case in enumerate(cases)}
    assert refusal(envoy_binary, tmp_path, bootstrap(configs, tmp_path)) == ""


def test_hosts_are_those_of_services_and_of_virtual_services() -> None:
    objects = objects_of(
        service("reviews") + virtual_service("v", f"{{hosts: [old.example.com], {TO_A}}}")
    )
    mesh, _ = advance(EMPTY_MESH, additions(objects), DEFAULT_MESH_CONFIG)
    assert known_hosts(mesh) == {"reviews.shop.svc.cluster.local", "old.example.com"}


def _twice(given_names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(given_names).items() if count > 1]


def _bytes_by_name(config: Config) -> dict[str, bytes]:
    return {
        **{f"c {each.name}": each.SerializeToString() for each in config.clusters},
        **{f"e {each.cluster_name}": each.SerializeToString() for each in config.endpoints},
        **{f"l {each.name}": each.SerializeToString() for each in config.listeners},
        **{f"r {each.name}": each.SerializeToString() for each in config.routes},
        **{f"v {each.name}": each.SerializeToString() for each in config.virtual_hosts},
    }


def _filters(config: Config) -> Iterator[Filter]:
    for listener in config.listeners:
        chains: list[FilterChain] = [*listener.filter_chains, listener.default_filter_chain]
        for chain in chains:
            yield from chain.filters


def _managers(config: Config) -> Iterator[HttpConnectionManager]:
    for each in _filters(config):
        manager = HttpConnectionManager()
        if each.typed_config.Unpack(manager):
            yield manager


def _routes_used(config: Config) -> Iterator[str]:
    for manager in _managers(config):
        if manager.HasField("rds"):
            yield manager.rds.route_config_name


def _clusters_used(config: Config) -> Iterator[str]:
    for host in config.virtual_hosts:
        yield from _clusters_of(host)
    for manager in _managers(config):
        for host in manager.route_config.virtual_hosts:
            yield from _clusters_of(host)
    for each in _filters(config):
        proxy = TcpProxy()
        if each.typed_config.Unpack(proxy):
            yield from (part.name for part in proxy.weighted_clusters.clusters)
            yield from filter(None, (proxy.cluster,))


def _clusters_of(host: VirtualHost) -> Iterator[str]:
    for route in host.routes:
        yield from filter(None, (route.route.cluster,))
        yield from (part.name for part in route.route.weighted_clusters.clusters)
        yield from (mirror.cluster for mirror in route.route.request_mirror_policies)
