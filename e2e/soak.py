"""`make soak`: a mesh that is edited, restarted and overrun for SOAK_SECONDS, under load.

Real Envoys carry requests; simulated proxies come, go and misbehave. In the end no request may have
failed, memory may have grown by no more than GROWTH_MB in the second half, nor may there be many
more objects of Python; and as many streams, tasks and parts are left as there were before.

    SOAK_SECONDS=600 SOAK_MODE=namespaces make soak
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.local.mesh import LocalBackend
from e2e.mesh import ECHO, SUBSETS, Mesh
from heddle.local.modes import detect_mode

SECONDS = 60.0
RATE = 100
SIMULATED = 40
GROWTH_MB = 24.0
"""Allowed after the warm-up: the allocator's slack; simulated proxies and gRPC are in it too."""
OBJECTS = 50_000
"""So many more are allowed after the warm-up: notes about rejected contents, until their bound."""
WARM_UP = 0.5
PATIENCE = 20.0
RESTART_EVERY = 10
"""Edits from one restart of the server to the next."""

BROKEN = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: broken, namespace: e2e}
spec: {hosts: [echo], http: [{timeout: soon, route: [{destination: {host: nowhere}}]}]}
"""


def weights(number: int) -> str:
    """Another share for each version."""
    share = number * 37 % 101
    return (
        SUBSETS
        + f"""
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: e2e}}
spec:
  hosts: [echo]
  http:
    - route:
        - {{destination: {{host: echo, subset: v1}}, weight: {share}}}
        - {{destination: {{host: echo, subset: v2}}, weight: {100 - share}}}
"""
    )


def services(number: int) -> str:
    """Services that come and go, with endpoints that change."""
    return "\n---\n".join(
        f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: passing-{each}, namespace: e2e}}
spec:
  hosts: [passing-{each}.test]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 192.0.2.{1 + (number + each) % 250}}}]
"""
        for each in range(number % 7)
    )


def config(number: int) -> str:
    """All there is after so many edits."""
    parts = [weights(number) if number % 3 else "", services(number)]
    if number % 5 == 4:
        parts.append(BROKEN)
    return "\n---\n".join(part for part in parts if part)


class Soak:
    """One run."""

    def __init__(self, backend: LocalBackend, seconds: float) -> None:
        self._backend = backend
        self._mesh = Mesh(backend)
        self._seconds = seconds
        self._edits = 0
        self._restarts = 0

    def run(self) -> tuple[Mapping[str, object], list[str]]:
        """Its figures, and what is wrong."""
        self._mesh.apply("")
        before = self._backend.figures()
        self._backend.simulate(SIMULATED)
        with self._mesh.load(ECHO, rate=RATE) as counts:
            warm = self._edit_until(self._seconds * WARM_UP, before)
            late = self._edit_until(self._seconds * (1 - WARM_UP), warm)
        streams = self._backend.calm()
        self._mesh.apply("")
        after = self._settled(before)
        grown = late["rss_mb"] - warm["rss_mb"]
        figures = {
            "seconds": self._seconds,
            "edits": self._edits,
            "restarts of the server": self._restarts,
            "streams of simulated proxies": streams,
            "requests": counts.requests,
            "failed": counts.failures,
            "versions": counts.versions,
            "memory before, warm, at the end (MB)": [f["rss_mb"] for f in (before, warm, late)],
            "grown after warm-up (MB)": round(grown, 1),
            "streams before and after": (before["clients"], after["clients"]),
            "tasks before and after": (before["tasks"], after["tasks"]),
            "parts before and after": (before["parts"], after["parts"]),
            "objects before, warm, at the end": [f["objects"] for f in (before, warm, late)],
        }
        wrong = [
            f"{what}: {figures[what]}"
            for what, bad in {
                "failed": bool(counts.failures),
                "requests": counts.requests < self._seconds * RATE / 2,
                "grown after warm-up (MB)": grown > GROWTH_MB,
                "streams before and after": after["clients"] != before["clients"],
                "tasks before and after": after["tasks"] > before["tasks"],
                "parts before and after": after["parts"] > before["parts"],
                "objects before, warm, at the end": late["objects"] > warm["objects"] + OBJECTS,
            }.items()
            if bad
        ]
        return figures, wrong

    def _settled(self, before: Mapping[str, float]) -> Mapping[str, float]:
        """The figures once what has ended is forgotten, or when that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self._backend.forget()
            found = self._backend.figures()
            gone = all(found[what] <= before[what] for what in ("clients", "tasks", "parts"))
            back = found["clients"] == before["clients"]
            if (gone and back) or time.monotonic() > deadline:
                return found

    def _edit_until(self, seconds: float, last: Mapping[str, float]) -> Mapping[str, float]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._edits += 1
            self._mesh.apply(config(self._edits))
            if self._edits % RESTART_EVERY == 0:
                self._restarts += 1
                self._backend.restart()
            last = self._backend.figures()
        return last


def main(say: Callable[[str], None]) -> int:
    """The exit status: 1 if something is wrong."""
    seconds = float(os.environ.get("SOAK_SECONDS", SECONDS))
    mode, _ = detect_mode(os.environ.get("SOAK_MODE", "proxy-port"))
    root = Path(__file__).resolve().parent.parent
    binary = Path(os.environ.get("HEDDLE_ENVOY", root / ".envoy/envoy/_bin/envoy"))
    folder = Path(tempfile.mkdtemp(prefix="heddle-soak-"))
    try:
        backend = LocalBackend(mode, binary, folder)
        try:
            figures, wrong = Soak(backend, seconds).run()
        finally:
            backend.close()
        for what, figure in figures.items():
            say(f"{what}: {figure}")
        if wrong:
            say((folder / "driver.log").read_text(errors="replace")[-5000:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for each in wrong:
        say(f"soak: wrong: {each}")
    say("soak: failed" if wrong else "soak: ok")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(lambda line: print(line, flush=True)))
