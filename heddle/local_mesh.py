"""A whole mesh on this machine: folder, control plane and pods in one, for demo and e2e tests."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from socket import socket

from ca.issuer import LocalIssuer
from ca.tokens import TokenVerifier
from crds.problem import Problem
from heddle.control_plane import ControlPlane
from heddle.demo.mesh_handle import LoadPod, ProxyState, ProxyStatus
from heddle.doors import Doors, ways
from heddle.entry_names import entry_names
from heddle.identity import Held, TokenAuthenticator
from heddle.injection import AUDIENCE, SERVER_NAME, inject_settings
from heddle.load_pod import RunningLoad, find_load
from heddle.local.names import Names
from heddle.local.outside import outside_socket
from heddle.local.pods import InjectedPod, Line, Phase
from heddle.local.runner import Runner
from heddle.local_cluster import LocalCluster
from heddle.mesh_authority import MeshAuthority, kept_in
from heddle.not_started import START_SECONDS, NotStarted, laggards
from heddle.place import Place
from heddle.proxy_status import has_answered, proxy_status
from heddle.serve import server_settings, utc_now
from sources.directory import Directory
from sources.events import Event
from xds.publisher import Publisher
from xds.server import Server
from xds.status import Clients, ClientStatus

DEPARTURE_SECONDS = 2.0
"""How long a pod that is not wanted any more runs on, at most, until no proxy sends to it."""


class LocalMesh:
    """The control plane and the pods of one folder; a `MeshHandle`."""

    def __init__(
        self,
        folder: Path,
        place: Place,
        reason: str,
        on_line: Callable[[Line], None],
        *,
        inline_routes: bool = False,
        ca_folder: Path | None = None,
    ) -> None:
        self._folder = folder
        self._place = place
        self._reason = reason
        self._on_line = on_line
        self.issuer = LocalIssuer()
        publisher = Publisher()
        self._authority = MeshAuthority(
            publisher,
            kept_in(ca_folder, utc_now()),
            time.time,  # noqa: TID251 - the composition root hands the clock in
            names=(SERVER_NAME,),
            addresses=(place.gateway.ip,),
        )
        self._authority.trust.follow(self._trust_changed)
        self.plane = ControlPlane(publisher, self._authority.secrets, inline_routes=inline_routes)
        self.clients = Clients()
        self._port = place.port
        self.server = self._made_server()
        self._cluster: LocalCluster | None = None
        self._runner: Runner | None = None
        self._load: RunningLoad | None = None
        self._page: Callable[[], str] = lambda: ""
        self._news = asyncio.Event()
        self._doors = Doors(outside_socket)
        self._ready: frozenset[str] = frozenset()
        self._running: Mapping[str, InjectedPod] = {}
        self._known: Names = {}
        """Those of the Services that the pods were told."""
        self._roots = b""
        """What the pods were told to trust."""

    def _made_server(self) -> Server:
        verifier = TokenVerifier(
            self.issuer.jwks(),
            issuer=self.issuer.issuer,
            audience=AUDIENCE,
            clock=time.time,  # noqa: TID251 - the composition root hands the clock in
        )
        return Server(
            self.plane.publisher,
            authenticate=TokenAuthenticator(verifier),
            resolve=self.plane.resolver,
            wall=time.time,  # noqa: TID251 - the composition root hands the clock in
            settings=server_settings(self.address),
            certificate=self._authority.certificates.current,
            clients=self.clients,
            services=(self._authority.requests(self.plane.pods).service,),
        )

    async def listen(self) -> None:
        """Starts the server; from here on it is known where the proxies find it."""
        self._port = await self.server.start()
        settings = inject_settings(
            host=str(self._place.gateway.ip), port=self._port, mode=self._place.interception
        )
        # Nobody is led to a pod any more when this kubelet begins to end it.
        settings = replace(settings, termination_drain_seconds=0)
        self._cluster = LocalCluster(settings, self._place.subnets, started=False)

    async def _keep_doors(self) -> None:
        """Has Services of type LoadBalancer reached from outside, whatever changes meanwhile."""
        while True:
            news = self._news
            await self._doors.lead(ways(self.plane.objects(), self.plane.engine.mesh))
            await news.wait()

    async def close(self) -> None:
        """Ends all streams and stops listening."""
        await self._doors.close()
        await self.server.stop()

    async def restart_server(self) -> None:
        """What proxies see of a control plane that restarts: their streams end, and they come back
        to a server that knows nothing of them.
        """
        await self.server.stop()
        self.server = self._made_server()
        await self.server.start()

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"{self._place.gateway.ip}:{self._port}"

    @property
    def root_pem(self) -> bytes:
        """What the server's clients trust."""
        return self._authority.roots_pem

    async def _trust_changed(self) -> None:
        self._tell()

    def work(self, runner: Runner) -> Sequence[Coroutine[None, None, None]]:
        """What has to go on while the mesh runs."""
        self._runner = runner
        return (
            self._follow(runner),
            self._keep_pods(runner),
            self._watch_pods(runner),
            self._watch_clients(),
            self._keep_doors(),
            *self._authority.work(self.plane, self.clients),
            self.plane.collect(),
        )

    async def started(self, runner: Runner) -> None:
        """Waits until the folder is read and its pods are ready; raises `LocalError` if that takes
        too long, and says for which pods.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._started(runner)
        except TimeoutError:
            raise NotStarted(laggards(runner, self._running)) from None

    async def _started(self, runner: Runner) -> None:
        while not self.plane.pods.synced or not self._running:
            if self.plane.pods.synced and not self._local.pods():
                return
            await self.news()
        await runner.all_ready()
        while self._ready != runner.ready() or not self._synced(self._ready):
            await self.news()

    async def _follow(self, runner: Runner) -> None:
        async with contextlib.aclosing(Directory(self._folder).events()) as batches:
            async for batch in batches:
                self._take(self._local.apply(batch))

    @property
    def _local(self) -> LocalCluster:
        if self._cluster is None:
            raise RuntimeError("listen() comes first")
        return self._cluster

    def _take(self, events: Sequence[Event]) -> None:
        self.plane.refresh(self.server, self.plane.apply(events))
        self._tell()

    async def _keep_pods(self, runner: Runner) -> None:
        """Has the newest pods run, whatever changes meanwhile."""
        while True:
            news = self._news
            await self._reconcile(runner)
            await news.wait()

    async def _reconcile(self, runner: Runner) -> None:
        """Starts and stops pods; one that goes is sent no more requests before it stops."""
        wanted = self._local.pods()
        going = {name: pod for name, pod in self._running.items() if name not in wanted}
        await self._run(runner, {**going, **wanted})
        if going:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEPARTURE_SECONDS):
                    await self.clients.settled(self.plane.generation)
            await self._run(runner, wanted)

    async def _run(self, runner: Runner, pods: Mapping[str, InjectedPod]) -> None:
        names, roots = self._names(), self.root_pem
        if (pods, names, roots) != (self._running, self._known, self._roots):
            self._running, self._known, self._roots = dict(pods), names, roots
            await runner.reconcile(pods, names, roots)
            self._find_load(pods)
            self._tell()

    def _names(self) -> Names:
        """What names lead to: those of the cluster, and the ServiceEntries' whose addresses the
        proxies serve.
        """
        return self._local.names(entry_names(self.plane.engine.mesh))

    def _find_load(self, pods: Mapping[str, InjectedPod]) -> None:
        place = find_load(pods)
        if place is None or self._runner is None:
            self._load = None
        elif self._load is None or self._load.place != place:
            self._load = RunningLoad(self._runner, *place)

    async def _watch_pods(self, runner: Runner) -> None:
        async for _ in runner.events():
            ready = {name: name in runner.ready() for name in self._local.pods()}
            self._ready = frozenset(name for name in ready if ready[name])
            self._take(self._local.became_ready(ready))

    async def _watch_clients(self) -> None:
        revision = -1
        while True:
            revision = await self.clients.changed(revision)
            self._tell()

    def heard(self, line: Line) -> None:
        """A container wrote a line."""
        self._on_line(line)
        if self._load is not None and line.stream == "stdout":
            self._load.heard(line)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def news(self) -> None:
        """Waits until something may have changed: pods, proxies, configuration, problems."""
        await self._news.wait()

    def complete(self) -> bool:
        """Whether the pods that run are those that shall, they know all names, and the mesh
        knows that they are ready."""
        runner, wanted = self._runner, self._local.pods().keys()
        if runner is None or self._ready != runner.ready():
            return False
        if self._known != self._names():
            return False
        statuses = runner.statuses()
        settled = all(s.ready or s.phase is Phase.FAILED for s in statuses.values())
        return settled and statuses.keys() == wanted == self._running.keys()

    async def write(self, pod: str, container: str, data: bytes) -> None:
        """To the standard input of a container that has `stdin: true`; lost if it does not run."""
        if self._runner is not None:
            await self._runner.write(pod, container, data)

    async def connect(self, pod: str, port: int, seconds: float) -> socket:
        """See `Runner.connect`; `OSError` if no pod runs yet."""
        if self._runner is None:
            raise OSError("no pod runs yet")
        return await self._runner.connect(pod, port, seconds)

    @property
    def mode(self) -> str:
        """`namespaces` or `proxy-port`."""
        return self._place.mode.value

    @property
    def mode_reason(self) -> str:
        """Why it is this mode."""
        return self._reason.removeprefix(f"{self.mode} mode: ")

    @property
    def generation(self) -> int:
        """The newest configuration."""
        return self.plane.generation

    @property
    def urls(self) -> Mapping[str, str]:
        """Where Services of type LoadBalancer are reached on this machine, by URL."""
        return self._doors.urls()

    @property
    def page(self) -> str:
        """The address of the web page, which lets a browser in once."""
        return self._page()

    def shown(self, page: Callable[[], str]) -> None:
        """There is a web page, and `page` gives its address."""
        self._page = page

    @property
    def load(self) -> LoadPod | None:
        """The load generator, if the folder has one."""
        return self._load

    def pods(self) -> Mapping[str, InjectedPod]:
        """The pods that run, by namespace/name."""
        return self._running

    def problems(self) -> Sequence[Problem]:
        """What is wrong with the folder and its pods now."""
        statuses = self._runner.statuses().values() if self._runner else ()
        running = [status.problem for status in statuses if status.problem is not None]
        return (*self.plane.problems(), *running)

    def proxies(self) -> Sequence[ProxyStatus]:
        """Every injected pod's proxy, by pod."""
        clients = self._statuses()
        return [
            proxy_status(
                f"{proxy.namespace}/{proxy.name}", proxy.mode.value, clients, self.generation
            )
            for proxy in self.plane.engine.proxies()
        ]

    def _statuses(self) -> Mapping[str, ClientStatus]:
        """Without those that are to connect again, for other parts."""
        found = {}
        for client in self.clients.snapshot():
            if isinstance(client.key, Held) and self.plane.resolver.still(client.key):
                found["/".join(client.key.pod)] = client
        return found

    async def settled(self, after: int) -> float:
        """Waits until a generation above `after` is acknowledged by every proxy.

        Returns the loop's time at which that was known.
        """
        while self.generation <= after or not self._synced(self._running):
            await self.news()
        return asyncio.get_running_loop().time()

    def _synced(self, pods: Collection[str]) -> bool:
        """Whether the proxies of these pods have answered to the newest configuration: have taken
        it, but for what is kept from them because they rejected it.
        """
        clients, newest = self._statuses(), self.generation
        return all(
            p.state is ProxyState.SYNCED
            or (p.state is ProxyState.REJECTED and has_answered(clients[p.pod], newest))
            for p in self.proxies()
            if p.pod in pods
        )
