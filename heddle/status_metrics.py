"""What is counted of the statuses that are written."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class StatusMetrics:
    """The metrics, in the registry that their owner serves."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        found = registry if registry is not None else CollectorRegistry()
        self.writes = Counter(
            "heddle_status_writes",
            "Statuses of mesh objects that were written, by what came of it",
            ["result"],
            registry=found,
        )
        self.queue = Gauge(
            "heddle_status_queue",
            "Mesh objects whose status is still to be written, or that proxies have not answered "
            "for",
            registry=found,
        )
        self.events = Counter(
            "heddle_status_events",
            "Kubernetes Events about mesh objects, by what came of them",
            ["result"],
            registry=found,
        )
