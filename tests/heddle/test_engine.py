"""What the engine publishes step by step is what a translation from nothing gives: the oracle."""

from collections.abc import Mapping

from envoy.config.route.v3.route_pb2 import RouteConfiguration
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG, MeshConfig, mesh_config
from crds.meta import Key
from heddle.credentials import Secrets
from heddle.encode import encode
from heddle.engine import Engine
from mesh.advance import advance
from mesh.endpoints import Locality
from mesh.mesh import EMPTY_MESH
from mesh.proxy import Mode, Proxy, Role
from mesh.store import Store
from tests.meshes import additions, destination_rule, objects_of, service, virtual_service
from tests.security_objects import JUDGED
from tests.strategies import examples, stepped, steps
from translator.translate import in_place, translate
from xds.publisher import Publisher
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS

PROXIES = (
    Proxy(
        namespace="shop",
        name="p",
        labels={"app": "a"},
        service_account="default",
        locality=Locality(region="eu"),
    ),
    Proxy(
        namespace="bank",
        name="q",
        labels={"app": "b"},
        service_account="default",
        ipv6=True,
        dns=4,
    ),
    Proxy(
        namespace="shop",
        name="r",
        labels={"app": "b"},
        service_account="default",
        mode=Mode.NONE,
        address="127.64.0.9",
    ),
    Proxy(
        namespace="shop",
        name="g",
        labels={"app": "a", "gateway.networking.k8s.io/gateway-name": "a"},
        service_account="default",
        role=Role.ROUTER,
    ),
    Proxy(
        namespace="bank",
        name="h",
        labels={"app": "b"},
        service_account="default",
        mode=Mode.NONE,
        address="127.64.0.10",
        role=Role.ROUTER,
    ),
)
REGISTRY_ONLY, _ = mesh_config({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}})
FROM_SPIRE, _ = mesh_config({"certificateSource": "SPIRE"})


class Bench:
    """An engine with its store, fed by whole states."""

    def __init__(self) -> None:
        self.publisher = Publisher()
        self.engine = Engine(self.publisher)
        self.store = Store()
        self.objects: Mapping[Key, Object] = {}

    def become(self, objects: Mapping[Key, Object], config: MeshConfig) -> int:
        for key in self.objects.keys() - objects.keys():
            self.store.delete(key)
        for key, made in objects.items():
            self.store.put(key, made)
        self.objects = objects
        return self.engine.apply(self.store.take(), config).generation

    def published(self, proxy: Proxy, *, inline: bool = False) -> dict[str, dict[str, str]]:
        parts = self.engine.select(proxy, inline=inline)
        return {
            kind: {
                name: resource.version
                for part in parts
                for name, resource in self.publisher.resources(part, kind).items()
            }
            for kind in (CDS, EDS, LDS, RDS, VHDS, SDS)
        }

    def wanted(self, proxy: Proxy, config: MeshConfig) -> dict[str, dict[str, str]]:
        mesh = advance(EMPTY_MESH, additions(self.objects), config)[0]
        made = dict(encode(translate(mesh, proxy)))
        secrets = Secrets()
        secrets.take(additions(self.objects))
        made[SDS] = {**made[SDS], **secrets.resources(mesh, proxy)}
        return {k: {name: r.version for name, r in each.items()} for k, each in made.items()}

    def inline_routes(self, proxy: Proxy) -> dict[str, set[bytes]]:
        """The virtual hosts in each route configuration, and that none travel alone."""
        parts = self.engine.select(proxy, inline=True)
        assert not any(self.publisher.resources(part, VHDS) for part in parts)
        routes = [r for part in parts for r in self.publisher.resources(part, RDS).values()]
        return {
            r.name: _virtual_hosts(RouteConfiguration.FromString(r.message_bytes)) for r in routes
        }

    def wanted_routes(self, proxy: Proxy, config: MeshConfig) -> dict[str, set[bytes]]:
        mesh = advance(EMPTY_MESH, additions(self.objects), config)[0]
        routes = in_place(translate(mesh, proxy)).routes
        return {route.name: _virtual_hosts(route) for route in routes}


