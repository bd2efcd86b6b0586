"""What tests of checks have in common."""

from datetime import UTC, datetime

from heddle.check.cluster import Api, Cluster
from heddle.check.run import CATEGORIES
from heddle.check.verdict import Result, Verdict
from heddle.injection import DEFAULT_REVISION, SYSTEM_NAMESPACE

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHECKS = [check for category in CATEGORIES for check in category.checks]


def cluster(api: Api) -> Cluster:
    return Cluster(api, namespace=SYSTEM_NAMESPACE, revision=DEFAULT_REVISION, clock=lambda: NOW)


def result(verdict: Verdict) -> Result:
    """Of some check."""
    return Result(category=CATEGORIES[0], check=CHECKS[0], verdict=verdict)
