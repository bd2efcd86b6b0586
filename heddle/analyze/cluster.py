"""A cluster as it is now, for a command that looks at it once."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import random  # noqa: TID251 - the composition root hands chance in

from analysis.checks.injectors import KIND as INJECTOR
from crds.meta import Key
from heddle.cluster_feed import KubernetesSource
from heddle.discovery import Discovery
from sources.cluster import Cluster, ClusterSettings
from sources.errors import ApiError, SourceError
from sources.events import Applied, Event, Synced
from sources.reflector import PAGE_ITEMS, Api
from sources.resource import MUTATING_WEBHOOKS
from webhook import raw

_ACCOUNTS = "/api/v1/serviceaccounts"
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a cluster holds; `unknown` are kinds of which not all could be read."""

    events: Sequence[Event] = ()
    unknown: frozenset[str] = frozenset()


async def read_cluster(source: KubernetesSource, context: str | None, patience: float) -> Held:
    """All that a control plane of the revision would read, the accounts and the injectors, within
    so many seconds. `context` is one of the kubeconfig's. Raises `SourceError` if that cannot be
    read.
    """
    # Here, and not above: it takes a second to import, which nobody else is to wait for.
    from sources.kubernetes import kubernetes_api

    async with kubernetes_api(source.kubeconfig, context) as api:
        return await held(api, source, patience=patience)


async def held(
    api: Api,
    source: KubernetesSource,
    clock: Callable[[], float] = time.monotonic,
    *,
    patience: float,
) -> Held:
    """The same, of an API server."""
    await api.get("/api/v1")  # a control plane would wait for one that is not there
    try:
        async with asyncio.timeout(patience):
            events = await _read(api, source, clock)
            accounts = await _listed(api, _ACCOUNTS)
            injectors = await _listed(api, MUTATING_WEBHOOKS.collection())
    except TimeoutError as late:
        message = f"the cluster could not be read within {patience:.0f} seconds"
        raise SourceError(f"{message}: may this account list what is read of it?") from late
    unknown = frozenset({"ServiceAccount"} if accounts is None else ())
    more = (*map(_account, accounts or ()), *map(_injector, injectors or ()))
    return Held(events=(*events, *more), unknown=unknown)


async def _read(api: Api, source: KubernetesSource, clock: Callable[[], float]) -> list[Event]:
    cluster = Cluster(
        api,
        ClusterSettings(config=source.config, revision=source.revision),
        Discovery(source.namespace),
        clock=clock,
        chance=random,
    )
    events: list[Event] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cluster.run())
        async for batch in cluster.batches():
            events += batch
            if any(isinstance(event, Synced) for event in batch):
                break
        running.cancel()
    return events


async def _listed(api: Api, path: str) -> Sequence[Mapping[str, object]] | None:
    """All objects of a kind that a control plane does not read; None if we may not."""
    found: list[Mapping[str, object]] = []
    more = ""
    while True:
        try:
            page = await api.page(path, {}, more=more, limit=PAGE_ITEMS)
        except ApiError as error:
            if error.status == _FORBIDDEN:
                return None
            raise
        found += page.items
        more = page.more
        if not more:
            return found


def _account(item: Mapping[str, object]) -> Applied:
    meta = raw.metadata(item)
    named = {"name": raw.text(meta.get("name")), "namespace": raw.text(meta.get("namespace"))}
    key = Key("", "ServiceAccount", named["namespace"], named["name"])
    return Applied(key, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named})


def _injector(item: Mapping[str, object]) -> Applied:
    named = {"name": raw.text(raw.metadata(item).get("name"))}
    group = MUTATING_WEBHOOKS.group
    kept = {"apiVersion": f"{group}/v1", "kind": INJECTOR, "metadata": named}
    return Applied(
        Key(group, INJECTOR, "", named["name"]), {**kept, "webhooks": item.get("webhooks")}
    )
