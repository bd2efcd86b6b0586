"""`heddle serve` as a user starts it: a folder, a key set, a port; and a proxy that connects."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from heddle.injection import SERVER_NAME
from tests.fakes.envoy import FakeEnvoy, Push
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route, workload
from tests.features.stream import PATIENCE, Stream, connected

HEDDLE = str(Path(sys.executable).with_name("heddle"))
ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
FILES = 200


class Served:
    """A `heddle serve` that runs on `folder`. `twin` knows its pods and issues its tokens."""

    def __init__(self, home: Path, twin: Plane, process: asyncio.subprocess.Process) -> None:
        self.folder = home / "yaml"
        self.process = process
        self.log: list[str] = []
        self._home = home
        self._twin = twin
        self._port = 0

    async def until_logged(self, pattern: str) -> re.Match[str]:
        """Waits until a line of its log matches."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stderr.readline()).decode():
                self.log.append(line.rstrip("\n"))
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"it has ended: {self.log}")

    async def rest_of_log(self) -> list[str]:
        """All lines of its log, once it has ended."""
        assert self.process.stderr is not None
        rest = await self.process.stderr.read()
        return [*self.log, *rest.decode().splitlines()]

    async def started(self) -> None:
        """Waits until it listens."""
        self._port = int((await self.until_logged(r"serving.*port=(\d+)"))[1])

    @asynccontextmanager
    async def stream(self, pod: str) -> AsyncIterator[Stream]:
        """A stream of a pod; comes again until the folder is read."""
        metadata = [("authorization", f"Bearer {self._twin.token(pod)}")]
        root = await asyncio.to_thread((self._home / "root.pem").read_bytes)
        async with asyncio.timeout(PATIENCE):
            while True:
                envoy = self._twin.envoy(pod)
                address = f"127.0.0.1:{self._port}"
                async with connected(address, root, SERVER_NAME, metadata, envoy) as stream:
                    if await _is_served(stream):
                        yield stream
                        return


async def _is_served(stream: Stream) -> bool:
    with suppress(AssertionError):
        await stream.synced()
        return True
    return False


@pytest.fixture
async def served(tmp_path: Path, plane: Plane) -> AsyncIterator[Served]:
    """A `heddle serve` of the folder `yaml`, which is empty but for the shop."""
    folder = tmp_path / "yaml"
    await asyncio.to_thread(folder.mkdir)
    await write(folder / "shop.yaml", SHOP)
    plane.apply(SHOP)
    await write(tmp_path / "jwks.json", json.dumps(plane.issuer.jwks()))
    process = await asyncio.create_subprocess_exec(
        HEDDLE,
        "serve",
        *("--folder", str(folder), "--listen", "127.0.0.1:0"),
        *("--token-jwks", str(tmp_path / "jwks.json"), "--token-issuer", plane.issuer.issuer),
        *("--root-out", str(tmp_path / "root.pem")),
        env={"NO_COLOR": "1"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        found = Served(tmp_path, plane, process)
        await found.started()
        yield found
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def write(path: Path, text: str) -> None:
    await asyncio.to_thread(path.write_text, text)


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
