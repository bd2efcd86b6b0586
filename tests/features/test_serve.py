"""`heddle serve` as a user starts it: a folder, a key set, a port; and a proxy that connects."""

import asyncio
import json
import signal
import ssl
from pathlib import Path

import aiohttp

from heddle.injection import SERVER_NAME
from tests.fakes.envoy import FakeEnvoy, Push
from tests.features.plane import Plane
from tests.features.real_envoy import figures
from tests.features.served import HEDDLE, Served, serving, write
from tests.features.shop import REVIEWS, route, workload
from tests.features.stream import PATIENCE, connected
from tests.webhook.pods import pod
from tests.webhook.reviews import question as review_of
from tests.webhook.reviews import said

ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
FILES = 200


async def test_a_proxy_is_served_and_told_of_edits(served: Served) -> None:
    async with served.stream("shop/web") as stream:
        await stream.ping()
        for body in (ONE, TWO):
            stream.envoy.pushes.clear()
            await write(served.folder / "route.yaml", route("reviews", body))
            await stream.until(lambda: bool(stream.envoy.pushes))
            assert stream.envoy.pushes == [Push("vhds", (f"80/{REVIEWS}:80",))]


async def test_it_ends_in_order_when_told_to(served: Served) -> None:
    async with served.stream("shop/web") as stream:
        served.process.send_signal(signal.SIGTERM)
        assert (await stream.refused()).name == "UNAVAILABLE"
    async with asyncio.timeout(PATIENCE):
        assert await served.process.wait() == 0


async def test_of_two_hundred_files_a_broken_one_harms_no_other(served: Served) -> None:
    """The problem is printed once, with file, path and what to do; all the others are served."""
    broken = f"service-{FILES // 2}"

    def write_all() -> None:
        for number in range(FILES):
            text = workload(f"service-{number}")
            if f"service-{number}" == broken:
                text = text.replace("port: 80", "port: eighty")
            (served.folder / f"{number:03}.yaml").write_text(text)

    await asyncio.to_thread(write_all)
    async with served.stream("shop/web") as stream:
        others = {f"service-{n}" for n in range(FILES)} - {broken}
        await stream.until(lambda: others <= _hosts(stream.envoy))
        assert broken not in _hosts(stream.envoy)
    served.process.send_signal(signal.SIGTERM)
    told = [line for line in await served.rest_of_log() if broken in line]
    assert len([line for line in told if "eighty" in line]) == 1, told
    (line,) = [line for line in told if "eighty" in line]
    for part in (f"{FILES // 2}.yaml", "spec.ports[0].port", "number"):
        assert part in line


def _hosts(envoy: FakeEnvoy) -> set[str]:
    names = [name for kind, name in envoy.versions() if kind == "vhds"]
    return {name.removeprefix("80/").partition(".")[0] for name in names}


async def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path, plane: Plane) -> None:
    await write(tmp_path / "jwks.json", json.dumps(plane.issuer.jwks()))
    process = await asyncio.create_subprocess_exec(
        HEDDLE,
        "serve",
        *("--folder", str(tmp_path / "none"), "--listen", "127.0.0.1:0"),
        *("--token-jwks", str(tmp_path / "jwks.json"), "--token-issuer", plane.issuer.issuer),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert str(tmp_path / "none") in errors.decode()


async def test_its_metrics_count_streams_and_turns_of_the_loop(home: Path, plane: Plane) -> None:
    async with (
        serving(home, plane, "--metrics", "127.0.0.1:0") as served,
        served.stream("shop/web"),
    ):
        async with asyncio.timeout(PATIENCE):  # turns of the loop take their time
            while (found := await figures(served))["heddle_loop_lag_seconds_count"] <= 10:
                pass
    assert found["heddle_xds_clients"] == 1
    assert found['heddle_xds_pushes_total{type="cds"}'] == 1
    assert found["process_resident_memory_bytes"] > 0


async def test_the_api_server_is_answered_by_the_mesh_roots_own_certificate(
    home: Path, plane: Plane
) -> None:
    options = ("--webhook", "127.0.0.1:0", "--revision", "canary")
    # Who has a stream has it of one that has read the settings.
    async with serving(home, plane, *options) as served, served.stream("shop/web"):
        trusting = ssl.create_default_context(cadata=(await served.root()).decode())
        question = review_of(new=pod())
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{served.webhook}/inject", json=question, ssl=trusting, server_hostname=SERVER_NAME
            ) as answer,
        ):
            found = said(await answer.read())
    assert '"revision":"canary"' in str(found["patch"])


async def test_a_second_replica_and_a_restart_resend_nothing(home: Path, plane: Plane) -> None:
    """Two processes that read the same folder give everything the same version."""
    async with serving(home, plane) as one, one.stream("shop/web") as stream:
        await stream.ping()
        envoy = stream.envoy
    async with serving(home, plane, name="two") as two:
        async with two.stream("shop/web"):
            pass  # it has read the folder
        envoy.pushes.clear()
        address, metadata = f"127.0.0.1:{two.port}", two.metadata("shop/web")
        async with connected(address, await two.root(), SERVER_NAME, metadata, envoy) as again:
            assert await again.ping() == []
            assert {kind for kind, _ in envoy.versions()} == {"cds", "eds", "lds", "rds", "vhds"}
