"""An Envoy that our own server drives, with a tap between the two."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.world import World, world


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards, if it says so with `@rules(...)`."""
    return getattr(request, "param", None)


@pytest.fixture
async def fresh(envoy_binary: Path, tmp_path: Path) -> AsyncIterator[World]:
    """Nothing has been published yet."""
    async with world(envoy_binary, tmp_path) as made:
        yield made


@pytest.fixture
async def live(fresh: World) -> World:
    """`a.test` is served, by the upstream one."""
    await fresh.begin()
    return fresh
