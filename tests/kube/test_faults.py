"""The faults that tests put before the API server, and what one request makes of each."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from sources.errors import ApiError
from sources.kubernetes import KubernetesApi, kubernetes_api
from tests.kube.accounts import Namespace, rule
from tests.kube.faults import (
    Cut,
    End,
    Expire,
    Fault,
    FaultyProxy,
    HangUp,
    Hold,
    Refuse,
    Stall,
    faulty_proxy,
)
from tests.kube.server import ApiServer


@pytest.fixture
async def proxy(server: ApiServer) -> AsyncIterator[FaultyProxy]:
    async with faulty_proxy(server) as made:
        yield made


@pytest.fixture
async def api(proxy: FaultyProxy, namespace: Namespace) -> AsyncIterator[KubernetesApi]:
    config = await namespace.kubeconfig("reader", url=proxy.url)
    everything = rule("", ["configmaps"], ["get", "list", "watch", "create"])
    await namespace.allow("reader", everything, everywhere=False)
    async with kubernetes_api(config) as api:
        yield api


@pytest.fixture
def path(namespace: Namespace) -> str:
    return f"/api/v1/namespaces/{namespace.name}/configmaps"


async def made(api: KubernetesApi, path: str, count: int) -> str:
    """So many ConfigMaps; the version before them."""
    before = (await api.page(path)).resource_version
    for number in range(count):
        name = {"name": f"map-{number}"}
        await api.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})
    return before


async def watched(api: KubernetesApi, path: str, version: str, *, idle: float = 5.0) -> list[str]:
    """The kinds of events until the watch ends, and how it ends."""
    found: list[str] = []
    events = api.watch(path, resource_version=version, seconds=2.0, idle=idle)
    try:
        async with aclosing(events):
            async for event in events:
                found.append(event.type)
    except ApiError as error:
        return [*found, f"error {error.status}"]
    return [*found, "end"]


async def test_without_a_fault_all_is_as_the_server_says(
    api: KubernetesApi, path: str, proxy: FaultyProxy
) -> None:
    before = await made(api, path, 2)
    assert (await watched(api, path, before))[:2] == ["ADDED", "ADDED"]
    assert [each for each in proxy.asked if each.startswith("POST")] == [f"POST {path}"] * 2


@pytest.mark.parametrize(
    ("faults", "status", "after"),
    [
        ([Refuse(429, retry_after=3)], 429, 3.0),
        ([Refuse(410)], 410, None),
        ([HangUp(), HangUp()], None, None),  # aiohttp itself asks a second time, at once
    ],
    ids=["429", "410", "reset"],
)
async def test_a_request_that_is_not_answered(
    api: KubernetesApi,
    path: str,
    proxy: FaultyProxy,
    faults: Sequence[Fault],
    status: int | None,
    after: float | None,
) -> None:
    for each in faults:
        proxy.next(each, path=path)
    with pytest.raises(ApiError) as raised:
        await api.page(path)
    assert (raised.value.status, raised.value.retry_after) == (status, after)
    assert (await api.page(path)).resource_version, "only those requests were meant"


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (Expire(after=1), ["ADDED", "error 410"]),
        (Cut(after=1), ["ADDED", "error None"]),
        (End(after=1), ["ADDED", "end"]),
        (Stall(after=1), ["ADDED", "error None"]),
        (Refuse(410), ["error 410"]),
    ],
    ids=["410 as an event", "half a line", "an early end", "silence", "410 as a status"],
)
async def test_a_watch_that_breaks(
    api: KubernetesApi, path: str, proxy: FaultyProxy, fault: Fault, heard: list[str]
) -> None:
    before = await made(api, path, 3)
    proxy.next(fault, path=path, watch=True)
    assert await watched(api, path, before, idle=0.5) == heard


async def test_a_list_that_is_cut(api: KubernetesApi, path: str, proxy: FaultyProxy) -> None:
    proxy.next(Cut(), path=path)
    with pytest.raises(ApiError):
        await api.page(path)


async def test_a_request_that_is_held_arrives_later(
    api: KubernetesApi, path: str, proxy: FaultyProxy
) -> None:
    proxy.next(Hold(), path=path)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(api.page(path))
        await proxy.until_spent()
        assert not asked.done()
        proxy.let_go()
    assert asked.result().resource_version


async def test_while_it_is_down_nobody_is_answered_and_watches_end(
    api: KubernetesApi, path: str, proxy: FaultyProxy
) -> None:
    before = await made(api, path, 1)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watched(api, path, before))
        await proxy.until_asked(1, "watch=true")
        proxy.down()
        with pytest.raises(ApiError):
            await api.page(path)
        proxy.up()
        assert (await api.page(path)).resource_version
    assert watching.result()[-1] == "error None"
