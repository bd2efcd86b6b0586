"""`python -m bench.cluster`: what it costs to read 10,000 pods and 1,000 services.

The API server is a process of its own, which answers from bytes that it has made before: what it
costs is not in the figures. BENCH_PODS and BENCH_SERVICES make it smaller.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.loop import Turns, timed_loop
from bench.machine import machine
from bench.memory import peak, reset_peak, resident, trim
from heddle.cluster_feed import KubernetesSource, cluster_feed
from heddle.control_plane import ControlPlane
from heddle.garbage import short_collections
from xds.auth import accept_anybody
from xds.server import Server, ServerSettings

PODS = int(os.environ.get("BENCH_PODS", "10000"))
SERVICES = int(os.environ.get("BENCH_SERVICES", "1000"))
PATIENCE = 600.0


async def read(kubeconfig: Path, turns: Turns) -> Mapping[str, float]:
    """Reads everything into a control plane."""
    plane = ControlPlane(quiet=True)
    server = Server(
        plane.publisher,
        authenticate=accept_anybody,
        resolve=plane.resolver,
        wall=time.time,
        settings=ServerSettings(address="127.0.0.1:0", plaintext=True),
    )
    async with cluster_feed(KubernetesSource(kubeconfig=kubeconfig), CollectorRegistry()) as feed:
        trim()
        reset_peak()
        before, cpu, began = resident(), time.process_time(), time.monotonic()
        turns.clear()
        async with asyncio.TaskGroup() as group:
            works = (plane.follow(feed.batches, server), *(work() for work in feed.works))
            tasks = [group.create_task(each) for each in works]
            async with asyncio.timeout(PATIENCE):
                while not plane.pods.synced:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.01)
            figures = {
                "seconds": time.monotonic() - began,
                "cpu_s": time.process_time() - cpu,
                "longest_turn_ms": turns.longest * 1e3,
                "peak_mb": (peak() - before) / 1e6,
            }
            trim()
            figures["held_mb"] = (resident() - before) / 1e6
            for task in tasks:
                task.cancel()
    return {name: round(value, 3) for name, value in figures.items()}


@contextmanager
def api_server(folder: Path) -> Iterator[Path]:
    """The kubeconfig of one that holds all objects."""
    command = (sys.executable, "-m", "bench.cluster.server", str(PODS), str(SERVICES))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield _kubeconfig(folder / "config", port)
        finally:
            process.kill()


def _kubeconfig(path: Path, port: int) -> Path:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


def main() -> None:
    """Prints the figures as JSON."""
    turns = Turns()
    with (
        tempfile.TemporaryDirectory() as folder,
        api_server(Path(folder)) as kubeconfig,
        short_collections(),
        asyncio.Runner(loop_factory=lambda: timed_loop(turns)) as runner,
    ):
        figures = runner.run(read(kubeconfig, turns))
    print(json.dumps({"pods": PODS, "services": SERVICES, **figures, "machine": machine()}))


if __name__ == "__main__":
    main()
