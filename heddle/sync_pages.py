"""How far each proxy has come, for commands and for tools that were made for Istio.

`/debug/syncz` is Istio's page in the form that Kiali and istioctl read: nonces of the last response
sent and accepted, equal if a proxy has all there is. Ours are generations. Virtual hosts, which
Istio has within routes, count as routes.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from aiohttp import web

from heddle.control_plane import ControlPlane
from heddle.debug.addresses import STATUS
from heddle.debug.guard import Caller
from heddle.debug.pages import json_response
from heddle.debug.registry_page import CLUSTER
from heddle.debug.routes import Access, Route
from heddle.demo.mesh_handle import ProxyState
from heddle.page.ages import Now
from heddle.page.sync import Row, connected, sync_view
from xds.status import Clients, ClientStatus, TypeStatus
from xds.types import CDS, EDS, LDS, RDS, VHDS

SYNCZ: Final = "/debug/syncz"
_TYPES: Final = {
    "cluster": (CDS,),
    "listener": (LDS,),
    "route": (RDS, VHDS),
    "endpoint": (EDS,),
}

Json = Mapping[str, object]


def sync_pages(
    plane: ControlPlane,
    clients: Clients,
    *,
    wall: Callable[[], float],
    steady: Callable[[], float],
) -> Sequence[Route]:
    """Those pages. The clocks are those of `Now`."""

    async def status(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        namespace = request.query.get("namespace", "")
        view = sync_view(
            (each for each in plane.engine.proxies() if namespace in ("", each.namespace)),
            connected(clients.snapshot()),
            plane.generation,
            Now(wall=wall(), steady=steady()),
        )
        return json_response([row_as_dict(row) for row in view.rows])

    async def syncz(request: web.Request, caller: Caller | None) -> web.Response:
        del caller
        namespace = request.query.get("namespace", "")
        found = connected(clients.snapshot())
        return json_response(
            [
                sync_status(pod, client)
                for pod, client in sorted(found.items())
                if pod.startswith(f"{namespace}/" if namespace else "")
            ]
        )

    return (
        Route(path=STATUS, answer=status),
        Route(path=SYNCZ, answer=syncz, access=Access.NEIGHBOUR),
    )


def row_as_dict(row: Row) -> Json:
    """A proxy for commands."""
    return {
        "proxy": row.proxy_id,
        "state": row.overall.value,
        "connected": row.overall is not ProxyState.DISCONNECTED,
        "age": row.age,
        "acknowledged": row.acknowledged,
        "types": {each.column.lower(): each.state.replace(" ", "_") for each in row.cells},
        "ages": {each.column.lower(): each.age for each in row.cells if each.age},
        "generations": {
            each.column.lower(): {"sent": each.sent, "acked": each.acked} for each in row.cells
        },
        "rejected": [
            {
                "type": each.column.lower(),
                "resource": each.resource,
                "reason": each.words,
                "age": each.age,
                "everyone": each.everyone,
            }
            for each in row.rejections
            if not each.mended
        ],
    }


def sync_status(pod: str, client: ClientStatus) -> Json:
    """A proxy in the form of Istio's page; `pod` is namespace/name."""
    namespace, _, name = pod.partition("/")
    shown: dict[str, object] = {
        "cluster_id": CLUSTER,
        "proxy": f"{name}.{namespace}",
        "istio_version": version("heddle"),
    }
    for kind, type_urls in _TYPES.items():
        listed = [client.types[url] for url in type_urls if url in client.types]
        sent, acked = nonces(listed)
        shown |= {f"{kind}_sent": sent, f"{kind}_acked": acked}
    return shown


def nonces(types: Sequence[TypeStatus]) -> tuple[str, str]:
    """What was sent and accepted of a kind: equal if all of it is settled; empty if it was not
    sent.
    """
    sent = max((each.sent for each in types), default=-1)
    if sent < 0:
        return "", ""
    if all(each.settled for each in types):
        return str(sent), str(sent)
    acked = min(each.acked for each in types)
    # More may be owed than was sent: then what was sent is accepted, and is not all.
    return (str(sent), str(acked)) if acked < sent else (f"{sent}+", str(acked))
