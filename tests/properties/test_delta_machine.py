"""A model Envoy against the delta stream: whatever happens, it ends with what it is to have.

Requests and responses are queued and delivered one by one, so that they cross each other. The
server is polled only when it asked to be: a lost wake-up shows as a client that never catches up.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.xds.model_envoy import ModelEnvoy, Request, Response
from tests.xds.resources import cluster, endpoints, virtual_host
from xds.delta import DeltaStream
from xds.errors import Reconnect
from xds.limits import Limits
from xds.publisher import Publisher
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, REFERRING_TYPES, VHDS

GRACE = Limits().grace
SHARED = ("a", "b")
ROUTES = ("80", "90")

World = dict[str, dict[str, Resource]]


@dataclass
class Spec:
    """A consistent configuration, from which both parts are made. Version 0 is: not there."""

    clusters: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 1})
    assignments: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 1, "in": 1})
    own: int = 1
    listeners: dict[str, int] = field(default_factory=lambda: {"80": 1})
    routes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROUTES, 1))
    hosts: dict[str, str] = field(default_factory=lambda: {"80/*": "a", "90/*": "b", "80/x": "b"})

    def shared(self) -> World:
        """The part that many clients have."""
        present = {name for name, version in self.clusters.items() if version} | {"in"}
        listeners = {name: version for name, version in self.listeners.items() if version}
        targets = {host: t if t in present else "in" for host, t in self.hosts.items() if t}
        return {
            CDS: {n: cluster(n, v) for n, v in self.clusters.items() if v},
            # A cluster may have no load assignment: its subscription is answered all the same.
            EDS: {n: endpoints(n, v) for n, v in self.assignments.items() if v and n in SHARED},
            LDS: {n: _json(LDS, n, route=n, version=v) for n, v in listeners.items()},
            RDS: {n: _json(RDS, n, version=self.routes[n]) for n in listeners},
            VHDS: {
                host: virtual_host(host, target)
                for host, target in targets.items()
                if host.partition("/")[0] in listeners
            },
        }

    def private(self) -> World:
        """The part of the client's own."""
        version = self.assignments["in"]
        return {
            CDS: {"in": cluster("in", self.own)},
            EDS: {"in": endpoints("in", version)} if version else {},
        }


Edit = Callable[[Spec], None]


def _set(name: str, key: str, value: object) -> Edit:
    return lambda spec: getattr(spec, name).__setitem__(key, value)


version = st.integers(0, 2)
edits = st.lists(
    st.one_of(
        st.builds(_set, st.just("clusters"), st.sampled_from(SHARED), version),
        st.builds(_set, st.just("assignments"), st.sampled_from((*SHARED, "in")), version),
        st.builds(_set, st.just("listeners"), st.sampled_from(ROUTES), version),
        st.builds(_set, st.just("routes"), st.sampled_from(ROUTES), st.integers(1, 2)),
        st.builds(
            _set,
            st.just("hosts"),
            st.sampled_from(("80/*", "80/x", "90/*", "90/y")),
            st.sampled_from(("a", "b", "in", "")),
        ),
        st.builds(lambda v: lambda spec: setattr(spec, "own", v), st.integers(1, 2)),
    ),
    min_size=1,
    max_size=4,
)
steps = st.lists(st.sampled_from(("read", "write", "take")), min_size=1, max_size=6)


