"""The library's example, run as its reader would: it serves a real Envoy from a file."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.xds import real_envoy as real

EXAMPLES = "examples/xds"
LINES = 30


def test_the_document_shows_the_example_as_it_is(repo_root: Path) -> None:
    example = (repo_root / EXAMPLES / "serve.py").read_text()
    assert f"```python\n{example}```" in (repo_root / "docs/xds-library.md").read_text()


def test_the_example_is_short(repo_root: Path) -> None:
    """Imports and blank lines are not counted."""
    lines = (repo_root / EXAMPLES / "serve.py").read_text().splitlines()
    counted = [x for x in lines if x and not x.startswith(("import ", "from ", "#", '"""'))]
    assert len(counted) <= LINES


@pytest.mark.envoy
async def test_the_example_serves_an_envoy_and_follows_its_file(
    repo_root: Path, tmp_path: Path, envoy_binary: Path
) -> None:
    folder = repo_root / EXAMPLES
    port, ads = free_port(), free_port()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(real.backend("one"))
        two = await stack.enter_async_context(real.backend("two"))

        def resources(backend: int) -> str:
            text = (folder / "envoy.yaml").read_text()
            return text.replace("8080", str(backend)).replace("10000", str(port))

        served = tmp_path / "resources.yaml"
        served.write_text(resources(one))
        await stack.enter_async_context(_example(folder / "serve.py", served, ads))
        bootstrap = tmp_path / "bootstrap.yaml"
        bootstrap.write_text((folder / "bootstrap.yaml").read_text().replace("18000", str(ads)))
        await stack.enter_async_context(_envoy(envoy_binary, bootstrap))
        await real.until_answered(port, _says("one"))
        for backend, answer in ((two, "two"), (one, "one")):
            # As an editor saves: no reader ever sees half of a file.
            saved = tmp_path / "saved"
            saved.write_text(resources(backend))
            saved.replace(served)
            await real.until_answered(port, _says(answer))


def _says(body: str) -> Callable[[tuple[int, str]], bool]:
    return lambda answer: answer == (200, body)


@asynccontextmanager
async def _example(script: Path, resources: Path, port: int) -> AsyncIterator[None]:
    command = (sys.executable, script, resources, f"127.0.0.1:{port}")
    async with _process(command, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        async with asyncio.timeout(real.PATIENCE):
            assert await process.stdout.readline() == f"serving on port {port}\n".encode()
        yield


@asynccontextmanager
async def _envoy(binary: Path, bootstrap: Path) -> AsyncIterator[None]:
    options = ("--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error")
    async with _process((binary, "--config-path", bootstrap, *options), stdout=None):
        yield


@asynccontextmanager
async def _process(
    command: tuple[str | Path, ...], *, stdout: int | None
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=stdout, stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()
