"""What the checks look at of a mesh on this machine: what its control plane and its Envoys say.
There is no cluster to look at, and only one clock.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from heddle.debug.addresses import ADMIN, STATUS
from heddle.page.certificates import Certificate, certificates
from webhook import raw

Json = Mapping[str, object]


class Asked(Protocol):
    """A control plane. Raises `Unreached`."""

    async def json(self, path: str, query: Mapping[str, str] | None = None) -> object:
        """What it answers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisMachine:
    """One look at a mesh: how far each proxy is, the versions of the Envoys that run, each with how
    many have it, and the certificates that proxies show and trust, each with the proxy's name.
    """

    statuses: Sequence[Json]
    versions: Mapping[str, int]
    certificates: Sequence[tuple[str, Certificate]]


async def look_around(plane: Asked, now: datetime) -> ThisMachine:
    """Ask for all of it, once. Raises `Unreached`."""
    statuses = raw.objects(await plane.json(STATUS))
    versions = Counter[str]()
    found: list[tuple[str, Certificate]] = []
    for each in statuses:
        if each.get("connected") is True:
            proxy = raw.text(each.get("proxy"))
            query = {"proxyID": proxy}
            versions[_version(await plane.json(f"{ADMIN}/server_info", query))] += 1
            said = await plane.json(f"{ADMIN}/certs", query)
            found += ((proxy, one) for one in certificates(said, now.timestamp()))
    return ThisMachine(statuses=statuses, versions=versions, certificates=found)


def _version(said: object) -> str:
    """Envoy says COMMIT/VERSION/STATE/BUILD/SSL."""
    told = raw.text(raw.mapping(said).get("version"))
    return told.split("/")[1] if "/" in told else told
