"""The patience and the bounds of one stream."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLimits:
    """How much one client may name in one type, and how long a name may be, in characters."""

    names: int = 20_000
    length: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times are in seconds."""

    grace: float = 5.0
    """How long routes wait for warming clusters, and removed clusters for routes."""
    ack_timeout: float = 60.0
    """How long a response may stay unanswered while there is something to send after it."""
    cluster_window: int = 8
    """Un-acknowledged CDS responses: Envoy withholds their ACKs while clusters warm (X-130)."""
    trials: int = 64
    """Responses that may be sent at once to find out what of another one was rejected."""
    trial_interval: float = 0.5
    """How long it takes until one more may be."""
    clusters_within: float | None = 30.0
    """How long a client may go without asking for clusters while it asks for other things (X-65).

    Longer than Envoy's own wait for endpoints, 15 s, before which it may have good reason not to.
    """
    unknown_types: int = 16
    """Types that are not served, of which a client may have questions open."""
    names: NameLimits = field(default_factory=NameLimits)
