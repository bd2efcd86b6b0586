"""A control plane for each test."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.fakes.clock import FakeClock
from tests.features.plane import Plane, running


@pytest.fixture
async def plane() -> AsyncIterator[Plane]:
    """A control plane that listens, and has read nothing yet.

    Its clock starts now and stands still: gRPC checks certificates by the machine's. It shows a
    whole second, as tokens do.
    """
    now = datetime.fromtimestamp(int(time.time()), UTC)  # noqa: TID251
    async with running(FakeClock(now)) as found:
        yield found
