"""A stand-in for the kubelet: a Node of the cluster whose pods run in network namespaces.

What a kubelet does that a mesh depends on: pods get an address, projected tokens that the API
server has bound to them, ConfigMaps and Secrets as soon as they are there, probes, their native
sidecars in order, `preStop` and time to end; and the API server hears how they are.
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from itertools import count

from e2e.kube.reported import reported
from e2e.kube.services import rules
from e2e.kube.tokens import PodTokens
from e2e.kube.watched import Raw, Watched, key
from heddle.local.commands import run
from heddle.local.errors import CannotRun
from heddle.local.names import Names, names, with_other_names
from heddle.local.pods import InjectedPod, PodStatus
from heddle.local.runner import Runner
from heddle.local.volumes import TokenFile, volumes
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi
from webhook import raw

NAME = "stand-in"
_FIRST_ADDRESS = 256
_ENDED = ("Succeeded", "Failed")
_PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class _Held:
    """What the node remembers of a pod: `token_files` once they are here."""

    address: str
    token_files: Sequence[TokenFile] | None = None
    told: Raw = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Node:
    """`clock` gives seconds since the epoch."""

    def __init__(
        self,
        api: KubernetesApi,
        runner: Runner,
        tokens: PodTokens,
        *,
        gateway: IPv4Interface,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._runner = runner
        self._tokens = tokens
        self._gateway = gateway
        self._clock = clock
        self._news = asyncio.Event()
        self._addresses = count(_FIRST_ADDRESS)
        self._held: dict[str, _Held] = {}
        mine = {"fieldSelector": f"spec.nodeName={NAME}"}
        self._pods = Watched("/api/v1/pods", "Pod", self._tell, mine)
        self._config_maps = Watched("/api/v1/configmaps", "ConfigMap", self._tell)
        self._secrets = Watched("/api/v1/secrets", "Secret", self._tell)
        self._services = Watched("/api/v1/services", "Service", self._tell)
        path = "/apis/discovery.k8s.io/v1/endpointslices"
        self._slices = Watched(path, "EndpointSlice", self._tell)

    def work(self) -> Sequence[Coroutine[None, None, None]]:
        """What has to go on."""
        watched = (self._pods, self._config_maps, self._secrets, self._services, self._slices)
        return (
            *(each.follow(self._api) for each in watched),
            self._keep_pods(),
            self._keep_services(),
            self._hear(),
        )

    @property
    def address(self) -> str:
        """The node's own."""
        return str(self._gateway.ip)

    def pods(self) -> Mapping[str, Raw]:
        """The node's pods as the API server has them, by `namespace/name`."""
        return self._pods.objects

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _hear(self) -> None:
        async for _ in self._runner.events():
            self._tell()

    async def _keep_pods(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                news = self._news
                if self._config_maps.listed and self._secrets.listed:
                    wanted = dict(self._wanted(group))
                    await self._runner.reconcile(wanted, self._names(), b"")
                    await self._report()
                await news.wait()

    def _wanted(self, group: asyncio.TaskGroup) -> Iterator[tuple[str, InjectedPod]]:
        """The pods that can run now."""
        for name, pod in sorted(self._pods.objects.items()):
            if raw.mapping(pod.get("status")).get("phase") in _ENDED or _goes(pod):
                continue
            held = self._hold(pod)
            given = self._injected(pod, held.address)
            try:
                found = volumes(given.raw, given.facts, given.config_maps, given.secrets)
            except CannotRun:
                continue  # until what it mounts is there
            files = [file for volume in found.values() for file in volume.tokens]
            if not held.tasks:
                held.tasks.append(group.create_task(self._fetch(given, held, files)))
            if held.token_files is not None:
                yield name, given

    def _hold(self, pod: Raw) -> _Held:
        uid = raw.text(raw.metadata(pod).get("uid"))
        if uid not in self._held:
            address = str(self._gateway.network[next(self._addresses)])
            self._held[uid] = _Held(address)
        return self._held[uid]

    def _injected(self, pod: Raw, address: str) -> InjectedPod:
        namespace = f"{raw.text(raw.metadata(pod).get('namespace'))}/"
        return InjectedPod(
            raw={**pod, "status": {**raw.mapping(pod.get("status")), "podIP": address}},
            config_maps={
                name.removeprefix(namespace): raw.strings(found.get("data"))
                for name, found in self._config_maps.objects.items()
                if name.startswith(namespace)
            },
            secrets={
                name.removeprefix(namespace): {
                    each: base64.b64decode(text)
                    for each, text in raw.strings(found.get("data")).items()
                }
                for name, found in self._secrets.objects.items()
                if name.startswith(namespace)
            },
        )

    async def _fetch(self, pod: InjectedPod, held: _Held, files: Sequence[TokenFile]) -> None:
        while held.token_files is None:
            try:
                await self._tokens.fetch(self._api, pod.facts, files)
                held.token_files = files
            except ApiError:
                await asyncio.sleep(_PAUSE_SECONDS)
        self._tell()
        await self._tokens.keep_fresh(self._api, pod.facts, files)

    def _names(self) -> Names:
        services = self._services.objects.values()
        return with_other_names(names((*services, *self._slices.objects.values())), services)

    async def _report(self) -> None:
        """Says how pods are that have changed, and lets those go that have ended."""
        statuses = self._runner.statuses()
        for name, pod in sorted(self._pods.objects.items()):
            with suppress(ApiError):  # it comes again, with the next news
                if name in statuses:
                    await self._say(pod, statuses[name])
                elif _goes(pod):
                    await self._let_go(pod)

    async def _say(self, pod: Raw, status: PodStatus) -> None:
        held, uid = self._hold(pod), raw.text(raw.metadata(pod).get("uid"))
        said = reported(pod, status, address=held.address, host=self.address, now=self._clock())
        if {**said, "startTime": ""} == {**held.told, "startTime": ""}:
            return
        body = {"metadata": {"uid": uid}, "status": said}
        await self._api.patch(f"{_path(pod)}/status", body)
        held.told = said

    async def _let_go(self, pod: Raw) -> None:
        uid = raw.text(raw.metadata(pod).get("uid"))
        if held := self._held.pop(uid, None):
            for task in held.tasks:
                task.cancel()
            self._tokens.forget(uid)
        await self._api.delete(_path(pod), uid=uid, grace=0)

    async def _keep_services(self) -> None:
        """Has addresses of Services lead to pods, whatever changes meanwhile."""
        known = ""
        while True:
            news = self._news
            services = [found for _, found in sorted(self._services.objects.items())]
            slices = [found for _, found in sorted(self._slices.objects.items())]
            if (text := rules(services, slices)) != known:
                await run(("iptables-restore",), text=text)
                known = text
            await news.wait()


def _goes(pod: Raw) -> bool:
    return "deletionTimestamp" in raw.metadata(pod)


def _path(pod: Raw) -> str:
    namespace, _, name = key(pod).partition("/")
    return f"/api/v1/namespaces/{namespace}/pods/{name}"
