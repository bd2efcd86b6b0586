"""A real Envoy as a process of its own."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def running_envoy(
    binary: Path, folder: Path, config: Mapping[str, object], level: str = "warning"
) -> AsyncIterator[None]:
    """An Envoy with this bootstrap, until the block ends; its log is in the folder."""
    file = folder / "bootstrap.json"
    await asyncio.to_thread(file.write_text, json.dumps(config))
    with (folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            binary,
            *("--config-path", file, "--use-dynamic-base-id"),
            *("--concurrency", "1", "--log-level", level),
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"]},
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()
