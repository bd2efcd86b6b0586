"""Skips what this machine cannot run, with the reason."""

import pytest

from heddle.local.modes import RunMode, detect_mode


@pytest.fixture(scope="session")
def namespaces() -> None:
    """For tests that need namespaces mode."""
    mode, reason = detect_mode("auto")
    if mode is not RunMode.NAMESPACES:
        pytest.skip(f"namespaces mode does not work here: {reason}")
