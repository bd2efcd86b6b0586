"""The pages over HTTP: who gets them, what stands on them, and that they tell of news."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_connection, socket

import aiohttp
import pytest
from aiohttp import web

from heddle.page.rendering import HEADERS
from heddle.proxies.admin import ToAdmin
from tests.explain.egress import EGRESS, PLAIN, way
from tests.features.plane import Plane
from tests.page.conftest import MESH, MISSPELT
from tests.page.site import Site, showing

PAGES = ("/sync", "/config", "/proxy", "/explain", "/graph")
OBJECT = "/config/object?group=networking.istio.io&kind=VirtualService&of=shop&name=reviews"


@pytest.mark.parametrize("path", [*PAGES, OBJECT, "/proxy?proxyID=reviews-1.shop", "/events"])
async def test_nobody_gets_a_page_without_a_token(site: Site, path: str) -> None:
    async with site.session.get(site.base + path) as answer:
        assert answer.status == 401
        assert "reviews" not in await answer.text()


@pytest.mark.parametrize("path", [*PAGES, OBJECT])
async def test_a_page_is_sent_with_a_strict_policy(site: Site, path: str) -> None:
    answer, text = await site.get(path)
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "no-store"
    assert text.startswith("<!doctype html>")


async def test_a_browser_gets_in_once_by_an_address_and_then_by_a_cookie(site: Site) -> None:
    address = await site.login()
    jar = aiohttp.CookieJar(unsafe=True)  # it would else keep none of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as browser, browser.get(address) as answer:
        assert str(answer.url) == f"{site.base}/sync"
        assert "reviews" in await answer.text()
    async with site.session.get(address) as again:
        assert again.status == 403


async def test_every_file_that_a_page_names_is_there(site: Site) -> None:
    _, text = await site.get("/sync")
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(named) >= 5
    for path in named:
        async with site.session.get(site.base + path) as answer:
            assert answer.status == 200
            tag = answer.headers["ETag"]
        async with site.session.get(site.base + path, headers={"If-None-Match": tag}) as again:
            assert again.status == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2frouting.py", "licences", "%2e%2e%2fsync.py"])
async def test_no_other_file_is_served(site: Site, name: str) -> None:
    async with site.session.get(f"{site.base}/static/{name}") as answer:
        assert answer.status == 404


async def test_sync_shows_who_is_connected_and_how_far(plane: Plane, site: Site) -> None:
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        _, text = await site.get("/sync")
        assert "2 proxies" in text
        assert "1 disconnected" in text
        assert "SYNCED" in text
        _, text = await site.get("/sync?state=disconnected")
        assert "shop/reviews-" in text
        assert "shop/web-" not in text


async def test_the_list_alone_is_what_htmx_gets(site: Site) -> None:
    _, text = await site.get("/sync?q=web", HX_Request="true")
    assert "<html" not in text
    assert "shop/web-" in text
    assert "shop/reviews-" not in text
    assert 'id="summary"' in text
    _, text = await site.get("/sync?q=web", HX_Request="true", HX_History_Restore_Request="true")
    assert "<html" in text


async def test_a_namespace_shows_nothing_of_another(site: Site) -> None:
    for path in set(PAGES) - {"/explain"}:  # which is for who may see all
        _, text = await site.get(f"{path}?namespace=other")
        assert "reviews" not in text
        _, text = await site.get(f"{path}?namespace=shop")
        assert "reviews" in text
    answer, text = await site.get(f"{OBJECT}&namespace=other")
    assert answer.status == 404
    assert "reviews" not in text


async def test_config_shows_a_mistake_with_its_field(plane: Plane, site: Site) -> None:
    _, text = await site.get("/config")
    assert "2 objects: 2 ok." in text
    plane.apply(*MESH, MISSPELT)
    _, text = await site.get("/config")
    assert "2 objects: 1 error, 1 ok." in text
    for said in ("IST0101", "spec.http[0].route[0].destination.subset", "v9"):
        assert said in text


async def test_an_object_that_cannot_be_read_is_listed(plane: Plane, site: Site) -> None:
    plane.apply(*MESH, MISSPELT.replace("hosts: [reviews]", "hosts: 7"))
    _, text = await site.get("/config?state=error")
    assert "VirtualService" in text
    assert "Invalid" in text


async def test_an_object_shows_what_it_turned_into(plane: Plane, site: Site) -> None:
    _, text = await site.get(OBJECT)
    assert "No connected proxy holds anything" in text
    async with plane.of("shop/web") as stream:
        await stream.synced()
        _, text = await site.get(OBJECT)
    assert "80/reviews.shop.svc.cluster.local:80" in text
    assert "outbound|80|v1|reviews.shop.svc.cluster.local" in text
    assert "web-" in text


@pytest.mark.parametrize("query", ["", "?kind=Secret&of=shop&name=x", "?kind=Pod&of=shop&name=web"])
async def test_there_is_no_page_of_anything_but_a_mesh_object(site: Site, query: str) -> None:
    answer, _ = await site.get(f"/config/object{query}")
    assert answer.status == 404


async def test_a_call_is_explained_step_by_step(plane: Plane, site: Site) -> None:
    """With the object that decided each; what is wrong with it, too."""
    asked = f"/explain?from={named(plane, 'shop/web')}&to=http://reviews/a&headers=x:%20y"
    _, text = await site.get(asked)
    assert 'class="state ok"' in text
    assert "VirtualService shop/reviews" in text
    assert "outbound|80|v1|reviews.shop.svc.cluster.local" in text
    assert 'value="http://reviews/a"' in text
    plane.apply(*MESH, MISSPELT)
    _, text = await site.get(asked)
    assert 'class="state error"' in text
    assert "503" in text


async def test_a_call_is_explained_through_a_gateway(plane: Plane, site: Site) -> None:
    plane.apply(*MESH, EGRESS, PLAIN, way(80))
    _, text = await site.get(f"/explain?from={named(plane, 'shop/web')}&to=http://far.test/a")
    assert '<span class="tag">gateway</span> <code>edge/out-' in text
    assert "by Gateway shop/egress at <code>spec.servers[0]</code>" in text
    assert "then goes to outbound|80||far.test" in text


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ("from=nobody.shop&to=http://reviews", "no pod with a proxy is"),
        ("from={web}&to=ftp://reviews", "says not where to"),
        ("from={web}&to=http://reviews&headers=none", "is no header"),
    ],
)
async def test_what_cannot_be_explained_says_why(
    plane: Plane, site: Site, asked: str, fault: str
) -> None:
    answer, text = await site.get(f"/explain?{asked.format(web=named(plane, 'shop/web'))}")
    assert answer.status == 200
    assert fault in text
    assert 'role="alert"' in text


async def test_half_a_question_is_none(site: Site) -> None:
    _, text = await site.get("/explain?from=web.shop")
    assert 'role="alert"' not in text
    assert 'value="web.shop"' in text


def named(plane: Plane, start: str) -> str:
    """A pod as `pod.namespace`."""
    namespace, _, name = plane.pod(start).partition("/")
    return f"{name}.{namespace}"


async def test_a_proxy_out_of_reach_shows_what_is_known_of_it(plane: Plane, site: Site) -> None:
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        _, text = await site.get(f"/proxy?proxyID={named(plane, 'shop/web')}")
    assert "the pods are not in reach of this control plane" in text
    assert "ACKED" in text
    assert "outbound|80|v1|reviews.shop.svc.cluster.local" in text
    assert "not asked" in text


async def test_a_proxy_is_asked_itself(plane: Plane, tmp_path: Path) -> None:
    """What it says is laid over what it is to hold; nothing secret comes through."""
    cluster = {"name": "PassthroughCluster", "type": "STATIC", "private_key": "a key"}
    held = {"@type": "x.ClustersConfigDump", "dynamic_active_clusters": [{"cluster": cluster}]}
    until = "2999-01-01T00:00:00Z"
    shown = {"serial_number": "2a", "valid_from": until, "expiration_time": until}
    says = {
        "/config_dump": {"configs": [held]},
        "/certs": {"certificates": [{"cert_chain": [shown], "ca_cert": []}]},
    }
    async with admin_port(says) as to_admin, showing(plane, tmp_path, to_admin) as site:
        at = f"proxyID={named(plane, 'shop/web')}"
        _, text = await site.get(f"/proxy?{at}")
        assert "1 differs" in text
        assert "missing" in text
        assert "2a" in text
        _, text = await site.get(f"/proxy/resource?{at}&kind=cluster&name=PassthroughCluster")
        assert "type: ORIGINAL_DST</ins>" in text
        assert "type: STATIC</del>" in text
        assert "a key" not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/proxy?proxyID=other.shop", 404),
        ("/proxy?proxyID=shop", 400),
        ("/proxy/resource", 400),
        ("/proxy/resource?proxyID=other.shop", 404),
    ],
)
async def test_there_is_no_page_of_an_unknown_proxy(site: Site, path: str, status: int) -> None:
    answer, _ = await site.get(path)
    assert answer.status == status


async def test_there_is_no_page_of_a_resource_that_nobody_holds(plane: Plane, site: Site) -> None:
    at = f"/proxy/resource?proxyID={named(plane, 'shop/web')}"
    answer, _ = await site.get(f"{at}&kind=cluster&name=none")
    assert answer.status == 404


@asynccontextmanager
async def admin_port(says: Mapping[str, object]) -> AsyncIterator[ToAdmin]:
    """Something that answers as an admin port would, and the way there."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.json_response(says[request.path])

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    @asynccontextmanager
    async def to_admin(
        namespace: str, pod: str, authorization: str | None
    ) -> AsyncIterator[socket]:
        with create_connection(("127.0.0.1", port)) as connected:
            yield connected

    try:
        yield to_admin
    finally:
        await runner.cleanup()


async def test_no_page_shows_a_key(plane: Plane, site: Site) -> None:
    async with plane.of("shop/web") as stream:
        await stream.synced()
        for path in (*PAGES, OBJECT, f"/proxy?proxyID={named(plane, 'shop/web')}"):
            _, text = await site.get(path)
            assert "PRIVATE KEY" not in text
            assert site.token not in text


async def test_news_are_told_at_once(plane: Plane, site: Site) -> None:
    """Of an edit, and of a proxy that comes; nothing while nothing happens."""
    async with asyncio.timeout(60):
        async with site.session.get(f"{site.base}/events", headers=site.bearer) as answer:
            assert answer.content_type == "text/event-stream"
            assert await answer.content.readline() == b": listening\n"
            plane.apply(*MESH, MISSPELT)
            assert await _next_event(answer) == b"event: changed\n"
            async with plane.of("shop/web") as stream:
                await stream.synced()
                assert await _next_event(answer) == b"event: changed\n"


async def _next_event(answer: aiohttp.ClientResponse) -> bytes:
    async for line in answer.content:
        if line.startswith(b"event:"):
            return line
    raise AssertionError("it ended")
