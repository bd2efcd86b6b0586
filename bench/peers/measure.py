"""All peers that can be had here, and how Heddle compares."""

from collections.abc import Callable, Mapping
from functools import partial

from bench.peers.go_control_plane import CACHES, Cache, built, go_control_plane
from bench.peers.process import Unavailable
from bench.peers.sovereign import installed, sovereign
from bench.report import figure, short
from bench.scenarios import unscoped
from bench.settings import Settings
from bench.worker import WorkerFailed, cores

Figures = Mapping[str, Mapping[str, float]]

OURS: Mapping[str, str] = {
    "endpoint.last_ms": "endpoint_unscoped.last_ms",
    "endpoint.cpu_ms_per_proxy": "endpoint_unscoped.cpu_ms_per_proxy",
    "endpoint.bytes_per_proxy": "endpoint_unscoped.bytes_per_proxy",
    "new_service.last_ms": "new_service_unscoped.last_ms",
    "new_service.cpu_ms_per_proxy": "new_service_unscoped.cpu_ms_per_proxy",
    "new_service.bytes_per_proxy": "new_service_unscoped.bytes_per_proxy",
    "connect.last_s": "connect_unscoped.last_s",
    "connect.cpu_ms_per_proxy": "connect_unscoped.cpu_ms_per_proxy",
    "connect.kb_per_proxy": "connect_unscoped.kb_per_proxy",
    "rss_mb_per_proxy": "rss_mb_per_proxy.unscoped",
}
"""A peer's figure, and where ours of that kind is in the report."""


def peers(settings: Settings, say: Callable[[str], None]) -> tuple[Figures, Mapping[str, str]]:
    """Figures by peer, and why a peer has none."""
    shape, repeats = unscoped(settings), settings.repeats
    found: dict[str, Mapping[str, float]] = {}
    skipped: dict[str, str] = {}

    def attempt(name: str, measure: Callable[[], Mapping[str, float]]) -> None:
        say(f"peer: {name}")
        try:
            found[name] = measure()
        except (Unavailable, WorkerFailed, OSError) as error:
            skipped[name] = str(error)
            say(f"skipped {name}: {error}")

    for cache in CACHES:
        attempt(f"go-control-plane ({cache})", partial(_go, cache, settings))
    attempt("sovereign", lambda: sovereign(installed(), shape, repeats, cores()[0]))
    return found, skipped


def _go(cache: Cache, settings: Settings) -> Mapping[str, float]:
    shape = unscoped(settings)
    return go_control_plane(built(), cache, shape, settings.clients, settings.repeats, cores())


def table(report: Mapping[str, object], found: Figures, skipped: Mapping[str, str]) -> str:
    """Peers beside Heddle; in brackets, how many times as much they take."""
    names = list(found)
    lines = [f"| | Heddle | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for theirs, path in OURS.items():
        ours = figure(report, path)
        cells = [_beside(found[name].get(theirs), ours) for name in names]
        lines.append(f"| {theirs} | {'' if ours is None else short(ours)} | {' | '.join(cells)} |")
    text = "\n".join(lines) if names else ""
    return text + "".join(f"\n\nSkipped: {name}: {why}" for name, why in skipped.items())


def _beside(theirs: float | None, ours: float | None) -> str:
    if theirs is None:
        return ""
    return f"{short(theirs)} ({theirs / ours:.1f}x)" if ours else short(theirs)
