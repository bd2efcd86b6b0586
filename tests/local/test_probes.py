"""Probes as a kubelet makes them, of real servers."""

import socket
from pathlib import Path

import pytest

from heddle.local.probes import GrpcHealth, HttpGet, TcpConnect, passes
from tests.probed import NOT_SERVING, SERVING, Application, health, running, secured

HERE = "127.0.0.1"


def get(port: int, *, tls: bool = False) -> HttpGet:
    return HttpGet(port=port, path="/ok", host="", headers=(("x-mine", "yes"),), tls=tls)


@pytest.mark.parametrize(("status", "good"), [(200, True), (302, True), (404, False), (500, False)])
async def test_a_status_below_400_is_good(status: int, good: bool) -> None:
    with running(application := Application()) as port:
        application.status = status
        assert await passes(get(port), HERE, 5) is good
    ((_, path, headers),) = application.asked
    assert (path, headers["x-mine"]) == ("/ok", "yes")


async def test_over_tls_nobody_is_verified(tmp_path: Path) -> None:
    with running(secured(Application(), tmp_path)) as port:
        assert await passes(get(port, tls=True), HERE, 5)
        assert not await passes(get(port), HERE, 5)


async def test_a_service_is_serving_as_it_says() -> None:
    answers = {b"": SERVING, b"\n\x04good": SERVING, b"\n\x03bad": NOT_SERVING}
    with health(answers) as port:
        found = [
            await passes(GrpcHealth(port=port, service=name), HERE, 5)
            for name in ("", "good", "bad", "unknown")
        ]
    assert found == [True, True, False, False]


async def test_who_does_not_listen_is_not_well() -> None:
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
        assert await passes(TcpConnect(port=port, host=""), HERE, 5)
    for check in (get(port), TcpConnect(port=port, host=""), GrpcHealth(port=port, service="")):
        assert not await passes(check, HERE, 5), check
