"""The replicas of a control plane. Each knows how far the proxies are that are connected to it, and
of all others only what they are to hold.
"""

from collections.abc import Mapping, Sequence

from heddle.cli.reached import Reached
from heddle.debug.addresses import STATUS
from webhook import raw

Json = Mapping[str, object]


async def statuses(plane: Reached, namespace: str) -> Sequence[Json]:
    """How far each proxy is, of a namespace or (`""`) of all, by the replica that it is connected
    to, which `replica` names if there are several. Raises `Unreached`.
    """
    if not plane.replicas:
        return await _statuses(plane, namespace)
    found: dict[str, Json] = {}
    for replica in (plane, *plane.replicas):
        for each in await _statuses(replica, namespace):
            name = raw.text(each.get("proxy"))
            connected = each.get("connected") is True
            if name not in found or connected:
                found[name] = {**each, "replica": replica.name if connected else ""}
    return [found[name] for name in sorted(found)]


async def holder(plane: Reached, proxy_id: str, namespace: str) -> Reached:
    """The replica that a proxy is connected to: it knows what that has accepted. Any, if there is
    none. Raises `Unreached`.
    """
    for replica in plane.replicas:
        for each in await _statuses(replica, namespace):
            if each.get("proxy") == proxy_id and each.get("connected") is True:
                return replica
    return plane


async def _statuses(replica: Reached, namespace: str) -> Sequence[Json]:
    query = {"namespace": namespace} if namespace else None
    return raw.objects(await replica.json(STATUS, query))
