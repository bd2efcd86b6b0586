"""Options and fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.clock import FakeClock
from tests.goldens import Golden

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, so that nothing fails, or is covered, by chance; `make fuzz` draws
# others. How long an example takes says nothing on a machine that has much else to do.
settings.register_profile(
    "steady",
    derandomize="FUZZ" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden=write` rewrites the expected outputs; a CI machine never may."""
    parser.addoption("--golden", choices=("check", "write"), default="check", help="golden files")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to rewrite goldens where nobody would read the diff."""
    if config.getoption("golden") == "write" and os.environ.get("CI"):
        raise pytest.UsageError("--golden=write is for a working tree, not for CI")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(case, text)` with `case` one of `tests.goldens.cases(area)`."""
    return Golden(write=request.config.getoption("golden") == "write")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    """The real Envoy: `$HEDDLE_ENVOY`, else the one that `make setup` installs."""
    path = Path(os.environ.get("HEDDLE_ENVOY", ROOT / ".envoy/envoy/_bin/envoy"))
    if not os.access(path, os.X_OK):
        pytest.skip(f"no Envoy at {path}: run `make setup`, or set HEDDLE_ENVOY")
    return path


@pytest.fixture
def clock() -> FakeClock:
    """Time that moves only when the test says so."""
    return FakeClock()
