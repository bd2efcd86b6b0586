"""Startup, readiness and liveness probes, as a kubelet does: from the node to the pod."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from webhook import raw

_LONGEST_STATUS_LINE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGet:
    """Fine if the answer's status is from 200 to 399."""

    port: int
    path: str
    host: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpConnect:
    """Fine if somebody listens."""

    port: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Fine if it ends with 0, in the container."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A check and its times, in seconds."""

    check: HttpGet | TcpConnect | Command
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


async def passes(check: HttpGet | TcpConnect, address: str, timeout_seconds: float) -> bool:
    """Ask the pod at `address` once."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _ask(check, check.host or address)
    except (OSError, TimeoutError, EOFError, ValueError):
        return False


async def _ask(check: HttpGet | TcpConnect, address: str) -> bool:
    reader, writer = await asyncio.open_connection(address, check.port, limit=_LONGEST_STATUS_LINE)
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


def _request(check: HttpGet, address: str) -> bytes:
    headers = {"Host": f"{address}:{check.port}", "User-Agent": "kube-probe/1.31"}
    headers |= {"Accept": "*/*", "Connection": "close", **dict(check.headers)}
    lines = [f"GET {check.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", errors="replace")


def _check(
    found: Mapping[str, object], container: Mapping[str, object]
) -> HttpGet | TcpConnect | Command | None:
    if "httpGet" in found:
        return _http(raw.mapping(found["httpGet"]), container)
    if "tcpSocket" in found or "grpc" in found:
        tcp = raw.mapping(found.get("tcpSocket") or found.get("grpc"))
        return TcpConnect(port=_port(tcp.get("port"), container), host=raw.text(tcp.get("host")))
    command = raw.mapping(found.get("exec")).get("command")
    if isinstance(command, list | tuple) and command:
        return Command(command=tuple(map(str, command)))
    return None


def _http(get: Mapping[str, object], container: Mapping[str, object]) -> HttpGet | TcpConnect:
    port, host = _port(get.get("port"), container), raw.text(get.get("host"))
    if raw.text(get.get("scheme")).upper() == "HTTPS":
        # The kubelet does not verify the certificate either: that somebody answers has to do.
        return TcpConnect(port=port, host=host)
    headers = tuple(
        (raw.text(header.get("name")), raw.text(header.get("value")))
        for header in raw.objects(get.get("httpHeaders"))
    )
    return HttpGet(port=port, path=raw.text(get.get("path")) or "/", host=host, headers=headers)


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
