"""go-control-plane's own caches and server, with the same simulated proxies as Heddle."""

import base64
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Literal

from bench.fleet import fleet
from bench.messages import Collect, Connect, Count, Disconnect, Done, Expect, Received, Started
from bench.peers.feed import Feed, Response, marks
from bench.peers.process import CACHE, Program, Unavailable, run
from bench.shapes import EditKind, Shape
from bench.worker import Worker

SOURCE = Path(__file__).parent / "gocp"
Cache = Literal["linear", "snapshot"]
CACHES: tuple[Cache, ...] = ("linear", "snapshot")


def built() -> Path:
    """The server, built from the pinned module."""
    go = shutil.which("go")
    if go is None:
        raise Unavailable("there is no Go here (go is not on PATH)")
    made = CACHE / "gocp"
    CACHE.mkdir(parents=True, exist_ok=True)
    run([go, "build", "-mod=readonly", "-o", str(made), "."], cwd=SOURCE)
    return made


def go_control_plane(
    program: Path, cache: Cache, shape: Shape, count: int, repeats: int, cores: tuple[int, int]
) -> dict[str, float]:
    """Figures of one of its caches, named as Heddle's are. Clusters and endpoints only."""
    feed = Feed(shape)
    initial = feed.initial()
    wanted = {each.type_url: len(each.resources) for each in initial}
    with (
        Program([str(program), "-cache", cache], {"GOMAXPROCS": "1"}, cores[0]) as peer,
        Worker("proxies", fleet, core=cores[1], patience=300) as proxies,
    ):
        port = int(peer.ask(_line(initial)))
        started = Started(port=port, root_pem=b"", resources=wanted)
        _connect(proxies, started, 1)
        proxies.ask(Disconnect(), Done)
        peer.settled_cpu()
        empty = _trimmed(peer)
        cpu = peer.settled_cpu()
        synced = _connect(proxies, started, count)
        used = peer.settled_cpu() - cpu
        held = _trimmed(peer)
        total = proxies.ask(Count(), Received)
        figures = {
            "connect.cpu_ms_per_proxy": used / count * 1e3,
            "connect.last_s": (synced.last - synced.began) / 1e9,
            "connect.kb_per_proxy": total.size / count / 1e3,
            "rss_mb_per_proxy": (held - empty) / count / 1e6,
        }
        for kind in ("endpoint", "new_service"):
            figures |= _edits(peer, proxies, feed, kind, count, repeats)
    return figures


def _connect(proxies: Worker, started: Started, count: int) -> Received:
    command = Connect(count=count, namespaces=1, server=started, tls=False)
    return proxies.ask(command, Received)


def _trimmed(peer: Program) -> int:
    """Resident memory when what is free has been given back, as Heddle's is measured."""
    peer.ask("")
    return peer.resident()


def _edits(
    peer: Program, proxies: Worker, feed: Feed, kind: EditKind, count: int, repeats: int
) -> dict[str, float]:
    last, used, size = [], [], []
    for number in range(1, repeats + 1):
        line = _line(feed.edit(kind, number))
        proxies.ask(Expect(marks=marks(kind, number)), Done)
        cpu = peer.settled_cpu()
        began = time.monotonic_ns()
        peer.ask(line)
        arrived = proxies.ask(Collect(), Received)
        used.append(peer.settled_cpu() - cpu)
        last.append((arrived.last - began) / 1e6)
        size.append(proxies.ask(Count(), Received).size / count)
    return {
        f"{kind}.last_ms": median(last),
        f"{kind}.cpu_ms_per_proxy": median(used) / count * 1e3,
        f"{kind}.bytes_per_proxy": median(size),
    }


def _line(responses: list[Response]) -> str:
    return " ".join(base64.b64encode(each.SerializeToString()).decode() for each in responses)
