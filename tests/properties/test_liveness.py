"""How far edits have come, against the same worked out from what each part held before and after,
whoever acknowledges, leaves and comes back in between.
"""

from collections.abc import Iterator, Sequence

import yaml
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crds.decode import identify
from crds.meta import Key
from heddle.control_plane import ControlPlane
from heddle.edits import Edit
from heddle.engine import PartKey
from heddle.identity import Held
from heddle.injection import PORT, SERVER_NAME, inject_settings
from heddle.liveness import AWAY_SECONDS, Live, Liveness, Standing, Waiting
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster
from mesh.identity import WorkloadIdentity
from sources.events import Applied, Synced
from tests.fakes.clock import FakeClock
from tests.features.shop import SHOP, namespace, route, workload
from xds.publisher import Watch
from xds.status import Client, ClientStatus, TypeState
from xds.types import PUSH_ORDER

MESH = "\n---\n".join((SHOP, namespace("bank"), workload("teller", "bank")))
ROUTES = ("reviews", "web")
PODS = range(3)
Contents = frozenset[tuple[str, str, str]]


class FakeStream:
    """A client that has acknowledged so much."""

    def __init__(self, watch: Watch) -> None:
        self.at = -1
        self._watch = watch

    def poll(self, now: float) -> list[bytes]:
        return []

    def next_wakeup(self) -> float | None:
        return None

    def exchanges(self) -> Sequence[TypeState]:
        return ()

    def changed_after(self, generation: int) -> bool:
        return self._watch.changed_after(generation)

    def acknowledged(self) -> int:
        return self.at

    def close(self) -> None:
        self._watch.close()


class Connected:
    """The streams of a server."""

    def __init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self.streams: dict[int, FakeStream] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self.clients.values()))


class Edits(RuleBasedStateMachine):
    """Edits of routes, and pods that answer when they like."""

    def __init__(self) -> None:
        super().__init__()
        self.plane = ControlPlane(quiet=True)
        self.cluster = LocalCluster(inject_settings(host=SERVER_NAME, port=PORT), Subnets())
        self.clock = FakeClock()
        self.connected = Connected()
        self.liveness = Liveness(
            self.plane.engine, self.plane.publisher, self.connected, self.clock
        )
        self.plane.listen(self)
        self.number = 0
        self.upto: dict[Key, int] = {}
        self.wanted: dict[Key, set[int]] = {}
        """Who has to acknowledge the newest edit of an object."""
        self.away: dict[tuple[Key, int], float] = {}
        self._apply(MESH)
        proxies = sorted(self.plane.engine.proxies(), key=lambda each: each.name)
        self.proxies = {number: proxies[number] for number in PODS}

    def edited(self, edit: Edit) -> None:
        self.liveness.edited(edit)

    def reselected(self, client: ClientStatus) -> None:
        raise AssertionError("nobody has to come back")

    def _apply(self, text: str) -> None:
        events = [_applied(raw) for raw in yaml.safe_load_all(text) if raw is not None]
        self.plane.apply(self.cluster.apply([*events, Synced()]))

    @rule(
        names=st.sets(st.sampled_from(ROUTES), min_size=1),
        seconds=st.integers(1, 3),
        export_to=st.sampled_from([".", "*"]),
    )
    def edit(self, names: set[str], seconds: int, export_to: str) -> None:
        body = f"{{timeout: {seconds}s, route: [{{destination: {{host: reviews}}}}]}}"
        texts = [route(name, body, export_to=export_to) for name in sorted(names)]
        before = {part: self._contents(part) for part in self._parts()}
        objects = dict(self.plane.objects())
        self._apply("\n---\n".join(texts))
        users = {
            pod
            for pod, client in self.connected.clients.items()
            if any(before[part] != self._contents(part) for part in _held(client).parts)
        }
        for key, now in self.plane.objects():
            if key.kind == "VirtualService" and objects.get(key) != now:
                self.upto[key] = self.plane.publisher.generation
                self.wanted[key] = set(users)
                self.away = {each: at for each, at in self.away.items() if each[0] != key}

    @rule(pod=st.sampled_from(PODS))
    def come(self, pod: int) -> None:
        """Its stream begins, or a new one replaces it."""
        self.number += 1
        proxy = self.proxies[pod]
        who = WorkloadIdentity(
            namespace=proxy.namespace,
            service_account=proxy.service_account,
            pod_name=proxy.name,
            pod_uid="u",
            expires=0.0,
            node=None,
        )
        parts = self.plane.engine.select(proxy)
        watch = self.plane.publisher.watch(parts, lambda: None)
        stream = self.connected.streams[pod] = FakeStream(watch)
        self.connected.clients[pod] = Client(
            id=self.number,
            node="",
            identity=proxy.name,
            peer="",
            key=Held(who, parts, False),
            since=0.0,
            stream=stream,
        )

    @rule(pod=st.sampled_from(PODS))
    def leave(self, pod: int) -> None:
        if self.connected.clients.pop(pod, None) is not None:
            self.connected.streams[pod].close()

    @rule(pod=st.sampled_from(PODS), behind=st.integers(0, 2))
    def acknowledge(self, pod: int, behind: int) -> None:
        if pod in self.connected.clients:
            stream = self.connected.streams[pod]
            stream.at = max(stream.at, self.plane.publisher.generation - behind)

    @rule(seconds=st.sampled_from([1.0, AWAY_SECONDS + 1.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def as_worked_out(self) -> None:
        self.liveness.look()
        for key in self.wanted:
            self.wanted[key] -= {pod for pod in self.wanted[key] if self._is_done(key, pod)}
            found: Standing = self.liveness.standing(key)
            if self.wanted[key]:
                assert found == Waiting(proxies=len(self.wanted[key]))
            else:
                assert isinstance(found, Live)

    def _is_done(self, key: Key, pod: int) -> bool:
        if pod in self.connected.clients:
            self.away.pop((key, pod), None)
            return self.connected.streams[pod].at >= self.upto[key]
        return self.clock() - self.away.setdefault((key, pod), self.clock()) > AWAY_SECONDS

    def _parts(self) -> set[PartKey]:
        return {part for client in self.connected for part in _held(client).parts}

    def _contents(self, part: PartKey) -> Contents:
        return frozenset(
            (type_url, name, each.version)
            for type_url in PUSH_ORDER
            for name, each in self.plane.publisher.resources(part, type_url).items()
        )


def _held(client: Client) -> Held:
    assert isinstance(client.key, Held)
    return client.key


def _applied(raw: object) -> Applied:
    assert isinstance(raw, dict)
    key = identify(raw).key
    assert key is not None
    return Applied(key, raw)


Edits.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestEdits = Edits.TestCase
