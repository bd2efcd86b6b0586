"""Whatever happens in whatever order, every proxy trusts what every other one shows.

Replicas follow late, die and come back; proxies acknowledge when they like, go away and come to
another replica; an operator takes steps and takes them back. The model has what `heddle ca` and
replicas do with their own functions, and nothing else decides. A client that keeps its own key
takes part: it gets a certificate, and the roots of that moment, when it asks, and acknowledges
nothing.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ca.authority import Authority, new_intermediate, new_root
from ca.errors import RotationRefused
from ca.reports import Issued, Lack, Report, Said, newest
from ca.rotation import Phase, Rotation, followed
from heddle.ca_steps import Care, begun, forwarded, taken_back

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CARE = Care(pause=timedelta(0))
PROXIES = st.sampled_from(("a", "b", "c"))
REPLICAS = st.sampled_from((0, 1))


def authority() -> Authority:
    return new_intermediate(new_root(NOW, "cluster.local"), NOW, "cluster.local")


POOL = tuple(authority() for _ in range(4))


@dataclass(slots=True)
class Proxy:
    """`shows` and `trusts` are what it has acknowledged; `at` is the replica it is connected to."""

    shows: x509.Certificate
    trusts: frozenset[x509.Certificate]
    at: int | None = None


@dataclass(slots=True)
class Replica:
    """What it serves, and the proxies that it has seen. What it has said last stays when it
    dies."""

    serves: Rotation
    lives: bool = True
    seen: set[str] = field(default_factory=set)
    issued: dict[str, Issued] = field(default_factory=dict)


class Mesh(RuleBasedStateMachine):
    """Two replicas, three proxies."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Rotation(current=POOL[0])
        self.replicas = [Replica(self.state), Replica(self.state)]
        root = POOL[0].root
        self.proxies = {name: Proxy(root, frozenset({root}), 0) for name in ("a", "b", "c")}
        self.replicas[0].seen = set(self.proxies)
        self.keeper = Proxy(root, frozenset({root}))
        self.asked = 0
        self.ask(0)

    def said(self) -> Said:
        reports = [self.report(number) for number in range(len(self.replicas))]
        return Said(
            living=[r for r, each in zip(reports, self.replicas, strict=True) if each.lives],
            dead=[r for r, each in zip(reports, self.replicas, strict=True) if not each.lives],
        )

    def report(self, number: int) -> Report:
        replica = self.replicas[number]
        here = {name for name, proxy in self.proxies.items() if proxy.at == number}
        taken = {name for name in here if self.has(self.proxies[name], replica.serves)}
        return Report(
            replica=str(number),
            state=replica.serves.name,
            taken=tuple(taken),
            lacking=dict.fromkeys(replica.seen - here, Lack.AWAY)
            | dict.fromkeys(here - taken, Lack.UNTAKEN),
            issued=dict(replica.issued),
        )

    def has(self, proxy: Proxy, served: Rotation) -> bool:
        return (proxy.shows, proxy.trusts) == (served.signer.root, frozenset(served.roots))

    @rule(new=st.sampled_from(POOL))
    def step(self, new: Authority) -> None:
        with suppress(RotationRefused):
            if self.state.phase is Phase.STABLE:
                self.state = begun(self.state, new, NOW)
            else:
                self.state = forwarded(self.state, self.said(), CARE, NOW)

    @rule()
    def step_back(self) -> None:
        with suppress(RotationRefused):
            self.state = taken_back(self.state, self.said(), CARE, NOW)

    @rule(new=st.sampled_from(POOL), but=st.sampled_from((None, "a")), asks=st.booleans())
    def settle_and_step(self, new: Authority, but: str | None, asks: bool) -> None:
        """Everybody catches up, but perhaps one; then somebody tries."""
        for number in (0, 1):
            self.follow(number)
        for name in self.proxies:
            if name != but:
                self.come_anywhere(name)
                self.acknowledge(name)
        if asks:
            self.ask_anybody()
        self.step(new)

    def ask_anybody(self) -> None:
        for number in (0, 1):
            self.ask(number)

    def come_anywhere(self, name: str) -> None:
        for number in (0, 1):
            if self.proxies[name].at is None:
                self.come(name, number)

    @rule(number=REPLICAS)
    def follow(self, number: int) -> None:
        """A replica takes what is in the folder, and the proxies of one that has died."""
        replica = self.replicas[number]
        if replica.lives:
            with suppress(RotationRefused):
                replica.serves = followed(
                    replica.serves,
                    self.state,
                    own=True,
                    taken=lambda: not self.report(number).lacking,
                )
            for other in self.replicas:
                if not other.lives:
                    replica.seen |= other.seen
                    reports = [Report(replica="", issued=r.issued) for r in (replica, other)]
                    replica.issued = dict(newest(reports))
                    other.seen, other.issued = set(), {}

    @rule(name=PROXIES)
    def acknowledge(self, name: str) -> None:
        proxy = self.proxies[name]
        if proxy.at is not None:
            served = self.replicas[proxy.at].serves
            proxy.shows, proxy.trusts = served.signer.root, frozenset(served.roots)

    @rule(number=REPLICAS)
    def ask(self, number: int) -> None:
        """Who keeps his own key has it signed anew, by a replica that may be late."""
        replica = self.replicas[number]
        if replica.lives:
            self.asked += 1
            served, at = replica.serves, NOW + timedelta(seconds=self.asked)
            until = NOW + timedelta(days=1)
            replica.issued["keeper"] = Issued(state=served.name, at=at, until=until)
            self.keeper = Proxy(served.signer.root, frozenset(served.roots))

    @rule(name=PROXIES)
    def leave(self, name: str) -> None:
        self.proxies[name].at = None

    @rule(name=PROXIES, number=REPLICAS)
    def come(self, name: str, number: int) -> None:
        if self.replicas[number].lives:
            self.proxies[name].at = number
            self.replicas[number].seen.add(name)

    @rule(number=REPLICAS)
    def die(self, number: int) -> None:
        self.replicas[number].lives = False
        for proxy in self.proxies.values():
            proxy.at = None if proxy.at == number else proxy.at

    @precondition(lambda self: any(not each.lives for each in self.replicas))
    @rule(number=REPLICAS)
    def start(self, number: int) -> None:
        """It reads the folder, and what others, and it itself in another life, have left."""
        replica = self.replicas[number]
        if not replica.lives:
            replica.lives, replica.serves = True, self.state
            self.follow(number)

    @invariant()
    def everybody_trusts_everybody(self) -> None:
        everybody = {**self.proxies, "keeper": self.keeper}
        for name, proxy in everybody.items():
            for other, peer in everybody.items():
                assert proxy.shows in peer.trusts, f"{other} refuses {name}"


Mesh.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestMesh = Mesh.TestCase
