"""The API server of a cluster, and every request that we make of it.

The transport is aiohttp's own, for the client of kubernetes-asyncio writes whole answers to its
log, and in the one to a TokenReview is the token. A path is given as the API has it, from `/api` or
`/apis` on; `sources.resource` makes them.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

import aiohttp

from sources.api_answers import (
    Lines,
    Page,
    Raw,
    WatchEvent,
    an_object,
    page,
    refusal_of,
    watch_event,
)
from sources.api_place import Place, place
from sources.errors import ApiError, SourceError

READ_SECONDS = 5.0
"""For one object."""
WRITE_SECONDS = 15.0
"""Webhooks may be asked before something is written, for 10 s each."""
PAGE_SECONDS = 60.0
"""For one page of a list."""
IDLE_SECONDS = 90.0
"""Without a word from a watch; the API server sends a bookmark every minute."""
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 8 << 20
"""Of one object: see `MAX_LINE_BYTES`."""
MAX_PAGE_BYTES = 64 << 20
MAX_REFUSAL_BYTES = 64 << 10
PAGE_ITEMS = 250
"""Of a list that is asked for in pages."""
MAX_FRAME_BYTES = 4 << 20
"""Of a WebSocket."""
_UNAUTHORIZED = 401
_JSON = "application/json"
_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError)
"""What a request ends with if there is no answer, or none that can be read."""

Query = Mapping[str, str]
NO_QUERY: Query = {}


class _Patch(StrEnum):
    """How a patch is to be read."""

    MERGE = "application/merge-patch+json"
    STEPS = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"  # JSON is YAML


class KubernetesApi:
    """An API server. Belongs to one event loop.

    Every request raises `ApiError` if it comes to nothing; its text has nothing of what was sent or
    answered. What is refused with 401 is tried once more with fresh credentials.
    """

    def __init__(
        self,
        config: Path | None,
        found: Place,
        session: aiohttp.ClientSession,
        *,
        context: str | None = None,
    ) -> None:
        self._config = config
        self._context = context
        self._place = found
        self._session = session

    async def get(self, path: str) -> Raw:
        """One object."""
        return _object_of(await self._ask("GET", path, seconds=READ_SECONDS))

    async def create(self, path: str, body: Raw, *, seconds: float = WRITE_SECONDS) -> Raw:
        """Posts an object to its collection; the one that comes back."""
        return _object_of(await self._ask("POST", path, body=body, seconds=seconds))

    async def rehearse(self, path: str, body: Raw) -> Raw:
        """What `create` would answer, without making it (`dryRun=All`): admission is asked."""
        query = {"dryRun": "All"}
        return _object_of(
            await self._ask("POST", path, query=query, body=body, seconds=WRITE_SECONDS)
        )

    async def about(self) -> tuple[Raw, str]:
        """What the API server is (`/version`), and its clock: the `Date` of the answer."""
        limits = aiohttp.ClientTimeout(total=READ_SECONDS)
        try:
            async with self._answered("GET", "/version", NO_QUERY, limits=limits) as response:
                text = await _read(response, MAX_ANSWER_BYTES)
                return _object_of(text), response.headers.get("Date", "")
        except _FAILURES as error:
            raise _nothing(error) from None

    async def replace(self, path: str, body: Raw) -> Raw:
        """Puts an object in the place of the old one; a Conflict if `metadata.resourceVersion` is
        given and no longer the newest.
        """
        return _object_of(await self._ask("PUT", path, body=body, seconds=WRITE_SECONDS))

    async def patch(self, path: str, body: Raw) -> Raw:
        """Merges (RFC 7386): null removes, a list is replaced as a whole."""
        return await self._patch(path, body, _Patch.MERGE, NO_QUERY)

    async def json_patch(self, path: str, steps: Sequence[Raw]) -> Raw:
        """Does the steps of a JSON patch (RFC 6902): all of them or none."""
        return await self._patch(path, steps, _Patch.STEPS, NO_QUERY)

    async def apply(self, path: str, body: Raw, *, manager: str, force: bool = False) -> Raw:
        """Server-side apply: these fields are `manager`'s, and there if they were not. `force`
        takes them from whoever has them; else that is a Conflict.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return await self._patch(path, body, _Patch.APPLY, query)

    async def delete(
        self, path: str, *, uid: str = "", resource_version: str = "", grace: int | None = None
    ) -> None:
        """Deletes an object; a Conflict if it is not the one that is meant. `grace`: the seconds
        that a pod gets to end in, if not its own.
        """
        given = {"uid": uid, "resourceVersion": resource_version}
        meant = {name: value for name, value in given.items() if value}
        options: dict[str, object] = {"kind": "DeleteOptions", "apiVersion": "v1"}
        options["preconditions"] = meant
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        await self._ask("DELETE", path, body=options, seconds=WRITE_SECONDS)

    async def page(
        self, path: str, query: Query = NO_QUERY, *, more: str = "", limit: int = PAGE_ITEMS
    ) -> Page:
        """A page of a list: the first, or the one that the last had as `more`. `query` may have
        `labelSelector` and `fieldSelector`. A 410 means that it took too long: start again.
        """
        asked = {**query, "limit": str(limit), **({"continue": more} if more else {})}
        text = await self._ask("GET", path, query=asked, seconds=PAGE_SECONDS, most=MAX_PAGE_BYTES)
        try:
            return page(text)
        except (ValueError, RecursionError) as error:
            raise _nothing(error) from None

    async def list(
        self, path: str, query: Query = NO_QUERY, *, limit: int = PAGE_ITEMS
    ) -> AsyncIterator[Page]:
        """All pages of a list."""
        more = ""
        while True:
            found = await self.page(path, query, more=more, limit=limit)
            yield found
            more = found.more
            if not more:
                return

    async def watch(
        self,
        path: str,
        query: Query = NO_QUERY,
        *,
        resource_version: str,
        seconds: float,
        idle: float = IDLE_SECONDS,
    ) -> AsyncGenerator[WatchEvent, None]:
        """What happened after `resource_version`, with bookmarks, for `seconds`; then it ends, and
        is to be asked again. Raises `ApiError` also for an event that says that the watch failed,
        with its status, and after `idle` seconds without a word. To be closed
        (`contextlib.aclosing`).
        """
        asked = {
            **query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=min(idle, seconds + CONNECT_SECONDS)
        )
        try:
            async with self._answered("GET", path, asked, limits=limits) as response:
                lines = Lines()
                async for chunk in response.content.iter_any():
                    for line in lines.feed(chunk):
                        yield watch_event(line)
                lines.end()
        except _FAILURES as error:
            raise _nothing(error) from None

    async def _patch(self, path: str, body: object, form: _Patch, query: Query) -> Raw:
        text = await self._ask(
            "PATCH", path, query=query, body=body, content_type=form, seconds=WRITE_SECONDS
        )
        return _object_of(text)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        query: Query = NO_QUERY,
        body: object = None,
        content_type: str = _JSON,
        most: int = MAX_ANSWER_BYTES,
    ) -> bytes:
        limits = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._answered(
                method, path, query, limits=limits, body=body, content_type=content_type
            ) as response:
                return await _read(response, most)
        except _FAILURES as error:
            raise _nothing(error) from None

    @asynccontextmanager
    async def _answered(
        self,
        method: str,
        path: str,
        query: Query,
        *,
        limits: aiohttp.ClientTimeout,
        body: object = None,
        content_type: str = _JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer, with the body still to be read; raises `ApiError` for any other."""
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(2):
            found = self._place
            headers = {"Accept": _JSON, **await found.authorization()}
            if data is not None:
                headers["Content-Type"] = content_type
            async with self._session.request(
                method,
                found.url + path,
                params=query,
                data=data,
                headers=headers,
                timeout=limits,
                ssl=found.context,
                server_hostname=found.server_name,
                proxy=found.proxy,
                allow_redirects=False,  # a redirect would take our token along
            ) as response:
                if response.status == _UNAUTHORIZED and attempt == 0:
                    await self._renew()
                    continue
                if not 200 <= response.status < 300:
                    raise await _refusal(response)
                yield response
                return

    @asynccontextmanager
    async def websocket(
        self, path: str, query: Query, *, protocol: str, authorization: str | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connection that is upgraded, in our own name or in that of whom `authorization` (the
        header) proves. It is not tried again.
        """
        found = self._place
        ours = await found.authorization()
        headers = ours if authorization is None else {"Authorization": authorization}
        try:
            opened = await self._session.ws_connect(
                found.url + path,
                params=query,
                protocols=(protocol,),
                headers=headers,
                # Whoever asks in somebody else's name must not show a certificate of ours.
                ssl=found.context if authorization is None else found.nameless,
                server_hostname=found.server_name,
                proxy=found.proxy,
                max_msg_size=MAX_FRAME_BYTES,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise refusal_of(error.status, b"", None) from None
        except _FAILURES as error:
            raise _nothing(error) from None
        try:
            yield opened
        finally:
            await opened.close()

    async def bearer(self) -> str | None:
        """The header that proves who we are; nothing if a certificate does."""
        return (await self._place.authorization()).get("Authorization")

    async def _renew(self) -> None:
        """What we prove ourselves by may have been replaced meanwhile."""
        try:
            self._place = await place(self._config, self._context)
        except SourceError:
            raise ApiError("there are no credentials now", _UNAUTHORIZED) from None


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    try:
        text = await _read(response, MAX_REFUSAL_BYTES)
    except _FAILURES:
        text = b""
    return refusal_of(response.status, text, response.headers.get("Retry-After"))


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    text = bytearray()
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) > most:
            raise ValueError("too long")
    return bytes(text)


def _object_of(text: bytes) -> Raw:
    """The object of an answer; raises `ApiError` if it is none."""
    try:
        return an_object(text)
    except (ValueError, RecursionError) as error:
        raise _nothing(error) from None


def _nothing(error: Exception) -> ApiError:
    # The text of the cause could quote what was sent.
    return ApiError(f"the API server cannot be asked ({type(error).__name__})")


@asynccontextmanager
async def kubernetes_api(
    config: Path | None = None, context: str | None = None
) -> AsyncIterator[KubernetesApi]:
    """The API server that a kubeconfig names, in one of its contexts if not in the current one;
    without one, that which KUBECONFIG names or that of the cluster around us.

    Raises `SourceError` if there is no such file, or no cluster around us.
    """
    found = await place(config, context)
    async with aiohttp.ClientSession(headers={"User-Agent": "heddle"}) as session:
        yield KubernetesApi(config, found, session, context=context)
