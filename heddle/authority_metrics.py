"""What is counted of the certificate authority of a control plane."""

from prometheus_client import CollectorRegistry, Gauge

from ca.rotation import Rotation


class AuthorityMetrics:
    """The gauges, in the registry that their owner serves."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        found = registry if registry is not None else CollectorRegistry()
        self._root = Gauge(
            "heddle_ca_root_expiry_seconds",
            "When the root that signs ends, in unix seconds",
            registry=found,
        )
        self._issuer = Gauge(
            "heddle_ca_issuer_expiry_seconds",
            "When the certificate that signs workloads' ends, in unix seconds",
            registry=found,
        )
        self._refused = Gauge(
            "heddle_ca_folder_refused",
            "1 while what is in the folder of the authority is not taken",
            registry=found,
        )
        self.lacking = Gauge(
            "heddle_ca_proxies_lacking",
            "Proxies that do not have the newest roots and certificate",
            registry=found,
        )

    def told(self, rotation: Rotation, problem: str) -> None:
        """How the authority is now."""
        self._root.set(rotation.signer.root.not_valid_after_utc.timestamp())
        self._issuer.set(rotation.signer.not_after.timestamp())
        self._refused.set(bool(problem))
