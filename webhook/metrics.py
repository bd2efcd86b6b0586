"""What is counted of admission. No label holds anything that a client said."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    """The metrics of one webhook, in the registry that its owner serves."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self.reviews = Counter(
            "heddle_webhook_reviews",
            "Admission requests by what became of them; dry runs are not counted",
            ["path", "outcome"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "heddle_webhook_refusals",
            "Errors that objects were refused for, by the code of the problem",
            ["path", "code"],
            registry=self.registry,
        )
        self.failures = Counter(
            "heddle_webhook_failures",
            "Requests that got no answer of admission, by the reason",
            ["reason"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "heddle_webhook_seconds",
            "How long an answer took, from the request's last byte on",
            ["path"],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10),
        )
