"""Who leads, by the real API server: with the Leases and the rights that replicas have."""

import asyncio
import random  # noqa: TID251 - seeded
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from heddle.election import Terms
from heddle.leader import LEASE, Leader
from sources.kubernetes import KubernetesApi
from tests.kube.accounts import Namespace, rule

TERMS = Terms(lease=3.0, renew=2.0, retry=0.4, jitter=0.5)
"""Shorter than in earnest, in the same proportions."""
PATIENCE = 60.0
GROUP = "coordination.k8s.io"
ROLE = (
    rule(GROUP, ["leases"], ["create"]),
    {**rule(GROUP, ["leases"], ["get", "update"]), "resourceNames": [LEASE]},
)


class Replica:
    """One that says when it leads. `cut` ends it as a kill does: it says nothing more."""

    def __init__(self, name: str, namespace: Namespace, api: KubernetesApi) -> None:
        self.name = name
        self.working = asyncio.Event()
        self.cut = False
        self._api = api
        self.leader = Leader(
            self,
            namespace=namespace.name,
            identity=name,
            wall=time.time,  # noqa: TID251 - as it is read by people
            chance=random.Random(1).random,
            terms=TERMS,
        )

    async def run(self) -> None:
        await self.leader.run([self._work])

    async def _work(self) -> None:
        self.working.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.working.clear()

    async def get(self, path: str) -> Mapping[str, object]:
        return await self._api.get(path)

    async def create(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        return await self._api.create(path, body)

    async def replace(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        if self.cut:
            await asyncio.Event().wait()
        return await self._api.replace(path, body)


@asynccontextmanager
async def two(namespace: Namespace) -> AsyncIterator[tuple[Replica, Replica, Callable[[], None]]]:
    """The one that leads, the other, and what ends the first."""
    await namespace.account("heddle")
    await namespace.allow("heddle", *ROLE, everywhere=False)
    async with namespace.client_for("heddle") as api, asyncio.TaskGroup() as group:
        both = [Replica(name, namespace, api) for name in ("a", "b")]
        tasks = [group.create_task(each.run()) for each in both]
        await next_of(*both)
        first = 0 if both[0].working.is_set() else 1

        def end() -> None:
            tasks[first].cancel()

        yield both[first], both[1 - first], end
        for task in tasks:
            task.cancel()


async def next_of(*replicas: Replica) -> None:
    """Waits until one of them leads."""
    async with asyncio.timeout(PATIENCE):
        while not any(each.working.is_set() for each in replicas):  # noqa: ASYNC110 - of several
            await asyncio.sleep(0.02)


async def test_one_leads_with_no_more_than_the_rights_of_the_chart(namespace: Namespace) -> None:
    async with two(namespace) as (first, other, _):
        lease = await namespace.admin.get(
            f"/apis/{GROUP}/v1/namespaces/{namespace.name}/leases/{LEASE}"
        )
        spec = lease["spec"]
        assert isinstance(spec, dict)
        assert spec["holderIdentity"] == first.name
        assert not other.working.is_set()


async def test_who_ends_lets_go_and_the_next_one_leads_at_once(namespace: Namespace) -> None:
    async with two(namespace) as (_, other, end):
        asked = time.monotonic()
        end()
        await next_of(other)
        assert time.monotonic() - asked < TERMS.lease


async def test_the_lease_of_a_killed_one_is_taken_once_it_is_over(namespace: Namespace) -> None:
    async with two(namespace) as (first, other, end):
        first.cut = True
        asked = time.monotonic()
        end()
        await next_of(other)
        assert time.monotonic() - asked >= TERMS.lease - TERMS.renew
