"""Certificates change under load, and no request fails: `make test-certificates`.

    SOAK_SECONDS=600 make test-certificates

Half of the requests open a connection each between the sidecars, so that each is a handshake with
the certificates and roots of that moment; the others use connections that stay. First, workloads'
certificates of 60 seconds are renewed over and over, for SOAK_SECONDS. Then the root is rotated as
an operator does it. At last it is rotated again, and in each step the control plane is killed and
started anew. It needs root: the pods are network namespaces.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from e2e.local.apart_mesh import ApartBackend
from e2e.mesh import ECHO, Counts, Mesh
from heddle.local.modes import RunMode, detect_mode

SECONDS = 60.0
TTL = 60.0
RATE = 200
OUTAGE = 5.0
"""Seconds without a control plane; certificates outlive half their life."""
KEPT = "http://echo-v1:8080"

FRESH_CONNECTIONS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: e2e}
spec:
  host: echo
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
"""


class Run:
    """One mesh, and what is done to it."""

    def __init__(self, backend: ApartBackend, rate: int = RATE) -> None:
        self.backend = backend
        self._mesh = Mesh(backend)
        self._rate = rate

    def shown(self) -> str:
        """The fingerprint of the certificate that the client's sidecar shows now."""
        answer = self._mesh.get(ECHO)
        assert answer.status == 200, answer
        parts = answer.seen.headers["x-forwarded-client-cert"].split(";")
        return dict(part.split("=", 1) for part in parts)["Hash"]

    @contextmanager
    def load(self) -> Iterator[list[Counts]]:
        """Both kinds of requests, while the block runs; counted when it has ended."""
        half = self._rate // 2
        with self._mesh.load(ECHO, rate=half) as fresh, self._mesh.load(KEPT, rate=half) as kept:
            yield [fresh, kept]

    def renewals(self, seconds: float, wanted: int | None = None) -> int:
        """How many certificates the client has shown, one after the other, in so many seconds, or
        until there were enough."""
        deadline, seen = time.monotonic() + seconds, {self.shown()}
        while time.monotonic() < deadline and (wanted is None or len(seen) < wanted):
            time.sleep(0.2)
            seen.add(self.shown())
        return len(seen)

    def rotate(self, *, outages: int = 0, seconds: float = 0.0, ttl: str = "") -> None:
        """All steps, as an operator takes them. After as many of them as there are outages, the
        control plane is killed; it is back after so many seconds, and certificates live for `ttl`
        then.
        """
        for _ in range(outages):
            self.backend.ca("rotate", "--pause", "0")
            self.backend.kill(seconds, ttl)
            self._ready()
        self.backend.ca("rotate", "--wait", "--pause", "0")

    def _ready(self) -> None:
        """Until the step may be taken."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.backend.progress()
            if found.said.living and not (found.late.replicas or found.late.pods):
                return
            time.sleep(0.2)
        raise AssertionError(f"still waiting: {self.backend.progress()}")


def failures(counted: list[Counts]) -> Mapping[str, int]:
    """What went wrong, and how often."""
    found: dict[str, int] = {}
    for counts in counted:
        for what, number in counts.failures.items():
            found[what] = found.get(what, 0) + number
    return found


def main(say: Callable[[str], None]) -> int:
    """The exit status: 1 if a request failed."""
    if detect_mode("auto")[0] is not RunMode.NAMESPACES:
        say("it needs root, and the means for network namespaces")
        return 1
    seconds = float(os.environ.get("SOAK_SECONDS", SECONDS))
    root = Path(__file__).resolve().parent.parent
    binary = Path(os.environ.get("HEDDLE_ENVOY", root / ".envoy/envoy/_bin/envoy"))
    folder = Path(tempfile.mkdtemp(prefix="heddle-certificates-"))
    ttl = f"{TTL:.0f}s"
    try:
        backend = ApartBackend(binary, folder, FRESH_CONNECTIONS, ttl)
        try:
            run = Run(backend)
            phases: Mapping[str, Callable[[], object]] = {
                "certificates shown, one after the other": lambda: run.renewals(seconds),
                "root rotated": run.rotate,
                "root rotated, control plane killed in each step": lambda: run.rotate(
                    outages=2, seconds=OUTAGE, ttl=ttl
                ),
            }
            wrong = {name: _phase(run, name, act, say) for name, act in phases.items()}
        finally:
            backend.close()
        if any(wrong.values()):
            say(backend.log.read_text(errors="replace")[-5000:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("test-certificates: failed" if any(wrong.values()) else "test-certificates: ok")
    return int(any(wrong.values()))


def _phase(
    run: Run, name: str, act: Callable[[], object], say: Callable[[str], None]
) -> Mapping[str, int]:
    with run.load() as counted:
        result = act()
    failed = failures(counted)
    requests = sum(counts.requests for counts in counted)
    rate = sum(counts.rate for counts in counted)
    more = f" {result}" if result is not None else ""
    say(
        f"{name}:{more}; {requests} requests in {counted[0].seconds:.1f} s, {rate:.0f} a second, "
        f"failed: {dict(failed) or 'none'}"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main(lambda line: print(line, flush=True)))
