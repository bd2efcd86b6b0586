"""KubernetesApi over real HTTPS, against a server that says what a test wants it to say."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from sources.api_answers import WatchEvent
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi, kubernetes_api
from sources.resource import CONFIG_MAPS, LEASES, NAMESPACES
from tests.fakes.cluster_tls import OWN_TOKEN, cluster_tls

PLACE = CONFIG_MAPS.one("heddle", "heddle-system")
LIST = CONFIG_MAPS.collection()
OBJECT = {"metadata": {"name": "heddle"}}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Keeps what it was asked; `answer` says what comes back."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, str], str, object]] = []
        self.answer: Answer = self.plain

    async def take(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        asked = json.loads(text) if text else None
        kind = request.headers.get("Content-Type", "")
        self.asked.append((request.method, request.path, dict(request.query), kind, asked))
        return await self.answer(request)

    async def plain(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(OBJECT)

    def says(self, status: int, body: object, **headers: str) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(request: web.Request) -> web.StreamResponse:
            del request
            return web.json_response(body, status=status, headers=given)

        self.answer = answer

    def streams(self, *chunks: bytes, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Answers in these pieces; `then` may hold the end back."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
            if then is not None:
                await then()
            return response

        self.answer = answer


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def config(server: Server, tmp_path: Path) -> AsyncIterator[Path]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.take)
    now = datetime.now(UTC)  # noqa: TID251 - TLS looks at the machine's clock
    async with cluster_tls(app, tmp_path, now) as found:
        yield found


@pytest.fixture
async def api(config: Path) -> AsyncIterator[KubernetesApi]:
    async with kubernetes_api(config) as found:
        yield found


async def test_each_verb_is_what_the_api_server_expects(server: Server, api: KubernetesApi) -> None:
    body = {"data": {"a": "b"}}
    assert await api.get(PLACE) == OBJECT
    assert await api.create(CONFIG_MAPS.collection("heddle-system"), body) == OBJECT
    assert await api.replace(PLACE, body) == OBJECT
    assert await api.patch(PLACE, body) == OBJECT
    assert await api.json_patch(PLACE, [{"op": "remove", "path": "/data"}]) == OBJECT
    assert await api.apply(PLACE, body, manager="heddle", force=True) == OBJECT
    await api.delete(PLACE, uid="u", resource_version="7")
    at = "/api/v1/namespaces/heddle-system/configmaps"
    applied = {"fieldManager": "heddle", "force": "true"}
    preconditions = {"uid": "u", "resourceVersion": "7"}
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
    patch = "application/merge-patch+json"
    steps = "application/json-patch+json"
    assert server.asked == [
        ("GET", f"{at}/heddle", {}, "", None),
        ("POST", at, {}, "application/json", body),
        ("PUT", f"{at}/heddle", {}, "application/json", body),
        ("PATCH", f"{at}/heddle", {}, patch, body),
        ("PATCH", f"{at}/heddle", {}, steps, [{"op": "remove", "path": "/data"}]),
        ("PATCH", f"{at}/heddle", applied, "application/apply-patch+yaml", body),
        ("DELETE", f"{at}/heddle", {}, "application/json", options),
    ]


async def test_a_rehearsal_makes_nothing(server: Server, api: KubernetesApi) -> None:
    body = {"data": {"a": "b"}}
    assert await api.rehearse(LIST, body) == OBJECT
    assert server.asked == [("POST", LIST, {"dryRun": "All"}, "application/json", body)]


async def test_the_api_server_says_its_version_and_its_time(
    server: Server, api: KubernetesApi
) -> None:
    date = "Sat, 21 Nov 2026 12:00:00 GMT"
    server.says(200, {"major": "1", "minor": "33"}, Date=date)
    assert await api.about() == ({"major": "1", "minor": "33"}, date)
    assert server.asked == [("GET", "/version", {}, "", None)]
    server.says(403, {})
    with pytest.raises(ApiError) as refused:
        await api.about()
    assert refused.value.status == 403


def test_paths_are_those_of_the_api() -> None:
    assert NAMESPACES.one("shop") == "/api/v1/namespaces/shop"
    assert LEASES.one("l", "n") == "/apis/coordination.k8s.io/v1/namespaces/n/leases/l"
    assert CONFIG_MAPS.one("c", "n", "status") == "/api/v1/namespaces/n/configmaps/c/status"


async def test_a_list_comes_in_pages(server: Server, api: KubernetesApi) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        more = "" if "continue" in request.query else "token"
        name = request.query.get("continue", "first")
        meta = {"resourceVersion": "12", "continue": more}
        return web.json_response({"metadata": meta, "items": [{"metadata": {"name": name}}]})

    server.answer = answer
    query = {"labelSelector": "a=b"}
    pages = [page async for page in api.list(LIST, query, limit=7)]
    assert [item["metadata"] for page in pages for item in page.items] == [
        {"name": "first"},
        {"name": "token"},
    ]
    assert {page.resource_version for page in pages} == {"12"}
    assert [asked[2] for asked in server.asked] == [
        {"labelSelector": "a=b", "limit": "7"},
        {"labelSelector": "a=b", "limit": "7", "continue": "token"},
    ]


async def test_an_answer_may_come_in_many_pieces(server: Server, api: KubernetesApi) -> None:
    """All of it is read, whatever the network makes of it."""
    text = json.dumps({**OBJECT, "data": {"x": "y" * 300_000}}).encode()
    server.streams(*(text[at : at + 50_000] for at in range(0, len(text), 50_000)))
    assert (await api.get(PLACE))["data"] == {"x": "y" * 300_000}


REFUSALS: Mapping[str, tuple[int, object, Mapping[str, str], tuple[str, float | None]]] = {
    "conflict": (409, {"kind": "Status", "reason": "Conflict"}, {}, ("Conflict", None)),
    "exists": (409, {"kind": "Status", "reason": "AlreadyExists"}, {}, ("AlreadyExists", None)),
    "a-page-of-a-proxy": (404, "not here", {}, ("NotFound", None)),
    "gone": (410, {"kind": "Status", "reason": "Expired"}, {}, ("Expired", None)),
    "too-many": (429, {"kind": "Status"}, {"Retry_After": "3"}, ("", 3.0)),
    "too-many-in-the-body": (429, {"details": {"retryAfterSeconds": 2}}, {}, ("", 2.0)),
    "a-reason-that-is-none": (500, {"kind": "Status", "reason": "a b"}, {}, ("", None)),
    "a-redirect": (302, {}, {"Location": "https://127.0.0.1:1/"}, ("", None)),
}


@pytest.mark.parametrize(("status", "body", "headers", "said"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_has_a_status_and_a_reason(
    server: Server,
    api: KubernetesApi,
    status: int,
    body: object,
    headers: Mapping[str, str],
    said: tuple[str, float | None],
) -> None:
    server.says(status, body, **headers)
    with pytest.raises(ApiError) as refused:
        await api.get(PLACE)
    error = refused.value
    assert (error.status, (error.reason, error.retry_after)) == (status, said)


async def test_no_error_quotes_what_was_sent_or_answered(
    server: Server, api: KubernetesApi
) -> None:
    """A body may be a token or a key."""
    server.says(422, {"kind": "Status", "reason": "Invalid", "message": "hush is no key"})
    with pytest.raises(ApiError) as refused:
        await api.create(LIST, {"token": "hush"})
    assert str(refused.value) == "the API server says 422 (Invalid)"
    server.streams(b'{"hush')
    with pytest.raises(ApiError) as unread:
        await api.create(LIST, {"token": "hush"})
    assert "hush" not in str(unread.value)
    assert unread.value.__cause__ is None


async def test_an_object_that_is_too_long_is_not_read(server: Server, api: KubernetesApi) -> None:
    server.streams(b'{"a": "' + b"x" * (9 << 20) + b'"}')
    with pytest.raises(ApiError, match="ValueError"):
        await api.get(PLACE)


async def test_fresh_credentials_are_tried_once(
    server: Server, api: KubernetesApi, config: Path
) -> None:
    """The kubeconfig may have been renewed by somebody else; every verb reads it again."""

    async def answer(request: web.Request) -> web.StreamResponse:
        good = request.headers["Authorization"] == "Bearer renewed"
        return web.json_response(OBJECT, status=200 if good else 401)

    server.answer = answer
    with pytest.raises(ApiError) as refused:
        await api.patch(PLACE, {})
    assert (refused.value.status, len(server.asked)) == (401, 2)
    text = (await asyncio.to_thread(config.read_text)).replace(OWN_TOKEN, "renewed")
    await asyncio.to_thread(config.write_text, text)
    assert await api.patch(PLACE, {}) == OBJECT


def _line(kind: str, item: object) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


async def _watch(api: KubernetesApi, idle: float = 5.0) -> AsyncIterator[WatchEvent]:
    events = api.watch(LIST, resource_version="7", seconds=30.5, idle=idle)
    async with contextlib.aclosing(events):
        async for event in events:
            yield event


async def test_a_watch_gives_events_however_they_are_cut(
    server: Server, api: KubernetesApi
) -> None:
    text = _line("ADDED", OBJECT) + b"\n" + _line("BOOKMARK", {"metadata": {}})
    server.streams(text[:5], text[5:-3], text[-3:])
    assert [(each.type, each.object) async for each in _watch(api)] == [
        ("ADDED", OBJECT),
        ("BOOKMARK", {"metadata": {}}),
    ]
    [(_, _, query, _, _)] = server.asked
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "30",
    }


async def _events_before_the_error(
    api: KubernetesApi, idle: float = 5.0
) -> tuple[list[str], ApiError]:
    seen: list[str] = []
    try:
        async for event in _watch(api, idle):
            seen.append(event.type)
    except ApiError as error:
        return seen, error
    raise AssertionError("it ended without an error")


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "hush"}
CUTS: Mapping[str, tuple[bytes, int | None]] = {
    "an-error-event": (_line("ERROR", GONE), 410),
    "an-error-without-a-code": (_line("ERROR", {}), 500),
    "in-the-middle": (b'{"type": "ADD', None),
    "no-json": (b"<html>\n", None),
    "another-type": (_line("SOMETHING", {}), None),
    "no-object": (_line("ADDED", []), None),
    "deep": (b"[" * 100_000 + b"\n", None),
    "endless": (b"x" * (9 << 20), None),
}


@pytest.mark.parametrize(("end", "status"), CUTS.values(), ids=CUTS)
async def test_a_watch_that_breaks_says_so(
    server: Server, api: KubernetesApi, end: bytes, status: int | None
) -> None:
    server.streams(_line("ADDED", OBJECT), end)
    seen, error = await _events_before_the_error(api)
    assert (seen, error.status) == (["ADDED"], status)
    assert "hush" not in str(error)


async def test_a_watch_that_is_refused_says_so(server: Server, api: KubernetesApi) -> None:
    server.says(410, GONE)
    seen, error = await _events_before_the_error(api)
    assert (seen, error.status, error.reason) == ([], 410, "Expired")


async def test_a_watch_without_a_word_ends(server: Server, api: KubernetesApi) -> None:
    """The API server sends bookmarks: silence is a connection that is dead."""
    over = asyncio.Event()

    async def wait() -> None:
        await over.wait()

    server.streams(_line("ADDED", OBJECT), then=wait)
    seen, error = await _events_before_the_error(api, idle=0.2)
    over.set()
    assert (seen, error.status) == (["ADDED"], None)


async def test_pages_and_events_do_not_show(server: Server, api: KubernetesApi) -> None:
    """They may be Secrets."""
    meta = {"resourceVersion": "12", "continue": "token-hush"}
    server.says(200, {"metadata": meta, "items": [{"data": "hush"}]})
    assert "hush" not in repr(await api.page(LIST))
    assert "hush" not in repr(WatchEvent("ADDED", {"data": "hush"}))
