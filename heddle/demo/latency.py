"""Latencies as counts in buckets 5 % wide: they add up across reports, and a quantile is within 2.5
% of the truth."""

from collections.abc import Mapping
from math import ceil, log

_SMALLEST = 1e-5
_STEP = log(1.05)


def bucket(seconds: float) -> int:
    """The bucket that a latency falls in; 0 is everything up to 10 microseconds."""
    return 0 if seconds <= _SMALLEST else ceil(log(seconds / _SMALLEST) / _STEP)


def milliseconds(bucket: int) -> float:
    """The middle of a bucket, in milliseconds."""
    return _SMALLEST * 1000 * float(1.05 ** (bucket - 0.5))


def quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """The latency in milliseconds that `share` (0 to 1) of the requests stayed below, or None
    without requests."""
    wanted = max(1, ceil(share * sum(buckets.values())))
    seen = 0
    for number in sorted(buckets):
        seen += buckets[number]
        if seen >= wanted:
            return round(milliseconds(number), 2)
    return None
