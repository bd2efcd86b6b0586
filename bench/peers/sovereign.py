"""Sovereign, a control plane in Python whose proxies poll it over HTTP: one of them is simulated.

A thousand that poll each second cannot be: it would take more than a minute of CPU each second.
"""

import hashlib
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median

from google.protobuf.json_format import MessageToDict

from bench.peers.feed import Feed, Response
from bench.peers.process import CACHE, Program, Unavailable, run
from bench.shapes import Shape, marks
from xds.types import CDS, EDS

FOLDER = Path(__file__).parent / "sovereign"
REFRESH_SECONDS = 1
"""How often it looks for changes: it cannot be told of one, nor look more often."""
_PATHS = {CDS: "/v3/discovery:clusters", EDS: "/v3/discovery:endpoints"}
_POLLS = 20
_START_SECONDS = 60.0
_POLL_PAUSE = 0.02


def installed() -> Path:
    """An environment of its own with the pinned packages."""
    home = CACHE / "sovereign"
    pins = FOLDER / "requirements.txt"
    stamp, wanted = home / "stamp", hashlib.sha256(pins.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        CACHE.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", "--clear", str(home)], cwd=CACHE)
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet"]
        run([*pip, "--require-hashes", "-r", str(pins)], cwd=CACHE)
        stamp.write_text(wanted)
    return home / "bin" / "sovereign"


def sovereign(program: Path, shape: Shape, repeats: int, core: int) -> dict[str, float]:
    """What a poll costs, and how long a change takes to be seen by one who polls all the time."""
    feed = Feed(shape)
    source = _Source(CACHE / "sovereign-mesh.json")
    source.write(feed.initial())
    port = _free_port()
    with Program([str(program)], _environment(source.path, port), core) as peer:
        proxy = _Polling(port)
        proxy.wait_for_start()
        kinds = {"clusters": CDS, "endpoints": EDS}
        kb = {name: len(proxy.poll(kind)) / 1e3 for name, kind in kinds.items()}
        figures = {"connect.kb_per_proxy": sum(kb.values())}
        for name, kind in kinds.items():
            full = _cost(peer, partial(proxy.poll, kind, known=False))
            figures[f"answer_{name}_cpu_ms"] = full
            figures[f"unchanged_{name}_cpu_ms"] = _cost(peer, partial(proxy.poll, kind))
        figures["connect.cpu_ms_per_proxy"] = sum(figures[f"answer_{n}_cpu_ms"] for n in kinds)
        figures["endpoint.last_ms"] = median(
            _edit(proxy, source, feed, number, REFRESH_SECONDS * number / (repeats + 1))
            for number in range(1, repeats + 1)
        )
        figures["endpoint.cpu_ms_per_proxy"] = figures["answer_endpoints_cpu_ms"]
        figures["rss_mb"] = peer.resident() / 1e6
    return figures


def _edit(proxy: "_Polling", source: "_Source", feed: Feed, number: int, phase: float) -> float:
    """The last edit was seen right after a refresh: `phase` seconds later, this one is made."""
    ((_, mark),) = marks("endpoint", number)
    changed = feed.edit("endpoint", number)
    time.sleep(phase)
    began = time.monotonic()
    source.write(changed)
    while mark not in proxy.poll(EDS):
        time.sleep(_POLL_PAUSE)
    return (time.monotonic() - began) * 1e3


def _cost(peer: Program, poll: Callable[[], bytes]) -> float:
    """Milliseconds of CPU for each poll, less what the server does anyway in that time."""
    began, cpu = time.monotonic(), peer.cpu()
    for _ in range(_POLLS):
        poll()
    seconds, used = time.monotonic() - began, peer.cpu() - cpu
    cpu = peer.cpu()
    time.sleep(max(seconds, REFRESH_SECONDS))
    idle = (peer.cpu() - cpu) * seconds / max(seconds, REFRESH_SECONDS)
    return (used - idle) / _POLLS * 1e3


class _Source:
    """The file that it reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._all: dict[tuple[str, str], dict[str, object]] = {}

    def write(self, changed: Iterable[Response]) -> None:
        for response in changed:
            for packed in response.resources:
                each = MessageToDict(packed, preserving_proto_field_name=True)
                name = str(each.get("name") or each.get("cluster_name"))
                entry: dict[str, object] = {"type_url": response.type_url, "resource": each}
                self._all[response.type_url, name] = entry
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(list(self._all.values())))
        new.replace(self.path)


class _Polling:
    """A proxy that polls over one connection, and says which version it has."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._known: dict[str, str] = {}

    def wait_for_start(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.poll(CDS, known=False)
            except OSError:
                self._connection.close()
                if time.monotonic() > until:
                    raise Unavailable("sovereign did not start") from None
                time.sleep(0.1)
            else:
                self._known.clear()
                return

    def poll(self, type_url: str, *, known: bool = True) -> bytes:
        """The answer; empty if nothing has changed."""
        request = {
            "node": {"id": "bench", "cluster": "bench"},
            "type_url": type_url,
            "version_info": self._known.get(type_url, "") if known else "",
        }
        headers = {"content-type": "application/json"}
        self._connection.request("POST", _PATHS[type_url], json.dumps(request), headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status not in (200, 304):
            raise Unavailable(f"sovereign answered {response.status}: {body[:200]!r}")
        if response.status == 200:
            self._known[type_url] = str(json.loads(body)["version_info"])
        return body


def _environment(source: Path, port: int) -> dict[str, str]:
    template = {"protocol": "python", "path": str(FOLDER / "template.py")}
    read = {"protocol": "file", "serialization": "orjson", "path": str(source)}
    configuration = {
        "sources": [{"type": "file", "config": {"spec": read}}],
        "source_config": {"refresh_rate": REFRESH_SECONDS},
        "matching": {"enabled": False},
        "templates": {
            "default": [{"type": kind, "spec": template} for kind in ("clusters", "endpoints")]
        },
        "logging": {"access_logs": {"enabled": False}},
    }
    path = CACHE / "sovereign.yaml"
    path.write_text(json.dumps(configuration))
    return {
        "SOVEREIGN_CONFIG": f"file://{path}",
        "SOVEREIGN_HOST": "127.0.0.1",
        "SOVEREIGN_PORT": str(port),
        "SOVEREIGN_WORKERS": "1",
    }


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
