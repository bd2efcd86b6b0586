"""The pages over HTTP: who gets them, what stands on them, and that they tell of news."""

import asyncio
import re

import aiohttp
import pytest

from heddle.page.rendering import HEADERS
from tests.features.plane import Plane
from tests.page.conftest import MESH, MISSPELT
from tests.page.site import Site

PAGES = ("/sync", "/config")
OBJECT = "/config/object?group=networking.istio.io&kind=VirtualService&of=shop&name=reviews"


@pytest.mark.parametrize("path", [*PAGES, OBJECT, "/events"])
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
    for path in PAGES:
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


async def test_no_page_shows_a_key(plane: Plane, site: Site) -> None:
    async with plane.of("shop/web") as stream:
        await stream.synced()
        for path in (*PAGES, OBJECT):
            _, text = await site.get(path)
            assert "PRIVATE KEY" not in text
            assert site.token not in text


async def test_news_are_told_at_once(plane: Plane, site: Site) -> None:
    """Of an edit, and of a proxy that comes; nothing while nothing happens."""
    async with asyncio.timeout(20):
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
