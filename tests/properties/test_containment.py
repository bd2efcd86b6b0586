"""Whatever an Envoy rejects, it ends with everything that it is to have but the culprits, in a
bounded number of responses, and nothing that it rejected comes again.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil, log2

from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.xds.picky_envoy import TYPES, Culprits, PickyEnvoy, Response
from tests.xds.resources import cluster, endpoints, route
from xds.delta import DeltaStream
from xds.publisher import Publisher
from xds.quarantine import Quarantine
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, VHDS

CLUSTERS = tuple("abcdefgh")
HOSTS = tuple(f"r/{name}" for name in "abcdef")
DOMAINS = ("one", "two", "three", "four")
LISTENERS = ("l1-x", "l1-y", "l2-x", "l2-y")
"""Two for each of two addresses."""


def host(name: str, domains: list[str], version: int) -> Resource:
    message = route_components_pb2.VirtualHost(name=name, domains=[f"{name}.own", *domains])
    message.request_headers_to_remove.append(str(version))
    return resource(VHDS, name, message)


@dataclass
class Desired:
    """What is published. The number of a name makes its content; 0: it is not there."""

    clusters: dict[str, int] = field(default_factory=lambda: dict.fromkeys("abcd", 1))
    hosts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOSTS[:3], 1))
    owners: dict[str, str] = field(default_factory=lambda: dict.fromkeys(DOMAINS, HOSTS[0]))
    listeners: dict[str, tuple[str, int]] = field(
        default_factory=lambda: {"l1": ("l1-x", 1), "l2": ("l2-x", 1)}
    )

    def resources(self) -> dict[str, list[Resource]]:
        clusters = {n: v for n, v in self.clusters.items() if v}
        hosts = {n: v for n, v in self.hosts.items() if v}
        return {
            CDS: [cluster(n, v) for n, v in clusters.items()],
            EDS: [endpoints(n) for n in clusters],
            LDS: [
                listener_at(address, name, v) for address, (name, v) in self.listeners.items() if v
            ],
            RDS: [route("r")],
            VHDS: [
                host(n, sorted(d for d, owner in self.owners.items() if owner == n), v)
                for n, v in hosts.items()
            ],
        }


def listener_at(address: str, name: str, version: int) -> Resource:
    message = listener_pb2.Listener(name=name, stat_prefix=address)
    message.drain_type = listener_pb2.Listener.MODIFY_ONLY
    message.tcp_backlog_size.value = version
    return resource(LDS, name, message)


numbers = st.integers(0, 4)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("cluster"), st.sampled_from(CLUSTERS), numbers),
        st.tuples(st.just("host"), st.sampled_from(HOSTS), numbers),
        st.tuples(st.just("owner"), st.sampled_from(DOMAINS), st.sampled_from(HOSTS)),
        st.tuples(st.just("listener"), st.sampled_from(LISTENERS), numbers),
    ),
    min_size=1,
    max_size=8,
)
chance = st.sampled_from(("good", "good", "good", "good", "refused", "violating"))


class ContainmentMachine(RuleBasedStateMachine):
    """One server, one Envoy that rejects some contents, and the wire between them."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = Publisher(chunk_bytes=200)
        self.quarantine = Quarantine()
        self.culprits = Culprits()
        self.judged: set[str] = set()
        self.desired = Desired()
        self.envoy = PickyEnvoy(self.culprits, ["r"])
        self.now = 0.0
        self.sent = 0
        self.budget = 0
        self.stream: DeltaStream | None = None
        self.arriving: deque[Response] = deque()
        self.steady: set[str] = set()
        """Domains that are served, and shall be until they are wanted no more. Not those of edits
        that overtake each other: what is looked into then may have to let go of one for a moment.
        """
        self.resting = False

    @initialize(telling=st.booleans())
    def begin(self, telling: bool) -> None:
        self.culprits.telling = telling
        self._publish({})
        self.reconnect()
        self.settle()

    @rule(edits=edits, verdicts=st.lists(chance, min_size=24, max_size=24))
    def publish(self, edits: list[tuple[str, str, object]], verdicts: list[str]) -> None:
        for kind, name, value in edits:
            if kind == "cluster":
                self.desired.clusters[name] = int(str(value))
            elif kind == "host":
                self.desired.hosts[name] = int(str(value))
            elif kind == "owner":
                self.desired.owners[name] = str(value)
            else:
                self.desired.listeners[name[:2]] = (name, int(str(value)))
        if not self.resting:
            self.steady.clear()
        self.resting = False
        self._publish(dict(enumerate(verdicts)))

    def _publish(self, verdicts: dict[int, str]) -> None:
        world = self.desired.resources()
        fresh = sorted(
            entry.version
            for entries in world.values()
            for entry in entries
            if entry.version not in self.judged
        )
        for position, version in enumerate(fresh):
            self.judged.add(version)
            verdict = verdicts.get(position, "good")
            if verdict == "refused":
                self.culprits.refused.add(version)
            elif verdict == "violating":
                self.culprits.violating.add(version)
        self.publisher.replace("p", world)
        bad = sum(e.version in self.culprits for entries in world.values() for e in entries)
        count = sum(map(len, world.values()))
        # Several chunks and types each; a search each; what changes meanwhile starts one again.
        self.budget += 40 + 6 * (bad + 1) * (ceil(log2(count)) + 2)

    @rule()
    def reconnect(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.arriving.clear()
        self.steady.clear()
        self.budget += 200
        record = self.quarantine.record("n", release="1")
        self.stream = DeltaStream(self.publisher, ("p",), node="n", now=self.now, record=record)
        for request in self.envoy.requests():
            self.stream.receive(request, self.now)

    @rule(count=st.integers(1, 5))
    def some_messages(self, count: int) -> None:
        for _ in range(count):
            self._step()

    @rule(seconds=st.sampled_from((0.1, 6.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def settle(self) -> None:
        for _ in range(400):
            while self._step():
                pass
            wakeup = self._stream().next_wakeup()
            if wakeup is None:
                break
            self.now = max(self.now, wakeup)
        else:
            raise AssertionError("never comes to rest")
        assert self.sent <= self.budget
        self.now += 100_000
        assert not self._stream().poll(self.now), "a response to nobody's question"
        self._compare()
        self.steady = self.envoy.domains()
        self.resting = True

    def _step(self) -> bool:
        if not self.arriving:
            answers = [Response.FromString(body) for body in self._stream().poll(self.now)]
            self.sent += len(answers)
            self.arriving.extend(answers)
        if not self.arriving:
            return False
        for request in self.envoy.take(self.arriving.popleft()):
            self._stream().receive(request, self.now)
        self.steady &= self._domains()
        assert self.steady <= self.envoy.domains(), "a domain that moved was served by nobody"
        return True

    def _stream(self) -> DeltaStream:
        assert self.stream is not None
        return self.stream

    def _domains(self) -> set[str]:
        owned = {d for d, owner in self.desired.owners.items() if self.desired.hosts.get(owner)}
        return owned | {f"{name}.own" for name, version in self.desired.hosts.items() if version}

    def _compare(self) -> None:
        world = self.desired.resources()
        kept = {
            (each.type_url, each.name): each.version
            for exchange in self._stream().exchanges()
            for each in exchange.quarantined
        }
        for type_url in TYPES:
            wanted = {entry.name: entry for entry in world[type_url]}
            if type_url == EDS:  # it asks for those of the clusters that it has
                wanted = {n: e for n, e in wanted.items() if n in self.envoy.running[CDS]}
            running, listed = self.envoy.running[type_url], self.envoy.listed[type_url]
            for name, entry in wanted.items():
                if entry.version in self.culprits:
                    assert kept[type_url, name] == entry.version, "a culprit that is not told of"
                    assert name not in running or running[name].version != entry.version
                elif (type_url, name) in kept:
                    assert self._entangled(type_url, name, kept), f"{name} is innocent"
                else:
                    assert running[name].version == entry.version, (type_url, name)
                    assert listed[name] == entry.version, f"{name} is not tracked"
            if type_url in (CDS, LDS, VHDS):
                strangers = running.keys() - wanted.keys()
                # Clusters stay for what still refers to them, a virtual host as it has the domain.
                excused = {CDS: {LDS, RDS, VHDS}, LDS: set(), VHDS: {VHDS}}[type_url]
                assert not strangers or {kind for kind, _ in kept} & excused, strangers
        assert self._stream().acknowledged() <= self.publisher.generation
        if not kept:
            assert self._stream().acknowledged() == self.publisher.generation

    def _entangled(self, type_url: str, name: str, kept: dict[tuple[str, str], str]) -> bool:
        """Whether it had to stay behind with a culprit: a domain moves between the two."""
        return type_url == VHDS and any(
            kind == VHDS and version in self.culprits for (kind, _), version in kept.items()
        )

    def teardown(self) -> None:
        if self.stream is not None:
            self.settle()


TestContainment = ContainmentMachine.TestCase
TestContainment.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
