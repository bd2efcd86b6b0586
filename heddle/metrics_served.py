"""Metrics over HTTP, from a thread of their own: a scrape delays nobody."""

import contextlib
from collections.abc import Iterator

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from heddle.host_port import host_and_port

log = structlog.get_logger(__name__)


@contextlib.contextmanager
def metrics_served(
    address: str | None, registry: CollectorRegistry, *, elsewhere: bool
) -> Iterator[None]:
    """Serves metrics, if there is an address for it; `elsewhere`: somebody else does it there."""
    if address is None:
        yield
        return
    for collector in (GCCollector, PlatformCollector, ProcessCollector):
        collector(registry=registry)
    if elsewhere:
        yield
        return
    host, port = host_and_port(address)
    served, thread = start_http_server(port, host, registry)
    log.info("metrics", address=address, port=served.server_port)
    try:
        yield
    finally:
        served.shutdown()
        served.server_close()
        thread.join()
