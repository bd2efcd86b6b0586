"""A `heddle serve` as a user starts it."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from heddle.injection import SERVER_NAME
from tests.features.plane import Plane
from tests.features.stream import PATIENCE, Stream, connected

START_SECONDS = 90.0
"""How long a program may take to start, on a machine that has much else to do."""
HEDDLE = str(Path(sys.executable).with_name("heddle"))


class Served:
    """A `heddle serve` that runs on `folder`. `twin` knows its pods and issues its tokens."""

    def __init__(
        self, folder: Path, root: Path, twin: Plane, process: asyncio.subprocess.Process
    ) -> None:
        self.folder = folder
        self.process = process
        self.log: list[str] = []
        self.port = 0
        self._root = root
        self._twin = twin

    async def until_logged(self, pattern: str) -> re.Match[str]:
        """Waits until a line of its log matches."""
        assert self.process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
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
        self.port = int((await self.until_logged(r"serving.*port=(\d+)"))[1])

    @property
    def metrics(self) -> str:
        """Where its metrics are, if it was given `--metrics`."""
        told = next(line for line in self.log if "metrics" in line)
        return f"http://127.0.0.1:{told.rpartition('port=')[2].strip()}/metrics"

    @property
    def webhook(self) -> str:
        """Where the API server asks, if it was given `--webhook`."""
        told = next(line for line in self.log if "answering the API server" in line)
        return f"https://127.0.0.1:{told.rpartition('port=')[2].strip()}"

    def metadata(self, pod: str) -> list[tuple[str, str]]:
        """What a pod shows."""
        return [("authorization", f"Bearer {self._twin.token(pod)}")]

    def uid(self, pod: str) -> str:
        """The UID of a pod."""
        return self._twin.uid(pod)

    @asynccontextmanager
    async def silent(self, pod: str) -> AsyncIterator[Stream]:
        """A stream on which a pod shows its token and says nothing."""
        address, metadata = f"127.0.0.1:{self.port}", self.metadata(pod)
        async with connected(address, await self.root(), SERVER_NAME, metadata, None) as stream:
            yield stream

    async def root(self) -> bytes:
        """What clients trust."""
        return await asyncio.to_thread(self._root.read_bytes)

    @asynccontextmanager
    async def stream(self, pod: str) -> AsyncIterator[Stream]:
        """A stream of a pod; comes again until the folder is read."""
        metadata, root = self.metadata(pod), await self.root()
        async with asyncio.timeout(PATIENCE):
            while True:
                envoy = self._twin.envoy(pod)
                address = f"127.0.0.1:{self.port}"
                async with connected(address, root, SERVER_NAME, metadata, envoy) as stream:
                    if await _is_served(stream):
                        yield stream
                        return


async def _is_served(stream: Stream) -> bool:
    with suppress(AssertionError):
        await stream.synced()
        return True
    return False


async def write(path: Path, text: str) -> None:
    """A file with this text, at once: nobody ever reads a part of it."""

    def replace() -> None:
        new = path.with_name(f".{path.name}.new")
        new.write_text(text)
        new.rename(path)

    await asyncio.to_thread(replace)


@asynccontextmanager
async def serving(
    home: Path, twin: Plane, *options: str, name: str = "one", tokens: Sequence[str] = ()
) -> AsyncIterator[Served]:
    """A `heddle serve`, called `name`, of the folder `yaml` in `home`. `tokens` are options that
    say how it verifies tokens; by default with a file of keys.
    """
    root, keys = home / f"{name}.pem", home / "jwks.json"
    await write(keys, json.dumps(twin.issuer.jwks()))
    offline = ("--token-jwks", str(keys), "--token-issuer", twin.issuer.issuer)
    process = await asyncio.create_subprocess_exec(
        HEDDLE,
        "serve",
        *("--folder", str(home / "yaml"), "--listen", "127.0.0.1:0"),
        *(tokens or offline),
        *("--root-out", str(root), *options),
        env={**os.environ, "NO_COLOR": "1"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        found = Served(home / "yaml", root, twin, process)
        await found.started()
        yield found
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
