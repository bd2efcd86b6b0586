"""A control plane of a small shop, and its page."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.features.plane import Plane, running
from tests.features.shop import SHOP, route, subsets
from tests.page.site import Site, showing

ROUTED = route("reviews", "{route: [{destination: {host: reviews, subset: v1}}]}")
MISSPELT = route("reviews", "{route: [{destination: {host: reviews, subset: v9}}]}")
MESH = (SHOP, subsets("reviews", "v1"))


@pytest.fixture
async def plane() -> AsyncIterator[Plane]:
    """A control plane that has read the shop. Its clock stands still, at a whole second."""
    now = datetime.fromtimestamp(int(time.time()), UTC)  # noqa: TID251
    async with running(FakeClock(now)) as found:
        found.apply(*MESH, ROUTED)
        yield found


@pytest.fixture
async def site(plane: Plane, tmp_path: Path) -> AsyncIterator[Site]:
    """Its page."""
    async with showing(plane, tmp_path) as found:
        yield found
