"""A real Envoy whose control plane goes away: another process has nothing to send to it."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.envoy_process import running_envoy
from tests.features.csds import until_synced
from tests.features.plane import Plane, node_id
from tests.features.real_envoy import bootstrap, figures
from tests.features.served import Served, serving, write
from tests.features.shop import route
from tests.features.stream import PATIENCE
from tests.xds.relay import relay
from tests.xds.rules import rules

KINDS = ("cds", "eds", "lds", "rds")
COUNTED = (*KINDS, "vhds", "sds", "other")
RULE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
POD = "shop/web"


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards."""
    return getattr(request, "param", None)


@pytest.mark.parametrize(
    ("options", "kinds", "end"),
    [
        pytest.param((), (*KINDS, "vhds"), signal.SIGTERM, id="drained"),
        pytest.param((), (*KINDS, "vhds"), signal.SIGKILL, id="killed"),
        pytest.param(("--inline-routes",), KINDS, signal.SIGTERM, id="inline-drained"),
    ],
)
@rules("X-60", "X-62")
async def test_the_other_replica_sends_nothing_but_what_changes_from_then_on(
    home: Path,
    plane: Plane,
    envoy_binary: Path,
    options: Sequence[str],
    kinds: Sequence[str],
    end: signal.Signals,
) -> None:
    """Two processes that share nothing but folders: not even an empty response goes out."""
    authority = ("--ca-folder", str(home / "ca"))
    given = (*options, "--metrics", "127.0.0.1:0", "--inspector", POD, *authority)
    async with (
        serving(home, plane, *given) as one,
        serving(home, plane, *given, name="two") as two,
        relay(one.port) as service,
    ):
        roots = await one.root() + await two.root()
        namespace, _, pod = plane.pod(POD).partition("/")
        config = bootstrap(node_id(namespace, pod), plane.token(POD), roots, service.port)
        async with running_envoy(envoy_binary, home, config):
            await until_synced(one, POD, kinds)
            first = await pushes(one)
            assert [kind for kind in kinds if kind not in first] == []
            service.target = two.port
            one.process.send_signal(end)
            await until_synced(two, POD, kinds)
            assert await pushes(two) == {}
            await write(home / "yaml" / "route.yaml", route("reviews", RULE))
            async with asyncio.timeout(PATIENCE):
                while not (found := await pushes(two)):
                    pass
            assert found == {kinds[-1]: 1}


async def pushes(served: Served) -> Mapping[str, float]:
    """How many responses of each type it has sent, empty ones too."""
    found = await figures(served)
    counted = {kind: found[f'heddle_xds_pushes_total{{type="{kind}"}}'] for kind in COUNTED}
    return {kind: number for kind, number in counted.items() if number}
