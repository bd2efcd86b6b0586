"""The rule ids of the xDS specification as pytest ids: `pytest tests/xds -k X-43`."""

import pytest

from xds.publisher import Publisher


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards, if it says so with `@rules(...)`."""
    return getattr(request, "param", None)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()
