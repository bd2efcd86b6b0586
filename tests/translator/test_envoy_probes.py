"""What a real Envoy answers the kubelet for the application, and what it does not."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from mesh.app_probes import AppProbe, GrpcCheck, HttpCheck, TcpCheck
from mesh.interception import PROBE_PORT
from mesh.proxy import Mode
from tests.probed import NOT_SERVING, SERVING, Application, health, running, secured
from tests.security_rows import guards
from tests.translator.running import started
from translator.bootstrap_listeners import static_listeners
from translator.bootstrap_probes import probe_clusters

POD = f"127.99.{os.getpid() % 250}.{os.getpid() // 250 % 250}"
"""Of 127.0.0.0/8, like the source that the sidecar calls from."""
PATIENCE, TRIES = 60.0, 1200


@contextmanager
def answering(
    envoy: Path, folder: Path, *checks: tuple[int, HttpCheck | TcpCheck | GrpcCheck]
) -> Iterator[None]:
    """An Envoy with a probe for each port: `/app-health/0/readyz` and so on."""
    probes = [
        AppProbe(path=f"/app-health/{index}/readyz", port=port, check=check, period=1, timeout=2)
        for index, (port, check) in enumerate(checks)
    ]
    listeners = static_listeners(POD, Mode.NONE, probes)
    mine = [each for each in listeners if each["name"] == "probes"]
    config = {
        "static_resources": {"listeners": mine, "clusters": probe_clusters(probes, POD)},
    }
    with started(envoy, folder, config):
        assert any(map(_listens, _now_and_then()))  # once the health of all ports is known
        yield


def _listens(_: None) -> bool:
    with socket.socket() as client:
        return client.connect_ex((POD, PROBE_PORT)) == 0


def _now_and_then() -> Iterator[None]:
    """Something to try again after."""
    for _ in range(TRIES):
        yield
        threading.Event().wait(PATIENCE / TRIES)


def ask(
    path: str = "/app-health/0/readyz", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    client = HTTPConnection(POD, PROBE_PORT, timeout=PATIENCE)
    try:
        client.request(method, path, headers=headers)
        response = client.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        client.close()


def becomes(status: int, path: str) -> bool:
    """Whether the path answers with this, after some time."""
    return any(ask(path)[0] == status for _ in _now_and_then())


@pytest.mark.envoy
def test_the_application_is_asked_as_the_kubelet_would(envoy_binary: Path, tmp_path: Path) -> None:
    with (
        running(application := Application(POD)) as port,
        answering(envoy_binary, tmp_path, (port, HttpCheck(path="/ok?full=1"))),
    ):
        assert ask(**{"x-mine": "yes", "user-agent": "kube-probe/1.31"})[0] == 200
        ((source, path, headers),) = application.asked
    assert source == "127.0.0.6"
    assert path == "/ok?full=1"
    sent = {name.lower(): text for name, text in headers.items()}
    assert sent.pop("accept-encoding")
    assert sent == {
        "host": POD,
        "x-mine": "yes",
        "user-agent": "kube-probe/1.31",
        "x-forwarded-proto": "http",
    }


@pytest.mark.envoy
def test_only_the_status_is_told(envoy_binary: Path, tmp_path: Path) -> None:
    """A kubelet would follow a redirection to this port, where there is nothing."""
    told = {200: 200, 204: 204, 302: 200, 404: 404, 500: 500}
    found = {}
    with (
        running(application := Application(POD)) as port,
        answering(envoy_binary, tmp_path, (port, HttpCheck(path="/"))),
    ):
        for application.status in told:
            found[application.status], headers, body = ask()
            assert body == b""
            assert headers.keys() <= {"date", "server", "content-length"}
    assert found == told


REFUSED = (
    "GET /",
    "GET /ok",
    "GET /app-health/0/livez",
    "GET /app-health/0/readyz/",
    "GET /app-health/0/readyz?admin=1",
    "GET /app-health/0/readyz%2f..%2f..%2fadmin",
    "GET /app-health/0/../0/readyz",
    "GET /app-health/1/readyz?x",
    "POST /app-health/0/readyz",
    "DELETE /app-health/0/readyz",
    "GET /stats",
    "GET /config_dump",
)


@guards("C6")
@pytest.mark.envoy
def test_nothing_but_the_probes_is_answered(envoy_binary: Path, tmp_path: Path) -> None:
    with (
        running(application := Application(POD)) as port,
        answering(envoy_binary, tmp_path, (port, HttpCheck(path="/ok")), (port, TcpCheck())),
    ):
        found = {line: ask(line.split()[1], line.split()[0])[0] for line in REFUSED}
    assert found == dict.fromkeys(REFUSED, 404)
    assert application.asked == []


@pytest.mark.envoy
def test_who_does_not_listen_is_not_well(envoy_binary: Path, tmp_path: Path) -> None:
    with socket.create_server((POD, 0)) as taken:
        port = taken.getsockname()[1]
    checks = HttpCheck(path="/"), TcpCheck(), GrpcCheck()
    with answering(envoy_binary, tmp_path, *((port, check) for check in checks)):
        assert [ask(f"/app-health/{n}/readyz")[0] for n in range(3)] == [503, 503, 503]


@pytest.mark.envoy
def test_a_port_is_well_as_long_as_somebody_listens(envoy_binary: Path, tmp_path: Path) -> None:
    server = socket.create_server((POD, 0))
    port = server.getsockname()[1]
    with answering(envoy_binary, tmp_path, (port, TcpCheck())):
        with server:
            assert becomes(200, "/app-health/0/readyz")
        assert becomes(503, "/app-health/0/readyz")
        with socket.create_server((POD, port)):
            assert becomes(200, "/app-health/0/readyz")


@pytest.mark.envoy
def test_a_service_is_well_as_it_says(envoy_binary: Path, tmp_path: Path) -> None:
    answers = {b"": SERVING, b"\n\x04good": SERVING, b"\n\x03bad": NOT_SERVING}
    names = ("", "good", "bad", "unknown")
    with (
        health(answers, POD) as port,
        answering(envoy_binary, tmp_path, *((port, GrpcCheck(service=name)) for name in names)),
    ):
        statuses = (200, 200, 503, 503)
        assert all(becomes(s, f"/app-health/{n}/readyz") for n, s in enumerate(statuses))
        answers[b""] = NOT_SERVING
        assert becomes(503, "/app-health/0/readyz")


@pytest.mark.envoy
def test_a_certificate_is_not_verified(envoy_binary: Path, tmp_path: Path) -> None:
    application = secured(Application(POD), tmp_path)
    with (
        running(application) as port,
        answering(envoy_binary, tmp_path, (port, HttpCheck(path="/", tls=True))),
    ):
        assert ask()[0] == 200
