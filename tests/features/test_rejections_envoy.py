"""What a user sees when a real Envoy does not take a resource: here one whose operator limits the
size of regular expressions, so that a route is rejected that any other Envoy takes.
"""

import asyncio
import json
from pathlib import Path

import pytest

from heddle.client_status import Inspection, fetch
from heddle.injection import SERVER_NAME
from tests.envoy_process import running_envoy
from tests.features.csds import until_synced
from tests.features.plane import Plane, node_id
from tests.features.real_envoy import bootstrap, figures
from tests.features.served import HEDDLE, Served, serving, write
from tests.features.shop import REVIEWS, route
from tests.features.stream import PATIENCE

POD = "shop/web"
NAME = f"80/{REVIEWS}:80"
SMALL = {"re2.max_program_size.error_level": 20}
REGEX = '{match: [{uri: {regex: "/[a-z]{9}/[0-9]{9}"}}], route: [{destination: {host: reviews}}]}'
PLAIN = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
KEPT = 'heddle_xds_quarantined{type="vhds"}'
WORDS = "program size"


async def proxy_status(served: Served, token: Path, *options: str) -> tuple[int, str]:
    """The exit code of the command, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        HEDDLE,
        "proxy-status",
        *("--server", f"127.0.0.1:{served.port}", "--token", str(token)),
        *("--root", str(token.parent / "one.pem"), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_log_a_metric_and_the_command_line_name_what_envoy_rejects(
    home: Path, plane: Plane, envoy_binary: Path
) -> None:
    namespace, _, pod = plane.pod(POD).partition("/")
    await write(token := home / "token", plane.token(POD))
    options = ("--metrics", "127.0.0.1:0", "--inspector", "shop/web")
    async with serving(home, plane, *options) as served:
        config = bootstrap(
            node_id(namespace, pod), plane.token(POD), await served.root(), served.port, SMALL
        )
        async with running_envoy(envoy_binary, home, config):
            await until_synced(served, POD, ("cds", "eds", "lds", "rds", "vhds"))
            code, said = await proxy_status(served, token)
            assert code == 0, said
            assert said.splitlines()[1].split()[:2] == [f"shop/{pod}", "SYNCED"]

            await write(served.folder / "route.yaml", route("reviews", REGEX))
            await served.until_logged("resource kept")
            line = served.log[-1]
            assert all(part in line for part in (NAME, WORDS, node_id(namespace, pod)))
            assert (await figures(served))[KEPT] == 1
            code, said = await proxy_status(served, token, "-o", "json")
            (row,) = json.loads(said)
            assert (code, row["proxy"], row["types"]["vhds"]) == (1, f"shop/{pod}", "ERROR")
            assert row["rejected"]["vhds"].startswith(f"{NAME}: ")
            assert WORDS in row["rejected"]["vhds"]
            code, said = await proxy_status(served, token)
            assert (code, f"shop/{pod} vhds: {NAME}: " in said) == (1, True)

            await write(served.folder / "route.yaml", route("reviews", PLAIN))
            await until_synced(served, POD, ("vhds",))
            assert (await figures(served))[KEPT] == 0
            code, said = await proxy_status(served, token)
            assert (code, "ERROR" in said) == (0, False)


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        pytest.param("shop/reviews", "--inspector", id="another account"),
        pytest.param("", "not one that it takes", id="no token"),
        pytest.param("nobody", "nothing answers", id="no server"),
    ],
)
async def test_who_may_not_look_is_told_why(home: Path, plane: Plane, pod: str, told: str) -> None:
    await write(token := home / "token", plane.token(pod) if "/" in pod else "none")
    async with serving(home, plane, "--inspector", "shop/web") as served:
        inspection = Inspection(
            server="127.0.0.1:1" if pod == "nobody" else f"127.0.0.1:{served.port}",
            server_name=SERVER_NAME,
            root=home / "one.pem",
            token=token,
        )
        with pytest.raises(OSError, match=told):
            await asyncio.to_thread(fetch, inspection)