def _virtual_hosts(route: RouteConfiguration) -> set[bytes]:
    return {host.SerializeToString(deterministic=True) for host in route.virtual_hosts}


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.tuples(
            steps(),
            st.sampled_from([DEFAULT_MESH_CONFIG, JUDGED, JUDGED, REGISTRY_ONLY, FROM_SPIRE]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_step_publishes_what_a_translation_from_nothing_gives(
    history: list[tuple[tuple[str, bool], MeshConfig]],
) -> None:
    bench = Bench()
    for step, config in history:
        bench.become(stepped(bench.objects, step), config)
        for proxy in PROXIES:
            assert bench.published(proxy) == bench.wanted(proxy, config)
            assert bench.inline_routes(proxy) == bench.wanted_routes(proxy, config)


SHOP = service("reviews", ip="10.0.0.1") + service("ratings", ip="10.0.0.2")
ROUTE = "{hosts: [reviews], http: [{timeout: %s, route: [{destination: {host: reviews}}]}]}"


def test_an_equal_object_publishes_nothing() -> None:
    bench = Bench()
    first = bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    bench.engine.select(PROXIES[0])
    before = bench.publisher.generation
    assert first <= before
    assert bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG) == before


def test_one_edit_changes_one_resource() -> None:
    """A push costs what changed: one virtual host, whatever else the mesh holds."""
    bench = Bench()
    bench.become(objects_of(SHOP + virtual_service("v", ROUTE % "1s")), DEFAULT_MESH_CONFIG)
    before = bench.published(PROXIES[0])
    bench.become(objects_of(SHOP + virtual_service("v", ROUTE % "2s")), DEFAULT_MESH_CONFIG)
    after = bench.published(PROXIES[0])
    differing = {(k, n) for k, each in after.items() for n in each if each[n] != before[k].get(n)}
    assert differing == {(VHDS, "80/reviews.shop.svc.cluster.local:80")}


def test_a_bad_reference_changes_nothing_but_its_own_host() -> None:
    bench = Bench()
    bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    before = bench.published(PROXIES[0])
    bad = "{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v9}}]}]}"
    bench.become(objects_of(SHOP + virtual_service("v", bad)), DEFAULT_MESH_CONFIG)
    after = bench.published(PROXIES[0])
    differing = {(k, n) for k, each in after.items() for n in each if each[n] != before[k].get(n)}
    assert differing == {(VHDS, "80/reviews.shop.svc.cluster.local:80")}


def test_pods_of_one_workload_and_scope_share_their_parts() -> None:
    bench = Bench()
    bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    one = Proxy(namespace="shop", name="p-1", labels={"app": "a"}, service_account="default")
    two = Proxy(namespace="shop", name="p-2", labels={"app": "a"}, service_account="default")
    assert bench.engine.select(one) == bench.engine.select(two)


def test_parts_that_nobody_holds_are_let_go() -> None:
    bench = Bench()
    bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    bench.engine.select(PROXIES[0])
    bench.engine.collect()
    assert bench.publisher.keys()
    bench.engine.collect()
    assert not bench.publisher.keys()


def test_a_new_subset_arrives_with_its_endpoints() -> None:
    bench = Bench()
    bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    bench.published(PROXIES[0])
    rule = destination_rule("d", "{host: reviews, subsets: [{name: v1, labels: {version: v1}}]}")
    bench.become(objects_of(SHOP + rule), DEFAULT_MESH_CONFIG)
    after = bench.published(PROXIES[0])
    name = "outbound|80|v1|reviews.shop.svc.cluster.local"
    assert name in after[CDS]
    assert name in after[EDS]


def test_two_services_of_one_host_keep_their_own_endpoints() -> None:
    """Each is for the clients of its own namespace: what was made for one must not serve others."""
    entry = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {{name: e, namespace: {0}}}\n"
        "spec: {{hosts: [x.example.com], resolution: STATIC, exportTo: [.], "
        "ports: [{{number: 80, name: http, protocol: HTTP}}], endpoints: [{{address: {1}}}]}}\n"
    )
    bench = Bench()
    both = entry.format("shop", "10.3.0.1") + entry.format("bank", "10.3.0.2")
    bench.become(objects_of(both), DEFAULT_MESH_CONFIG)
    for proxy in PROXIES[:2]:
        wanted = bench.wanted(proxy, DEFAULT_MESH_CONFIG)
        assert wanted[EDS]
        assert bench.published(proxy) == wanted


