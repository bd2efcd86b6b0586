"""A model Envoy against the delta stream: whatever happens, it ends with what it is to have.

Requests and responses are queued and delivered one by one, so that they cross each other. The
server is polled only when it asked to be: a lost wake-up shows as a client that never catches up.
"""

import json
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.xds.model_envoy import ModelEnvoy, Request, Response
from tests.xds.resources import cluster, endpoints
from xds.delta import DeltaStream
from xds.errors import Reconnect
from xds.limits import Limits
from xds.publisher import Publisher
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, VHDS

GRACE = Limits().grace
CLUSTERS = ("a", "b", "c")
LOCAL = ("in",)
ROUTES = ("80", "90")

World = dict[str, dict[str, Resource]]


class DeltaMachine(RuleBasedStateMachine):
    """Part `out` holds what many share, part `in` what is the client's own."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = Publisher(chunk_bytes=300, tombstones=6)
        self.now = 0.0
        self.requests: deque[Request] = deque()
        self.responses: deque[Response] = deque()
        self.stream: DeltaStream | None = None
        self.polled = True
        self.excused = 0.0
        """Until when a route may dangle: a grace period ran out, or a response was rejected."""
        self.parts: dict[str, World] = {"out": {}, "in": {}}
        self.envoy = ModelEnvoy(self.requests.append)

    # The world

    @initialize(
        versions=st.lists(st.integers(0, 2), min_size=3, max_size=3),
        listeners=st.sets(st.sampled_from(ROUTES)),
    )
    def begin(self, versions: list[int], listeners: set[str]) -> None:
        self._publish(versions, listeners, dict.fromkeys(ROUTES, ("x",)), seed=0)
        self._connect()

    @rule(
        versions=st.lists(st.integers(0, 2), min_size=3, max_size=3),
        listeners=st.sets(st.sampled_from(ROUTES)),
        hosts=st.fixed_dictionaries(
            {route: st.lists(st.sampled_from("xyz"), unique=True).map(tuple) for route in ROUTES}
        ),
        seed=st.integers(0, 2),
    )
    def publish(
        self,
        versions: list[int],
        listeners: set[str],
        hosts: dict[str, tuple[str, ...]],
        seed: int,
    ) -> None:
        """A new, consistent configuration: version 0 of a cluster is none."""
        self._publish(versions, listeners, hosts, seed)

    @rule(name=st.sampled_from((*CLUSTERS, *LOCAL)), version=st.integers(1, 4))
    def publish_endpoints(self, name: str, version: int) -> None:
        key = "in" if name in LOCAL else "out"
        world = self.parts[key]
        if name in world.get(CDS, {}):
            world[EDS] = {**world[EDS], name: endpoints(name, version)}
            self.publisher.replace(key, {t: tuple(r.values()) for t, r in world.items()})

    def _publish(
        self,
        versions: list[int],
        listeners: set[str],
        hosts: dict[str, tuple[str, ...]],
        seed: int,
    ) -> None:
        present = {n: v for n, v in zip(CLUSTERS, versions, strict=True) if v}
        targets = sorted({*present, *LOCAL})
        out: World = {
            CDS: {n: cluster(n, v) for n, v in present.items()},
            # A cluster may have no load assignment at all: its subscription is still answered.
            EDS: {n: endpoints(n) for n in present if not (n == "c" and seed == 2)},
            LDS: {n: _json(LDS, n, route=n, seed=seed) for n in listeners},
            RDS: {n: _json(RDS, n, seed=seed % 2) for n in listeners},
            VHDS: {
                f"{route}/{host}": _json(
                    VHDS, f"{route}/{host}", cluster=targets[(seed + i) % len(targets)]
                )
                for route in sorted(listeners)
                for i, host in enumerate(("*", *hosts[route]))
            },
        }
        own: World = {
            CDS: {n: cluster(n, seed + 1) for n in LOCAL},
            EDS: {n: endpoints(n) for n in LOCAL},
        }
        self.parts = {"out": out, "in": own}
        self.publisher.publish(
            {
                key: self.publisher.difference(key, {t: r.values() for t, r in world.items()})
                for key, world in self.parts.items()
            }
        )

    # The network

    @rule(many=st.integers(1, 4))
    def server_reads(self, many: int) -> None:
        for _ in range(min(many, len(self.requests))):
            request = self.requests.popleft()
            if self._stream().receive(request, self.now):
                self.polled = False

    @rule()
    def server_writes(self) -> None:
        self._poll()

    @rule(many=st.integers(1, 4))
    def client_reads(self, many: int) -> None:
        for _ in range(min(many, len(self.responses))):
            self._client_takes(reject=False)

    @precondition(lambda self: bool(self.responses))
    @rule()
    def client_rejects(self) -> None:
        self.excused = float("inf")
        self._client_takes(reject=True)

    @rule(seconds=st.sampled_from((0.5, 2.0, GRACE)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.excused = max(self.excused, self.now + GRACE)

    @rule()
    def reconnect(self) -> None:
        self._connect()

    @rule()
    def everything_settles(self) -> None:
        """Deliver all there is, let all waits run out, and compare."""
        self._settle()
        self.now += GRACE
        self._settle()
        self._compare()
        self.excused = 0.0 if not self.envoy.rejecting else float("inf")

    # What must hold

    @invariant()
    def no_route_leads_nowhere(self) -> None:
        if self.now >= self.excused or self.excused == 0.0:
            dangling = self.envoy.routed() - self.envoy.clusters()
            assert not dangling, "X-81: a route to a cluster that the client does not have"

    def teardown(self) -> None:
        if self.stream is not None:
            self.everything_settles()

    def _compare(self) -> None:
        envoy, rejected = self.envoy, self.envoy.rejected
        for type_url in (CDS, LDS, VHDS):
            wanted = {
                name: entry.version
                for world in self.parts.values()
                for name, entry in world.get(type_url, {}).items()
            }
            held = envoy.held[type_url].versions
            for name in wanted.keys() | held.keys():
                known_bad = (type_url, name, wanted.get(name, "")) in rejected
                if type_url == VHDS and name.rpartition("/")[0] not in envoy.held[RDS].versions:
                    continue  # its route configuration or listener was rejected
                assert known_bad or held.get(name) == wanted.get(name), (type_url, name)
        for type_url in (EDS, RDS):
            for name in envoy.wanted[type_url]:
                for world in self.parts.values():
                    entry = world.get(type_url, {}).get(name)
                    if entry and (type_url, name, entry.version) not in rejected:
                        assert envoy.held[type_url].versions.get(name) == entry.version, name
        if not envoy.rejecting:
            assert not envoy.warming, "a cluster that never got its endpoints"
            assert self._stream().acknowledged() == self.publisher.generation
        assert not self._stream().poll(self.now), "a response to nobody's question"

    def _connect(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.requests.clear()
        self.responses.clear()
        self.stream = DeltaStream(
            self.publisher, ("out", "in"), node="n", now=self.now, wake=self._wake
        )
        self.polled = True
        self.envoy.connect()

    def _wake(self) -> None:
        self.polled = False

    def _stream(self) -> DeltaStream:
        assert self.stream is not None
        return self.stream

    def _poll(self) -> None:
        wakeup = self._stream().next_wakeup()
        if self.polled and (wakeup is None or wakeup > self.now):
            return
        self.polled = True
        try:
            self.responses.extend(Response.FromString(b) for b in self._stream().poll(self.now))
        except Reconnect:
            self._connect()

    def _client_takes(self, *, reject: bool) -> None:
        self.envoy.take(self.responses.popleft(), reject=reject)

    def _settle(self) -> None:
        for _ in range(1000):
            self.server_reads(100)
            self._poll()
            self.client_reads(100)
            if not self.requests and not self.responses and self.polled:
                return
        raise AssertionError("server and client never come to rest")


def _json(type_url: str, name: str, **content: object) -> Resource:
    return resource(type_url, name, json.dumps(content, sort_keys=True).encode())


TestDeltaMachine = DeltaMachine.TestCase
TestDeltaMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
