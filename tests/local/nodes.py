"""Pods made by hand, and a runner to run them: what the tests of the local runner share."""

import asyncio
import os
import select
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import IPv4Interface
from pathlib import Path

from ca.issuer import LocalIssuer
from crds.fields import EMPTY
from heddle.local.images import Images
from heddle.local.modes import RunMode
from heddle.local.pods import InjectedPod, Line
from heddle.local.runner import Runner, RunnerSettings
from heddle.local.state import open_state

PYTHON = "test/python"
GATEWAY = IPv4Interface("10.201.0.1/16")

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(
    (os.environ.get("BIND", "0.0.0.0"), int(sys.argv[1])), Handler
).serve_forever()
"""
"""An HTTP server: port, body."""

FOREVER_SILENT = "import signal; signal.pause()"
FOREVER = f"print('up', flush=True); {FOREVER_SILENT}"


def container(code: str, *arguments: str, **more: object) -> dict[str, object]:
    """A container that runs Python code."""
    return {"name": "app", "image": f"{PYTHON}:1", "args": ["-c", code, *arguments], **more}


def pod(
    name: str,
    address: str,
    *containers: Mapping[str, object],
    annotations: Mapping[str, str] = EMPTY,
    **spec: object,
) -> dict[str, object]:
    """A raw pod in the namespace `shop`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"app": name},
            "annotations": dict(annotations),
        },
        "spec": {
            "serviceAccountName": name,
            "nodeName": "local",
            "containers": list(containers),
            **spec,
        },
        "status": {"podIP": address},
    }


def pods(*raws: Mapping[str, object]) -> dict[str, InjectedPod]:
    """What `reconcile` takes."""
    found = [InjectedPod(raw=raw) for raw in raws]
    return {f"{pod.facts.namespace}/{pod.facts.name}": pod for pod in found}


class Lines:
    """Collects what containers write."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._news = asyncio.Event()

    def __call__(self, line: Line) -> None:
        """Called by the runner."""
        self.lines.append(line)
        self._news.set()

    async def until(self, enough: Callable[[list[Line]], bool]) -> list[Line]:
        """All lines, once there are enough."""
        while not enough(self.lines):
            self._news.clear()
            await self._news.wait()
        return self.lines

    async def output(self, count: int = 1, container: str = "app") -> list[str]:
        """The container's standard output, once it has so many lines."""
        await self.until(lambda _: len(self.texts(container)) >= count)
        return self.texts(container)

    def texts(self, container: str = "app", stream: str = "stdout") -> list[str]:
        """The lines of one stream."""
        return [
            line.text.decode()
            for line in self.lines
            if (line.container, line.stream) == (container, stream)
        ]


def images(envoy: Path = Path("/nonexistent/envoy")) -> Images:
    """Python, and Envoy."""
    return Images(envoy=envoy, programs={PYTHON: (sys.executable,)})


@asynccontextmanager
async def runner(
    mode: RunMode,
    folder: Path | None = None,
    *,
    envoy: Path = Path("/nonexistent/envoy"),
    on_line: Callable[[Line], None] = lambda line: None,
    clock: Callable[[], float] = lambda: 1_900_000_000.0,
    grace: float = 2.0,
) -> AsyncIterator[Runner]:
    """A runner with a state folder below `folder`."""
    settings = RunnerSettings(mode=mode, images=images(envoy), gateway=GATEWAY, grace=grace)
    with open_state(mode, folder) as state:
        async with Runner(
            settings, issuer=LocalIssuer(), clock=clock, state=state, on_line=on_line
        ) as running:
            yield running


def alive(pids: Sequence[int]) -> list[int]:
    """Those of the processes that still run (zombies do not)."""
    return [pid for pid in pids if _state(pid) not in ("", "Z", "X")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def folders(top: Path, pattern: str) -> list[Path]:
    """What matches below a folder."""
    return sorted(top.glob(pattern))


def text_of(path: Path | str) -> str:
    """The text of a file."""
    return Path(path).read_text()


def mode_of(path: Path | str) -> int:
    """The permission bits of a file."""
    return Path(path).stat().st_mode & 0o777


def descendants(pid: int) -> list[int]:
    """All processes below a process, by their numbers here."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def networks(pids: Sequence[int] | None = None) -> frozenset[int]:
    """The numbers of the network namespaces that processes are in; by default, that any is in."""
    places = Path("/proc").glob("[0-9]*") if pids is None else (Path(f"/proc/{n}") for n in pids)
    found = set()
    for place in places:
        with suppress(OSError):
            found.add((place / "ns/net").stat().st_ino)
    return frozenset(found)


@contextmanager
def kept_networks(pids: Sequence[int]) -> Iterator[frozenset[int]]:
    """The network namespaces of processes, but for our own. While the block runs no other gets one
    of their numbers: the kernel would give the number of one that is gone to the next one that
    anybody makes.
    """
    handles = []
    for pid in pids:
        with suppress(OSError):
            handles.append(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY))
    try:
        found = frozenset(os.fstat(handle).st_ino for handle in handles)
        yield found - networks([os.getpid()])
    finally:
        for handle in handles:
            os.close(handle)


@contextmanager
def watched(pids: Sequence[int]) -> Iterator[Callable[[float], list[int]]]:
    """Gives a function that waits until the processes have ended, for so many seconds; those that
    have not."""
    handles = {}
    for pid in pids:
        with suppress(ProcessLookupError):
            handles[os.pidfd_open(pid)] = pid

    def left(seconds: float) -> list[int]:
        deadline, running = time.monotonic() + seconds, dict(handles)
        while running and (remaining := deadline - time.monotonic()) > 0:
            for handle in select.select(list(running), [], [], remaining)[0]:
                del running[handle]
        return sorted(running.values())

    try:
        yield left
    finally:
        for handle in handles:
            os.close(handle)
