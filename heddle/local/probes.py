"""Startup, readiness and liveness probes, as a kubelet does: from the node to the pod."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import grpc

from webhook import raw

_LONGEST_STATUS_LINE = 256
_LONGEST_SERVICE = 127
"""Its length fits into one byte of the message."""
_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
_NO_PROXY = (("grpc.enable_http_proxy", 0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGet:
    """Fine if the answer's status is from 200 to 399. Over `tls` nobody is verified."""

    port: int
    path: str
    host: str
    headers: tuple[tuple[str, str], ...]
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpConnect:
    """Fine if somebody listens."""

    port: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcHealth:
    """Fine if `grpc.health.v1.Health` says that the service, or the whole server, is serving."""

    port: int
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Fine if it ends with 0, in the container."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A check and its times, in seconds."""

    check: HttpGet | TcpConnect | GrpcHealth | Command
    initial_delay: float
    period: float
    timeout: float
    failures: int
    """So many failures in a row, and it counts as failed."""


def probe(container: Mapping[str, object], field: str) -> Probe | None:
    """The probe in a field of a container, if there is one of a kind that we know."""
    found = raw.mapping(container.get(field))
    check = _check(found, container)
    if check is None:
        return None
    return Probe(
        check=check,
        initial_delay=_seconds(found, "initialDelaySeconds", 0),
        period=_seconds(found, "periodSeconds", 10),
        timeout=_seconds(found, "timeoutSeconds", 1),
        failures=int(_seconds(found, "failureThreshold", 3)),
    )


async def passes(
    check: HttpGet | TcpConnect | GrpcHealth, address: str, timeout_seconds: float
) -> bool:
    """Ask the pod at `address` once."""
    try:
        async with asyncio.timeout(timeout_seconds):
            if isinstance(check, GrpcHealth):
                return await _is_serving(check, address)
            return await _ask(check, check.host or address)
    except (OSError, TimeoutError, EOFError, ValueError, grpc.aio.AioRpcError):
        return False


async def _is_serving(check: GrpcHealth, address: str) -> bool:
    service = check.service.encode()
    async with grpc.aio.insecure_channel(f"{address}:{check.port}", _NO_PROXY) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_CHECK)
        answer: bytes = await ask(b"\n" + bytes((len(service),)) + service if service else b"")
    return answer == _SERVING


async def _ask(check: HttpGet | TcpConnect, address: str) -> bool:
    tls = _unverified() if isinstance(check, HttpGet) and check.tls else None
    reader, writer = await asyncio.open_connection(
        address, check.port, limit=_LONGEST_STATUS_LINE, ssl=tls
    )
    try:
        if isinstance(check, TcpConnect):
            return True
        writer.write(_request(check, address))
        await writer.drain()
        _, status, *_ = (await reader.readuntil(b"\n")).split(maxsplit=2)
        return 200 <= int(status) < 400
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _request(check: HttpGet, address: str) -> bytes:
    headers = {"Host": f"{address}:{check.port}", "User-Agent": "kube-probe/1.31"}
    headers |= {"Accept": "*/*", "Connection": "close", **dict(check.headers)}
    lines = [f"GET {check.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", errors="replace")


def _check(
    found: Mapping[str, object], container: Mapping[str, object]
) -> HttpGet | TcpConnect | GrpcHealth | Command | None:
    if "httpGet" in found:
        return _http(raw.mapping(found["httpGet"]), container)
    if "tcpSocket" in found:
        tcp = raw.mapping(found["tcpSocket"])
        return TcpConnect(port=_port(tcp.get("port"), container), host=raw.text(tcp.get("host")))
    if "grpc" in found:
        asked = raw.mapping(found["grpc"])
        service = raw.text(asked.get("service"))[:_LONGEST_SERVICE]
        return GrpcHealth(port=_port(asked.get("port"), container), service=service)
    command = raw.mapping(found.get("exec")).get("command")
    if isinstance(command, list | tuple) and command:
        return Command(command=tuple(map(str, command)))
    return None


def _http(get: Mapping[str, object], container: Mapping[str, object]) -> HttpGet:
    headers = tuple(
        (raw.text(header.get("name")), raw.text(header.get("value")))
        for header in raw.objects(get.get("httpHeaders"))
    )
    return HttpGet(
        port=_port(get.get("port"), container),
        path=raw.text(get.get("path")) or "/",
        host=raw.text(get.get("host")),
        headers=headers,
        tls=raw.text(get.get("scheme")).upper() == "HTTPS",
    )


def _port(value: object, container: Mapping[str, object]) -> int:
    """A number, or the name of one of the container's ports; 0, where nobody listens, if
    neither."""
    for port in raw.objects(container.get("ports")):
        if value == port.get("name"):
            value = port.get("containerPort")
    return value if isinstance(value, int) else 0


def _seconds(found: Mapping[str, object], name: str, default: float) -> float:
    value = found.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else float(default)
