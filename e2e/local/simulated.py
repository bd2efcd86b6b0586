"""Proxies that are no Envoys: they come, go and misbehave, beside those that serve requests.

They are pods of their own, which only the control plane knows of.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from copy import deepcopy
from itertools import cycle, islice

import grpc

from crds.decode import identify
from crds.meta import Key
from heddle.injection import AUDIENCE, SERVER_NAME
from heddle.local_mesh import LocalMesh
from sources.events import Applied, Deleted
from tests.fakes.envoy import FakeEnvoy, Request, Response
from tests.features.plane import node_id
from tests.features.stream import Stream, connected

ENDS = (TimeoutError, AssertionError, grpc.aio.AioRpcError, asyncio.InvalidStateError)
"""How streams end: by themselves, or because the server ended them."""
PAUSE = 0.05
LIVES = (0.1, 0.7, 2.3, 5.9)
"""How long streams last, in seconds, one after the other."""


class Forgetful(FakeEnvoy):
    """Comes back with nothing each time."""

    def connect(self) -> list[Request]:
        """The first request of one that has just started."""
        for held in self.held.values():
            held.clear()
        self._began = set()
        self._asked = {}
        return super().connect()


class Mute(Forgetful):
    """Takes everything and never says that it did."""

    def take(self, response: Response) -> list[Request]:
        """Nothing is answered."""
        super().take(response)
        return []


class Grumbler(FakeEnvoy):
    """Rejects everything."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.reject = "no"


KINDS = (FakeEnvoy, Forgetful, Mute, Grumbler)


class Crowd:
    """Simulated proxies, as long as they are wanted."""

    def __init__(self, mesh: LocalMesh) -> None:
        self._mesh = mesh
        self._keys: list[Key] = []
        self._group: asyncio.Task[None] | None = None
        self.streams = 0
        """How many streams they have opened."""

    def start(self, count: int, group: asyncio.TaskGroup) -> None:
        """So many come."""
        pods = self._mesh.pods()
        like = next(pods[name].raw for name in sorted(pods) if "/client" in name)
        made = [_pod(like, number) for number in range(count)]
        self._keys = [key for raw in made if (key := identify(raw).key) is not None]
        self._mesh.plane.apply(Applied(key, raw) for key, raw in zip(self._keys, made, strict=True))
        self._group = group.create_task(self._run(count))

    async def stop(self) -> None:
        """All of them go for good."""
        if self._group is not None:
            self._group.cancel()
            await asyncio.wait([self._group])
        self._mesh.plane.apply(Deleted(key) for key in self._keys)
        self._keys, self._group = [], None

    async def _run(self, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._live(number))

    async def _live(self, number: int) -> None:
        envoy = KINDS[number % len(KINDS)](node_id("e2e", _name(number)))
        for seconds in islice(cycle(LIVES), number % len(LIVES), None):
            with suppress(*ENDS):
                async with asyncio.timeout(seconds), self._connected(number, envoy) as stream:
                    self.streams += 1
                    envoy.pushes.clear()
                    await stream.until(lambda: False)
            await asyncio.sleep(PAUSE)

    def _connected(self, number: int, envoy: FakeEnvoy) -> AbstractAsyncContextManager[Stream]:
        token = self._mesh.issuer.issue(
            namespace="e2e",
            service_account="default",
            pod=_name(number),
            uid=_uid(number),
            audience=AUDIENCE,
            now=time.time(),  # noqa: TID251 - as a kubelet would ask for it
            ttl=3600,
        )
        metadata = [("authorization", f"Bearer {token.reveal().decode()}")]
        mesh = self._mesh
        return connected(mesh.address, mesh.root_pem, SERVER_NAME, metadata, envoy)


def _name(number: int) -> str:
    return f"simulated-{number}"


def _uid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def _pod(like: Mapping[str, object], number: int) -> Mapping[str, object]:
    made = deepcopy(dict(like))
    metadata, status = made["metadata"], made["status"]
    assert isinstance(metadata, dict)
    assert isinstance(status, dict)
    metadata |= {
        "name": _name(number),
        "uid": _uid(number),
        "labels": {"app": f"simulated-{number % 3}"},
    }
    address = f"127.250.0.{number + 1}"
    status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return made
