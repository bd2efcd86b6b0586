"""The rule ids of the xDS specification as pytest ids: `pytest tests/xds -k X-43`."""

from collections.abc import AsyncIterator

import pytest

from tests.xds.resources import cluster, static_cluster, upsert
from tests.xds.scripted import Scripted
from tests.xds.serving import Owner, serving
from xds.metrics import Metrics
from xds.publisher import Publisher
from xds.server import Server


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards, if it says so with `@rules(...)`."""
    return getattr(request, "param", None)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def server(
    publisher: Publisher, owner: Owner, metrics: Metrics
) -> AsyncIterator[tuple[Server, int]]:
    """A plaintext server on loopback that wants a token."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    async with serving(publisher, owner, metrics=metrics) as running:
        yield running


@pytest.fixture
def many(publisher: Publisher) -> Scripted:
    """A client that is to have the clusters a to h."""
    publisher.publish({"p": upsert(cds=[static_cluster(name) for name in "abcdefgh"])})
    return Scripted(publisher)
