"""Whatever happens, a state-of-the-world client ends with what is published, and no route that it
holds on the way leads to a cluster that is not there or has never been warm.
"""

from collections import deque

from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.service.discovery.v3 import discovery_pb2
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.xds.resources import cluster, endpoints, listener, remove, upsert
from tests.xds.sotw_scripted import names
from xds.publisher import PartChange, Publisher
from xds.resource import Resource, resource
from xds.sotw import SotwStream
from xds.types import CDS, EDS, LDS, RDS

Response = discovery_pb2.DiscoveryResponse
TIMEOUT = 15.0
"""Seconds after which Envoy runs a cluster without its endpoints."""
CLUSTERS = ("a", "b", "c", "d")


def route(target: str) -> Resource:
    """Sends everything to one cluster."""
    action = route_components_pb2.RouteAction(cluster=target)
    host = route_components_pb2.VirtualHost(
        name="everything", domains=["*"], routes=[route_components_pb2.Route(route=action)]
    )
    return resource(RDS, "web", route_pb2.RouteConfiguration(name="web", virtual_hosts=[host]))


class ModelClient:
    """Holds what it was sent, as Envoy does, and answers when the machine lets it."""

    def __init__(self) -> None:
        self.clusters: dict[str, bytes] = {}
        self.cold: set[str] = set()
        """Clusters that wait for their endpoints."""
        self.endpoints: dict[str, bytes] = {}
        self.listeners: set[str] = set()
        self.target = ""
        """The cluster that its routes lead to."""
        self.versions: dict[str, str] = {}
        self.nonces: dict[str, str] = {}

    def names(self, type_url: str) -> list[str]:
        if type_url == EDS:
            return sorted(self.clusters)
        return ["web"] if type_url == RDS else []

    def request(self, type_url: str) -> discovery_pb2.DiscoveryRequest:
        return discovery_pb2.DiscoveryRequest(
            type_url=type_url,
            version_info=self.versions.get(type_url, ""),
            response_nonce=self.nonces.get(type_url, ""),
            resource_names=self.names(type_url),
        )

    def take(self, response: Response) -> None:
        held = {n: e.value for n, e in zip(names(response), response.resources, strict=True)}
        if response.type_url == CDS:
            changed = {n for n, value in held.items() if self.clusters.get(n) != value}
            self.clusters = held
            self.cold = (self.cold | changed) & held.keys()
            self.endpoints = {n: v for n, v in self.endpoints.items() if n in held}
        elif response.type_url == EDS:
            taken = {n: value for n, value in held.items() if n in self.clusters}
            self.endpoints.update(taken)
            self.cold -= taken.keys()
        elif response.type_url == LDS:
            self.listeners = set(held)
        elif "web" in held:
            config = route_pb2.RouteConfiguration.FromString(held["web"])
            self.target = config.virtual_hosts[0].routes[0].route.cluster
        self.versions[response.type_url] = response.version_info
        self.nonces[response.type_url] = response.nonce


class Sotw(RuleBasedStateMachine):
    """One client of one part whose routes always lead to a cluster of that part."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = Publisher()
        self.now = 0.0
        self.published: dict[str, int] = {}
        self.target = ""
        self.listeners: set[str] = set()
        self.client = ModelClient()
        self._publish({"a": 1}, "a", {"l"})
        self._connect((CDS, EDS, LDS, RDS))
        self.quiet()  # a client that boots asks for listeners only when its clusters are warm

    def _connect(self, order: tuple[str, ...]) -> None:
        self.stream = SotwStream(self.publisher, ("p",), node="n", now=self.now)
        self.arriving: deque[Response] = deque()
        self.answers: deque[discovery_pb2.DiscoveryRequest] = deque()
        self.client.nonces.clear()
        self.subscribed = self.client.names(EDS)
        self.answers.extend(self.client.request(type_url) for type_url in order)

    def _publish(self, clusters: dict[str, int], target: str, listeners: set[str]) -> None:
        gone = sorted(self.published.keys() - clusters.keys())
        self.publisher.publish(
            {
                "p": PartChange(
                    upserts=upsert(
                        cds=[cluster(name, version) for name, version in clusters.items()],
                        eds=[endpoints(name) for name in clusters],
                        lds=[listener(name) for name in sorted(listeners)],
                        rds=[route(target)],
                    ).upserts,
                    removals=remove(
                        cds=gone, eds=gone, lds=sorted(self.listeners - listeners)
                    ).removals,
                )
            }
        )
        self.published, self.target, self.listeners = clusters, target, listeners

    @rule(
        clusters=st.dictionaries(st.sampled_from(CLUSTERS), st.integers(1, 3), min_size=1),
        chance=st.integers(0, 3),
        listeners=st.sets(st.sampled_from(("l", "m"))),
    )
    def publish(self, clusters: dict[str, int], chance: int, listeners: set[str]) -> None:
        self._publish(clusters, sorted(clusters)[chance % len(clusters)], listeners)

    @rule()
    def poll(self) -> None:
        self.arriving.extend(Response.FromString(body) for body in self.stream.poll(self.now))

    @precondition(lambda self: self.arriving)
    @rule()
    def deliver(self) -> None:
        response = self.arriving.popleft()
        self.client.take(response)
        self.answers.append(self.client.request(response.type_url))
        if self.client.names(EDS) != self.subscribed:
            self.subscribed = self.client.names(EDS)
            self.answers.append(self.client.request(EDS))

    def ready(self) -> discovery_pb2.DiscoveryRequest | None:
        """The next request. One that accepts clusters waits until they are warm (X-29)."""
        for request in self.answers:
            if request.type_url != CDS or not request.response_nonce or not self.client.cold:
                return request
        return None

    @precondition(lambda self: self.ready())
    @rule()
    def answer(self) -> None:
        request = self.ready()
        assert request is not None
        self.answers.remove(request)
        self.stream.receive(request, self.now)

    @rule(order=st.sampled_from(((CDS, EDS, LDS, RDS), (EDS, CDS, LDS, RDS))))
    def reconnect(self, order: tuple[str, ...]) -> None:
        self.stream.close()
        self._connect(order)

    def quiet(self) -> None:
        """Let messages go until there are no more."""
        self.poll()
        while self.arriving or self.ready():
            while self.arriving:
                self.deliver()
            while self.ready():
                self.answer()
            self.poll()

    @rule()
    def settle(self) -> None:
        self.quiet()
        assert not self.client.cold & self.published.keys(), "not warm without a timeout"
        for _ in range(2):  # a cluster that is on its way out may have lost its endpoints
            self.now += TIMEOUT
            self.client.cold.clear()
            self.quiet()
        current = {e.name: e.message_bytes for e in self.publisher.resources("p", CDS).values()}
        assert self.client.clusters == current
        assert self.client.endpoints.keys() == current.keys()
        assert self.client.listeners == self.listeners
        assert self.client.target == self.target
        assert self.stream.acknowledged() == self.publisher.generation

    @invariant()
    def routes_lead_to_clusters_that_have_endpoints(self) -> None:
        assert not self.client.target or self.client.target in self.client.endpoints

    def teardown(self) -> None:
        self.settle()


Sotw.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSotw = Sotw.TestCase
