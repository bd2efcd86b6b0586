"""A control plane for each test."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.features.plane import Plane, running
from tests.features.served import Served, serving, write
from tests.features.shop import SHOP


@pytest.fixture
async def plane() -> AsyncIterator[Plane]:
    """A control plane that listens, and has read nothing yet.

    Its clock starts now and stands still: gRPC checks certificates by the machine's. It shows a
    whole second, as tokens do.
    """
    now = datetime.fromtimestamp(int(time.time()), UTC)  # noqa: TID251
    async with running(FakeClock(now)) as found:
        yield found


@pytest.fixture
async def home(tmp_path: Path, plane: Plane) -> Path:
    """Where the folder `yaml` is, which is empty but for the shop; `plane` has the same."""
    folder = tmp_path / "yaml"
    await asyncio.to_thread(folder.mkdir)
    await write(folder / "shop.yaml", SHOP)
    plane.apply(SHOP)
    return tmp_path


@pytest.fixture
async def served(home: Path, plane: Plane) -> AsyncIterator[Served]:
    """A `heddle serve` of that folder."""
    async with serving(home, plane) as found:
        yield found