def test_a_part_that_is_made_in_steps_is_the_same_whatever_happens_between_them() -> None:
    """A long first translation must not keep other proxies waiting, nor miss what changes."""
    names = [f"s{i}" for i in range(10)]
    before = "".join(service(name) for name in names)
    after = "".join(service(name) for name in names[1:]) + service("new", ip="10.0.0.9")
    bench = Bench()
    bench.become(objects_of(before), DEFAULT_MESH_CONFIG)
    assert not bench.engine.prepare(PROXIES[0], hosts=3)
    bench.become(objects_of(after), DEFAULT_MESH_CONFIG)
    steps = 1
    while not bench.engine.prepare(PROXIES[0], hosts=3):
        steps += 1
    assert steps > 1
    wanted = bench.wanted(PROXIES[0], DEFAULT_MESH_CONFIG)
    assert bench.published(PROXIES[0]) == wanted


WORLD = SHOP + (
    "---\napiVersion: v1\nkind: Node\n"
    "metadata: {name: north, labels: {topology.kubernetes.io/region: eu}}\n"
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
    "metadata: {name: r, namespace: shop, labels: {kubernetes.io/service-name: reviews}}\n"
    "ports: [{name: http, port: 80}]\n"
    "endpoints: [{addresses: [10.1.0.1], targetRef: {kind: Pod, name: a}},"
    " {addresses: [10.1.0.2], targetRef: {kind: Pod, name: b}}]\n"
    + "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, "
        "annotations: {sidecar.istio.io/status: '{}'}}\n"
        f"spec: {{nodeName: {node}}}\nstatus: {{podIP: 10.1.0.9}}\n"
        for name, node in (("a", "north"), ("b", "south"))
    )
)
ASKS = destination_rule("d", "{host: reviews, trafficPolicy: {outlierDetection: {}}}")
REVIEWS = "outbound|80||reviews.shop.svc.cluster.local"
RATINGS = "outbound|80||ratings.shop.svc.cluster.local"


def test_clients_elsewhere_share_all_until_a_rule_asks_where_they_are() -> None:
    """Then their endpoints differ, and nothing else."""
    bench = Bench()
    bench.become(objects_of(WORLD), DEFAULT_MESH_CONFIG)
    north, south = bench.engine.proxies()
    assert bench.engine.select(north) == bench.engine.select(south)
    bench.become(objects_of(WORLD + ASKS), DEFAULT_MESH_CONFIG)
    near, far = bench.engine.select(north), bench.engine.select(south)
    assert (near[0], near[2]) == (far[0], far[2])
    assert near[1] != far[1]
    one, other = (bench.publisher.resources(each[1], EDS) for each in (near, far))
    assert one[REVIEWS].version != other[REVIEWS].version
    assert one[RATINGS] is other[RATINGS]
    for proxy in (north, south):
        assert bench.published(proxy) == bench.wanted(proxy, DEFAULT_MESH_CONFIG)


