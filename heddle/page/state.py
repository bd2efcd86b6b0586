"""Reads what the control plane knows now, and makes of it what the views show."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from analysis.message import Message
from crds.meta import Key
from crds.problem import Problem, printable
from heddle.conditions import Facts
from heddle.control_plane import ControlPlane
from heddle.debug.guard import Caller
from heddle.edits import GROUPS
from heddle.explained.situation import Situation
from heddle.identity import Held
from heddle.page.ages import Now
from heddle.page.certificates import Certificate, certificates
from heddle.page.config import ConfigView, Known, ObjectView, config_view, entry
from heddle.page.explain import Asked, explained
from heddle.page.findings import Findings
from heddle.page.following import Following
from heddle.page.fragments import fragments
from heddle.page.graph import GraphView, graph_view
from heddle.page.proxy import ProxyView, ResourceView, proxy_view, resource_view
from heddle.page.sync import SyncView, connected, sync_view
from heddle.proxies.admin import ToAdmin
from heddle.proxies.comparison import Compared, compared
from heddle.proxies.config_dump import config_dump
from heddle.proxies.dumps import OutOfReach, ProxyDumps
from mesh.proxy import Proxy
from sources.errors import ApiError
from xds.status import Clients


class PageState:
    """What there is to show. Belongs to the control plane's event loop."""

    def __init__(
        self,
        plane: ControlPlane,
        clients: Clients,
        *,
        wall: Callable[[], float],
        steady: Callable[[], float],
        to_admin: ToAdmin | None = None,
    ) -> None:
        """`clients` are those of the server of `plane`; `wall` gives unix seconds, `steady` the
        event loop's; `to_admin` leads to the admin ports of proxies, if they are in reach.
        """
        self._plane = plane
        self._clients = clients
        self._wall = wall
        self._steady = steady
        self._dumps = ProxyDumps(plane, clients, to_admin)
        self._findings = Findings(plane, lambda: self._following.edits)

    @cached_property
    def _following(self) -> Following:
        """Since the first look: a control plane at which nobody looks pays nothing for it."""
        return Following(self._plane, self._clients, self._steady)

    @property
    def revision(self) -> tuple[int, int]:
        """Another one whenever what is shown may differ."""
        return self._following.edits, self._clients.revision

    def sync(self, namespace: str, wanted: str, only: str) -> SyncView:
        """Every proxy, or those of a namespace."""
        engine = self._plane.engine
        return sync_view(
            (each for each in engine.proxies() if namespace in ("", each.namespace)),
            connected(self._clients.snapshot()),
            self._plane.generation,
            Now(wall=self._wall(), steady=self._steady()),
            wanted=wanted,
            only=only,
        )

    async def config(self, namespace: str, wanted: str, only: str) -> ConfigView:
        """Every mesh object, or those of a namespace."""
        messages = await self._findings.messages()
        self._following.look()
        by_key: dict[Key, list[Problem]] = {}
        for each in self._plane.problems():
            if each.object is not None:
                by_key.setdefault(each.object, []).append(each)
        keys = (key for key in self._keys() if namespace in ("", key.namespace))
        return config_view(
            [self._known(key, by_key.get(key, ())) for key in keys],
            (each for each in messages if not namespace or _is_of(each, namespace)),
            wanted=wanted,
            only=only,
        )

    async def explain(self, asked: Asked) -> tuple[Asked, Mapping[str, object] | None]:
        """What becomes of a call."""
        engine = self._plane.engine
        now = Situation(
            mesh=engine.mesh, proxies=tuple(engine.proxies()), origin=self._plane.origin
        )
        return await asyncio.to_thread(explained, now, asked)

    async def graph(self, namespace: str, wanted: str) -> GraphView:
        """Services, and who may call them."""
        engine = self._plane.engine
        proxies = [each for each in engine.proxies() if namespace in ("", each.namespace)]
        return await asyncio.to_thread(
            graph_view, engine.mesh, proxies, namespace=namespace, wanted=wanted
        )

    def proxies(self, namespace: str) -> Sequence[str]:
        """The proxies to choose from, as `pod.namespace`."""
        every = self._plane.engine.proxies()
        return [f"{p.name}.{p.namespace}" for p in every if namespace in ("", p.namespace)]

    async def proxy(self, namespace: str, pod: str, caller: Caller) -> ProxyView | None:
        """One proxy, asked itself in the name of who looks; nothing if there is none."""
        found = self._plane.engine.proxy(namespace, pod)
        if found is None:
            return None
        compared, silence = await self._compared(namespace, pod, caller)
        shown: Sequence[Certificate] = ()
        if not silence:
            with suppress(ApiError, OSError):
                said = await self._dumps.live(namespace, pod, "certs", caller.authorization)
                shown = certificates(said, self._wall())
        return proxy_view(
            namespace=namespace,
            name=pod,
            is_gateway=found[1].is_gateway,
            compared=compared,
            silence=silence,
            certificates=shown,
        )

    async def resource(
        self, namespace: str, pod: str, kind: str, name: str, caller: Caller
    ) -> ResourceView | None:
        """One resource of a proxy; nothing if there is none."""
        if not self._dumps.is_known(namespace, pod):
            return None
        compared, _ = await self._compared(namespace, pod, caller)
        return resource_view(f"{pod}.{namespace}", compared, kind, name)

    async def _compared(
        self, namespace: str, pod: str, caller: Caller
    ) -> tuple[Sequence[Compared], str]:
        """All resources, and why the proxy could not be asked itself, if it could not."""
        wanted = await self._dumps.wanted(namespace, pod)
        live, silence = None, ""
        try:
            live = await self._dumps.live(namespace, pod, "config_dump", caller.authorization)
        except (ApiError, OSError, OutOfReach) as error:
            silence = printable(str(error))
        return await asyncio.to_thread(lambda: compared(config_dump(wanted), live)), silence

    async def object(self, key: Key, namespace: str) -> ObjectView | None:
        """One mesh object, and what it is on the proxies of a namespace or of all; nothing if it is
        not there.
        """
        messages = await self._findings.messages()
        if key not in self._keys() or namespace not in ("", key.namespace):
            return None
        self._following.look()
        engine = self._plane.engine
        held = self._held(namespace)
        found, more = fragments(key, engine.mesh, self._plane.publisher, held)
        known = self._known(key, [each for each in self._plane.problems() if each.object == key])
        said = (each for each in messages if each.object == key)
        return ObjectView(entry=entry(known, said), fragments=found, more=more)

    def _keys(self) -> Collection[Key]:
        """The mesh objects that there are, also those of which no version can be used."""
        every = {*self._plane.everything(), *self._plane.refused}
        return {key for key in every if key.group in GROUPS}

    def _known(self, key: Key, problems: Sequence[Problem]) -> Known:
        made = self._plane.object(key)
        return Known(
            key=key,
            facts=Facts(
                generation=made.meta.generation if made else 0,
                problems=problems,
                refused=key in self._plane.refused,
                standing=self._following.standing(key),
            ),
            origin=self._plane.origin(key),
        )

    def _held(self, namespace: str) -> Iterator[tuple[Held, Proxy]]:
        for client in self._clients:
            if isinstance(client.key, Held) and namespace in ("", client.key.pod[0]):
                found = self._plane.engine.proxy(*client.key.pod)
                if found is not None:
                    yield client.key, found[1]


def _is_of(message: Message, namespace: str) -> bool:
    return message.object is not None and message.object.namespace == namespace
