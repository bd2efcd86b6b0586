"""Counters of the server. No label ever holds what a client said: type names come from a table."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from xds.types import SHORT_NAMES, short_name


class Metrics:
    """The metrics of one server, in the registry that its owner serves."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self.clients = Gauge(
            "heddle_xds_clients", "Streams that are being served", registry=self.registry
        )
        self.closed = Counter(
            "heddle_xds_streams_closed",
            "Streams that ended, by the gRPC status they ended with",
            ["status"],
            registry=self.registry,
        )
        self.auth = Counter(
            "heddle_xds_auth",
            "Streams by the outcome of authentication",
            ["result"],
            registry=self.registry,
        )
        self.write_timeouts = Counter(
            "heddle_xds_write_timeouts",
            "Streams ended because the client did not read",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "heddle_xds_waiting",
            "Streams that wait to be brought up to date",
            registry=self.registry,
        )
        self._admission_time = Histogram(
            "heddle_xds_admission_seconds",
            "How long a stream waited for its turn",
            registry=self.registry,
            buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60),
        )
        pushes = Counter("heddle_xds_pushes", "Responses sent", ["type"], registry=self.registry)
        size = Counter(
            "heddle_xds_push_bytes", "Bytes of responses sent", ["type"], registry=self.registry
        )
        rejects = Counter(
            "heddle_xds_rejects",
            "Responses that a client rejected",
            ["type"],
            registry=self.registry,
        )
        quarantined = Gauge(
            "heddle_xds_quarantined",
            "Resources that are kept from a client because it rejected them, over all clients",
            ["type"],
            registry=self.registry,
        )
        stale = Counter(
            "heddle_xds_expired_nonces",
            "Requests that answer a response that is not awaited",
            ["type"],
            registry=self.registry,
        )
        ack_time = Histogram(
            "heddle_xds_ack_seconds",
            "From a response to its acceptance; for clusters this includes warming",
            ["type"],
            registry=self.registry,
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60),
        )
        # Looked up once: a push to a thousand clients counts a thousand times.
        names = (*SHORT_NAMES.values(), "other")
        self._pushes = {name: pushes.labels(name) for name in names}
        self._size = {name: size.labels(name) for name in names}
        self._rejects = {name: rejects.labels(name) for name in names}
        self._quarantined = {name: quarantined.labels(name) for name in names}
        self._stale = {name: stale.labels(name) for name in names}
        self._ack_time = {name: ack_time.labels(name) for name in names}

    def sent(self, type_url: str, size: int) -> None:
        """A response was sent."""
        name = short_name(type_url)
        self._pushes[name].inc()
        self._size[name].inc(size)

    def acked(self, type_url: str, seconds: float) -> None:
        """A response was accepted."""
        self._ack_time[short_name(type_url)].observe(seconds)

    def admitted(self, seconds: float) -> None:
        """A stream was admitted after that time."""
        self._admission_time.observe(seconds)

    def rejected(self, type_url: str) -> None:
        """A response was rejected."""
        self._rejects[short_name(type_url)].inc()

    def quarantined(self, type_url: str, count: int) -> None:
        """So many more resources are kept from a client, or less if negative."""
        self._quarantined[short_name(type_url)].inc(count)

    def stale(self, type_url: str) -> None:
        """A request had a stale nonce."""
        self._stale[short_name(type_url)].inc()
