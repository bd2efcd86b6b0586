"""The real Envoy as a process: what it starts with, what it answers, what it says of itself."""

import asyncio
import json
import ssl
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.conversation import PATIENCE

Json = dict[str, object]

LOG_LIMIT = 4 << 20
"""Bytes of log that are kept while nobody reads them: more than any test makes."""
_RUNS = "starting main dispatch loop"
_TYPE = "type.googleapis.com/envoy."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HCM = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


@dataclass(frozen=True)
class Answer:
    """What a client got. The status 0: nobody listens."""

    status: int
    body: str = ""
    headers: Mapping[str, str] | None = None


class Envoy:
    """A running Envoy, whose sockets lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def ask(self, host: str, path: str = "/", *, at: str = "front") -> Answer:
        """One request on a connection of its own to the listener `at`."""
        return await request(self.folder / at, host, path)

    async def eventually(
        self, host: str, wanted: Callable[[Answer], bool], at: str = "front"
    ) -> Answer:
        """Ask until the answer is as wanted. For what Envoy has acknowledged but its workers
        may still have to take up.
        """
        found = Answer(0)
        try:
            async with asyncio.timeout(PATIENCE):
                while not wanted(found := await self.ask(host, at=at)):
                    await self.stat("server.live")  # a round trip to its main thread, as a pace
        except TimeoutError:
            raise AssertionError(f"{host} stayed at {found}") from None
        return found

    async def stats(self, pattern: str) -> dict[str, int]:
        """The counters and gauges that match a regular expression."""
        found = await request(
            self.folder / "admin", "admin", f"/stats?format=json&filter={pattern}"
        )
        read = json.loads(found.body)["stats"]
        return {each["name"]: each["value"] for each in read if "value" in each}

    async def stat(self, name: str) -> int:
        """One counter or gauge; 0 if there is none."""
        return (await self.stats(f"^{name}$")).get(name, 0)

    async def clusters(self) -> set[str]:
        """The clusters that can be routed to, bootstrap's included."""
        found = await request(self.folder / "admin", "admin", "/clusters?format=json")
        return {each["name"] for each in json.loads(found.body).get("cluster_statuses", ())}

    async def without(self, cluster: str) -> None:
        """Wait until there is no such cluster."""
        async with asyncio.timeout(PATIENCE):
            while cluster in await self.clusters():
                pass

    async def certificate(self, at: str) -> bytes:
        """The certificate that a listener shows, DER."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        path = str(self.folder / at)
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname="x")
        transport: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown = transport.getpeercert(binary_form=True)
        writer.transport.abort()
        assert shown is not None
        return shown


async def request(path: Path, host: str, target: str) -> Answer:
    """One HTTP request over a Unix socket."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        return Answer(0)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            return await _answer(reader)
    except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError):
        return Answer(0)
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    """Reads no further than the answer: Envoy may take its time to close."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.strip().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status.split()[1]), body.decode(), headers)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
    return found


@asynccontextmanager
async def running(binary: Path, folder: Path, config: Json) -> AsyncIterator[Envoy]:
    """An Envoy with this bootstrap, once its main thread runs."""
    (folder / "bootstrap.json").write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        str(binary),
        *("--config-path", str(folder / "bootstrap.json")),
        *("--concurrency", "1", "--disable-hot-restart"),
        *("--drain-time-s", "1", "--drain-strategy", "immediate"),
        *("--log-level", "warning", "--component-log-level", "main:info"),
        stdout=DEVNULL,
        stderr=PIPE,
        limit=LOG_LIMIT,
    )
    log = process.stderr
    assert log is not None
    try:
        await _started(log)
        yield Envoy(folder)
        assert process.returncode is None, f"Envoy died: {(await log.read()).decode()[-2000:]}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _started(log: asyncio.StreamReader) -> None:
    said = ""
    async with asyncio.timeout(PATIENCE):
        while _RUNS not in said:
            line = await log.readline()
            assert line, f"Envoy does not start: {said[-2000:]}"
            said += line.decode()


def bootstrap(folder: Path, upstreams: Sequence[str]) -> Json:
    """Delta ADS from the socket `xds`, and for each upstream a socket that answers with its name.

    No initial fetch times out, so that nothing is right only because it waited long enough.
    """
    over_ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    back_off = {"base_interval": "0.02s", "max_interval": "0.05s"}
    grpc = {"cluster_name": "xds", "retry_policy": {"retry_back_off": back_off}}
    return {
        "node": {"id": "n", "cluster": "c"},
        "admin": {"address": _pipe(folder / "admin")},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": grpc}],
            },
            "cds_config": over_ads,
            "lds_config": over_ads,
        },
        "static_resources": {
            "clusters": [_discovery(folder / "xds")],
            "listeners": [_upstream(folder, name) for name in upstreams],
        },
    }


def _pipe(path: Path) -> Json:
    return {"pipe": {"path": str(path)}}


def _discovery(path: Path) -> Json:
    http2: Json = {"explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "name": "xds",
        "type": "STATIC",
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {"@type": f"type.googleapis.com/{_HTTP_OPTIONS}", **http2}
        },
        "load_assignment": {
            "cluster_name": "xds",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _pipe(path)}}]}],
        },
    }


def _upstream(folder: Path, name: str) -> Json:
    answer = {"status": 200, "body": {"inline_string": name}}
    routes = [{"match": {"prefix": "/"}, "direct_response": answer}]
    manager = {
        "@type": f"{_TYPE}{_HCM}",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    return {
        "name": name,
        "address": _pipe(folder / name),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
