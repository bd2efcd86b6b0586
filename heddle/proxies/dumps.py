"""What one proxy holds by its own account, what it is to hold, and what it has accepted."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from heddle.control_plane import ControlPlane
from heddle.proxies.admin import ToAdmin, read_admin
from heddle.proxies.exchange import Answer
from heddle.proxies.redaction import redacted
from heddle.proxies.wanted import Wanted, client_of, of_client, steps_of_newcomer
from heddle.proxies.written import Facts
from mesh.inbound import services_by_port
from mesh.source import Source
from xds.status import Clients


class OutOfReach(Exception):
    """There is no way from here to the proxies."""


class ProxyDumps:
    """Asks the control plane, or the proxy itself. Belongs to the event loop of the former."""

    def __init__(self, plane: ControlPlane, clients: Clients, to_admin: ToAdmin | None) -> None:
        """`clients` are those of the server of `plane`. Without `to_admin` there is no way to live
        proxies.
        """
        self._plane = plane
        self._clients = clients
        self._to_admin = to_admin

    def is_known(self, namespace: str, pod: str) -> bool:
        """Whether there is such a pod, with a proxy."""
        return self._plane.engine.proxy(namespace, pod) is not None

    async def wanted(self, namespace: str, pod: str) -> Sequence[Wanted]:
        """What it is to hold; nothing if it has gone."""
        client = client_of(self._clients, namespace, pod)
        if client is not None:
            return tuple(of_client(client))
        found = self._plane.engine.proxy(namespace, pod)
        if found is None:
            return ()
        made: Sequence[Wanted] = ()
        for step in steps_of_newcomer(self._plane.engine, self._plane.publisher, found[1]):
            made = step
            await asyncio.sleep(0)
        return made

    def facts(self, namespace: str, pod: str) -> Facts:
        """Where the objects are written that its configuration comes from."""
        found, mesh = self._plane.engine.proxy(namespace, pod), self._plane.engine.mesh
        services = services_by_port(mesh, found[1]) if found is not None else {}
        return Facts(place=self._place, services=services)

    def _place(self, source: Source) -> Mapping[str, object]:
        known, origin = self._plane.object(source.object), self._plane.origin(source.object)
        place = origin.of(source.path) if origin is not None else None
        generation = known.meta.generation if known is not None else 0
        return {
            **({"generation": generation} if generation else {}),
            **({"file": place.file, "line": place.line} if place is not None else {}),
        }

    async def admin(
        self,
        namespace: str,
        pod: str,
        page: str,
        query: Mapping[str, str],
        authorization: str | None,
    ) -> Answer:
        """A page of its admin port, with all that is secret still in it. `authorization` is what
        the caller shows the API server. Raises `OutOfReach`, `NotReadable`, `ApiError`, `OSError`.
        """
        if self._to_admin is None:
            raise OutOfReach("the pods are not in reach of this control plane")
        async with self._to_admin(namespace, pod, authorization) as connected:
            return await read_admin(connected, page, query)

    async def live(
        self, namespace: str, pod: str, page: str, authorization: str | None
    ) -> Mapping[str, object]:
        """A page of its admin port in JSON, its `config_dump` with endpoints, without what is
        secret. Raises as `admin` does.
        """
        query = {"include_eds": ""} if page == "config_dump" else {}
        answer = await self.admin(namespace, pod, page, query, authorization)
        try:
            found = await asyncio.to_thread(lambda: redacted(json.loads(answer.body)))
        except (ValueError, RecursionError) as error:
            raise OSError(f"its /{page} is no JSON") from error
        if answer.status != _OK or not isinstance(found, dict):
            raise OSError(f"its /{page} answers {answer.status}")
        return found


_OK = 200