class DeltaMachine(RuleBasedStateMachine):
    """Drives one server, one client, and the wire between them."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = Publisher(chunk_bytes=300, tombstones=6)
        self.now = 0.0
        self.requests: deque[Request] = deque()
        self.responses: deque[Response] = deque()
        self.stream: DeltaStream | None = None
        self.polled = True
        self.excused = False
        """A grace period ran out, or a response was rejected: routes may now lead nowhere."""
        self.spec = Spec()
        self.envoy = ModelEnvoy(self.requests.append)

    @initialize(settled=st.booleans())
    def begin(self, settled: bool) -> None:
        self._publish()
        self._connect()
        if settled:
            self.everything_settles(grain=1)

    @rule(edits=edits)
    def publish(self, edits: list[Edit]) -> None:
        for edit in edits:
            edit(self.spec)
        self._publish()

    @rule(steps=steps)
    def messages_flow(self, steps: list[str]) -> None:
        for step in steps:
            if step == "read":
                self._server_reads()
            elif step == "write":
                self._server_writes()
            elif self.responses:
                self._client_takes()

    @precondition(lambda self: bool(self.responses))
    @rule()
    def client_rejects(self) -> None:
        self.excused = True
        self._client_takes(reject=True)

    @rule(seconds=st.sampled_from((0.5, GRACE)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.excused = True

    @rule()
    def reconnect(self) -> None:
        self._connect()

    @rule(grain=st.sampled_from((1, 100)))
    def everything_settles(self, grain: int) -> None:
        """Deliver all there is, let all waits run out, and compare."""
        self._settle(grain)
        self.now += GRACE
        self.excused = True
        self._settle(grain)
        self._compare()
        self.excused = self.envoy.rejecting

    @invariant()
    def no_route_leads_nowhere(self) -> None:
        """X-81: what a route names is there, and has been warm at least once."""
        if not self.excused:
            routed = self.envoy.routed()
            assert routed <= self.envoy.clusters()
            assert not routed & self.envoy.cold

    def teardown(self) -> None:
        if self.stream is not None:
            self.everything_settles(grain=100)

    def _compare(self) -> None:
        envoy, rejected = self.envoy, self.envoy.rejected
        worlds = (self.spec.shared(), self.spec.private())
        for type_url in (CDS, LDS, VHDS):
            wanted = _versions(worlds, type_url)
            held = envoy.held[type_url].versions
            for name in wanted.keys() | held.keys():
                if type_url == VHDS and name.rpartition("/")[0] not in envoy.held[RDS].versions:
                    continue  # its route configuration or listener was rejected
                if type_url == CDS and name not in wanted and self._keeps_old():
                    continue  # what it did not replace may need the cluster
                known_bad = (type_url, name, wanted.get(name, "")) in rejected
                assert known_bad or held.get(name) == wanted.get(name), (type_url, name)
        for type_url in (EDS, RDS):
            for name, wanted_version in _versions(worlds, type_url).items():
                if name in envoy.wanted[type_url]:
                    known_bad = (type_url, name, wanted_version) in rejected
                    held_version = envoy.held[type_url].versions.get(name)
                    assert known_bad or held_version == wanted_version, (type_url, name)
        if not envoy.rejecting:
            assert not envoy.warming, "a cluster that never got its endpoints"
            assert self._stream().acknowledged() == self.publisher.generation
        assert not self._stream().poll(self.now), "a response to nobody's question"

    def _keeps_old(self) -> bool:
        return any(type_url in REFERRING_TYPES for type_url, _, _ in self.envoy.rejected)

    def _publish(self) -> None:
        parts = {"out": self.spec.shared(), "in": self.spec.private()}
        self.publisher.publish(
            {
                key: self.publisher.difference(key, {t: r.values() for t, r in world.items()})
                for key, world in parts.items()
            }
        )

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
        if not self.envoy.held[VHDS].versions:
            # A client without routes is not made to wait for clusters: it is not in use yet.
            self.excused = True

    def _wake(self) -> None:
        self.polled = False

    def _stream(self) -> DeltaStream:
        assert self.stream is not None
        return self.stream

    def _server_reads(self) -> None:
        if self.requests and self._stream().receive(self.requests.popleft(), self.now):
            self.polled = False

    def _server_writes(self) -> None:
        wakeup = self._stream().next_wakeup()
        if self.polled and (wakeup is None or wakeup > self.now):
            return
        self.polled = True
        try:
            self.responses.extend(Response.FromString(b) for b in self._stream().poll(self.now))
        except Reconnect:
            self._connect()

    def _client_takes(self, *, reject: bool = False) -> None:
        self.envoy.take(self.responses.popleft(), reject=reject)
        self.no_route_leads_nowhere()

    def _settle(self, grain: int) -> None:
        for _ in range(1000):
            for _ in range(grain):
                self._server_reads()
            self._server_writes()
            for _ in range(min(grain, len(self.responses))):
                self._client_takes()
            if not self.requests and not self.responses and self.polled:
                return
        raise AssertionError("server and client never come to rest")


def _versions(worlds: tuple[World, ...], type_url: str) -> dict[str, str]:
    return {
        name: entry.version for world in worlds for name, entry in world.get(type_url, {}).items()
    }


def _json(type_url: str, name: str, **content: object) -> Resource:
    return resource(type_url, name, json.dumps(content, sort_keys=True).encode())


TestDeltaMachine = DeltaMachine.TestCase
TestDeltaMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