def test_clients_elsewhere_have_other_clusters_of_names() -> None:
    """Whose endpoints are inside: those are ordered by where the client is."""
    host = "outbound|80||names.example.com"
    entry = (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: e, namespace: shop}\n"
        "spec: {hosts: [names.example.com], resolution: DNS, ports: [{number: 80, name: http}], "
        "endpoints: [{address: a.eu, locality: eu}, {address: b.us, locality: us}]}\n"
    )
    bench = Bench()
    bench.become(objects_of(WORLD + entry), DEFAULT_MESH_CONFIG)
    north, south = bench.engine.proxies()
    assert bench.engine.select(north) == bench.engine.select(south)
    asks = destination_rule("n", "{host: names.example.com, trafficPolicy: {outlierDetection: {}}}")
    bench.become(objects_of(WORLD + entry + asks), DEFAULT_MESH_CONFIG)
    near, far = bench.engine.select(north), bench.engine.select(south)
    assert near[0] == far[0]
    one, other = (bench.publisher.resources(each[1], CDS) for each in (near, far))
    assert one.keys() == other.keys() == {host}
    assert one[host].version != other[host].version
    for proxy in (north, south):
        assert bench.published(proxy) == bench.wanted(proxy, DEFAULT_MESH_CONFIG)
    bench.become(objects_of(WORLD + entry.replace("a.eu", "c.eu") + asks), DEFAULT_MESH_CONFIG)
    assert bench.published(north) == bench.wanted(north, DEFAULT_MESH_CONFIG)


def test_a_node_that_is_labelled_moves_its_endpoints_and_clients() -> None:
    bench = Bench()
    bench.become(objects_of(WORLD + ASKS), DEFAULT_MESH_CONFIG)
    south = next(proxy for proxy in bench.engine.proxies() if proxy.name == "b")
    before = bench.published(south)[EDS][REVIEWS]
    moved = (
        "---\napiVersion: v1\nkind: Node\n"
        "metadata: {name: south, labels: {topology.kubernetes.io/region: us}}\n"
    )
    bench.become(objects_of(WORLD + ASKS + moved), DEFAULT_MESH_CONFIG)
    found = bench.engine.proxy("shop", "b")
    assert found is not None
    assert found[1].locality == Locality(region="us")
    assert bench.published(found[1])[EDS][REVIEWS] != before
    assert bench.published(found[1]) == bench.wanted(found[1], DEFAULT_MESH_CONFIG)


def test_endpoints_of_a_place_that_nobody_is_in_are_let_go_alone() -> None:
    bench = Bench()
    bench.become(objects_of(WORLD + ASKS), DEFAULT_MESH_CONFIG)
    north, south = bench.engine.proxies()
    near, far = bench.engine.select(north), bench.engine.select(south)
    watch = bench.publisher.watch(near, lambda: None)
    bench.engine.collect()
    bench.engine.collect()
    assert set(bench.publisher.keys()) == {*near}
    assert far[1] not in {*bench.engine.held_endpoints()}
    assert bench.engine.select(south) == far
    assert bench.published(south) == bench.wanted(south, DEFAULT_MESH_CONFIG)
    watch.close()


def test_the_endpoints_of_one_more_place_are_made_in_steps() -> None:
    bench = Bench()
    bench.become(objects_of(WORLD + ASKS), DEFAULT_MESH_CONFIG)
    north, south = bench.engine.proxies()
    bench.engine.select(north)
    assert not bench.engine.prepare(south, hosts=1)
    assert bench.engine.prepare(south, hosts=1)


HEADLESS = """---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db, namespace: shop, labels: {kubernetes.io/service-name: db}}
ports: [{name: http, port: 80}]
endpoints: [{addresses: [10.1.0.1]}]
"""


def test_only_who_asks_has_names_and_they_follow_endpoints() -> None:
    """Pods of a headless Service are among the names: one that comes has to be resolved."""
    other, asks, *_ = PROXIES
    bench = Bench()
    bench.become(objects_of(SHOP + HEADLESS), DEFAULT_MESH_CONFIG)
    before = bench.published(asks)[LDS]["dns"]
    assert "dns" not in bench.published(other)[LDS]
    bench.become(objects_of(SHOP + HEADLESS.replace("10.1.0.1", "10.1.0.2")), DEFAULT_MESH_CONFIG)
    assert bench.published(asks)[LDS]["dns"] != before
    assert bench.published(asks) == bench.wanted(asks, DEFAULT_MESH_CONFIG)
    bench.become(objects_of(SHOP), DEFAULT_MESH_CONFIG)
    assert bench.published(asks) == bench.wanted(asks, DEFAULT_MESH_CONFIG)
