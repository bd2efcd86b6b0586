"""The metrics' names, and that no client can make up a label."""

from xds.metrics import Metrics
from xds.types import CDS


def test_events_are_counted_by_type() -> None:
    metrics = Metrics()
    metrics.sent(CDS, 100)
    metrics.sent("type.googleapis.com/made.Up", 1)
    metrics.acked(CDS, 0.02)
    metrics.rejected(CDS)
    metrics.stale(CDS)
    value = metrics.registry.get_sample_value
    assert value("heddle_xds_pushes_total", {"type": "cds"}) == 1
    assert value("heddle_xds_push_bytes_total", {"type": "cds"}) == 100
    assert value("heddle_xds_pushes_total", {"type": "other"}) == 1
    assert value("heddle_xds_ack_seconds_count", {"type": "cds"}) == 1
    assert value("heddle_xds_rejects_total", {"type": "cds"}) == 1
    assert value("heddle_xds_expired_nonces_total", {"type": "cds"}) == 1
