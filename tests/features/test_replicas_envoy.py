"""A real Envoy whose control plane goes away: another process has nothing to send to it."""

import signal
from pathlib import Path

import pytest

from tests.features.csds import until_synced
from tests.features.plane import Plane, node_id
from tests.features.real_envoy import bootstrap, envoy, figures
from tests.features.served import serving
from tests.xds.relay import relay
from tests.xds.rules import rules

KINDS = ("cds", "eds", "lds", "rds", "vhds")
POD = "shop/web"


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards."""
    return getattr(request, "param", None)


@rules("X-60", "X-62")
async def test_the_other_replica_sends_nothing(
    home: Path, plane: Plane, envoy_binary: Path
) -> None:
    """Two processes that share nothing but the folder: not even an empty response goes out."""
    options = ("--metrics", "127.0.0.1:0", "--inspector", "shop/web")
    async with (
        serving(home, plane, *options) as one,
        serving(home, plane, *options, name="two") as two,
        relay(one.port) as service,
    ):
        roots = await one.root() + await two.root()
        namespace, _, pod = plane.pod(POD).partition("/")
        node = node_id(namespace, pod)
        config = bootstrap(node, plane.token(POD), roots, service.port)
        async with envoy(envoy_binary, home, config):
            await until_synced(one, POD, KINDS)
            first = await figures(one)
            for kind in KINDS:
                assert first[f'heddle_xds_pushes_total{{type="{kind}"}}'] >= 1
            service.target = two.port
            one.process.send_signal(signal.SIGTERM)
            await until_synced(two, POD, KINDS)
            again = await figures(two)
            assert again["heddle_xds_clients"] == 1
            for kind in (*KINDS, "sds", "other"):
                assert again[f'heddle_xds_push_bytes_total{{type="{kind}"}}'] == 0, kind
                assert again[f'heddle_xds_pushes_total{{type="{kind}"}}'] == 0, kind
                assert again[f'heddle_xds_rejects_total{{type="{kind}"}}'] == 0, kind
