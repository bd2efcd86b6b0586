"""The checks that make sense of a mesh on this machine, by what its control plane and its Envoys
say. There is no cluster to look at, and only one clock.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from heddle.check.verdict import Verdict, fine, judged, skipped
from heddle.debug.addresses import ADMIN, STATUS
from heddle.page.certificates import Certificate, certificates
from webhook import raw

Json = Mapping[str, object]
LATE_PERCENT = 20
"""With so little of its life left, a certificate is late: at half of it, it is renewed."""


class Asked(Protocol):
    """A control plane. Raises `Unreached`."""

    async def json(self, path: str, query: Mapping[str, str] | None = None) -> object:
        """What it answers."""
        ...


class ThisMachine:
    """One look at a mesh; `clock` is the machine's."""

    def __init__(self, plane: Asked, clock: Callable[[], datetime]) -> None:
        self._plane = plane
        self._clock = clock

    async def statuses(self) -> Sequence[Json]:
        """How far each proxy is."""
        return raw.objects(await self._plane.json(STATUS))

    async def versions(self) -> Mapping[str, int]:
        """The versions of the Envoys that run, each with how many have it."""
        return Counter([_version(said) for _, said in await self._each("server_info")])

    async def certificates(self) -> Sequence[tuple[str, Certificate]]:
        """Those that proxies show and trust, each with the proxy's name."""
        now = self._clock().timestamp()
        every = await self._each("certs")
        return [(proxy, found) for proxy, said in every for found in certificates(said, now)]

    async def _each(self, page: str) -> Sequence[tuple[str, object]]:
        """A page of the admin port of each proxy that is connected."""
        found = []
        for each in await self.statuses():
            if each.get("connected") is True:
                proxy = raw.text(each.get("proxy"))
                said = await self._plane.json(f"{ADMIN}/{page}", {"proxyID": proxy})
                found.append((proxy, said))
        return found


def _version(said: object) -> str:
    """Envoy says COMMIT/VERSION/STATE/BUILD/SSL."""
    told = raw.text(raw.mapping(said).get("version"))
    return told.split("/")[1] if "/" in told else told


async def connected(mesh: ThisMachine) -> Verdict:
    """Whether the proxies of all pods are there."""
    every = await mesh.statuses()
    gone = [raw.text(each.get("proxy")) for each in every if each.get("connected") is not True]
    if not every:
        return skipped("no pod has a proxy")
    if not gone:
        return fine(f"{len(every)} pods have one")
    return judged(f"the proxy of {each} is not connected" for each in gone)


async def synced(mesh: ThisMachine) -> Verdict:
    """Whether they have taken what they were sent."""
    every = await mesh.statuses()
    rejected = [
        f"{raw.text(each.get('proxy'))} rejects {raw.text(one.get('resource'))}: "
        f"{raw.text(one.get('reason'))}"
        for each in every
        for one in raw.objects(each.get("rejected"))
    ]
    late = [
        f"{raw.text(each.get('proxy'))} has been behind with {kind.upper()} for {age}"
        for each in every
        for kind, age in raw.strings(each.get("ages")).items()
    ]
    return judged(rejected, late) if rejected or late else fine(f"{len(every)} are connected")


async def valid(mesh: ThisMachine) -> Verdict:
    """Whether what proxies trust lasts a good while."""
    return _lasting(await mesh.certificates(), "trusts")


async def renewed(mesh: ThisMachine) -> Verdict:
    """Whether what proxies show was renewed in time."""
    return _lasting(await mesh.certificates(), "shows")


def _lasting(every: Iterable[tuple[str, Certificate]], use: str) -> Verdict:
    found = [(proxy, each) for proxy, each in every if each.use == use]
    if not found:
        return skipped(f"no proxy {use} a certificate")
    over = [f"{p} {use} one that ended: {e.until}" for p, e in found if not e.percent]
    late = [
        f"{proxy} {use} one that ends in {each.left}, {each.percent} % of its life"
        for proxy, each in found
        if 0 < each.percent < LATE_PERCENT
    ]
    return judged(over, late)
