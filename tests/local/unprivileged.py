"""Runs `static_mesh` in proxy-port mode as a user without any privilege: inside a sandbox, in a pod
whose application is another runner.

    python -m tests.local.unprivileged ENVOY
"""

import asyncio
import sys
from pathlib import Path

from heddle.local.modes import RunMode
from tests.local.nodes import PYTHON, Lines, container, pod, pods, runner


async def main(envoy: Path) -> None:
    """Show the inner runner's last line."""
    lines = Lines()
    arguments = ["-m", "tests.local.static_mesh", "proxy-port", str(envoy), "/tmp/state"]
    inner = container("") | {"image": PYTHON, "args": arguments}
    async with runner(
        RunMode.NAMESPACES, Path("/dev/shm/test"), envoy=envoy, on_line=lines
    ) as node:
        await node.reconcile(pods(pod("inner", "10.201.1.1", inner)), {}, b"root")
        async with asyncio.timeout(90):
            async for status in node.events():
                if lines.texts() or status.restarts:
                    break
    for line in lines.lines:
        print(line.text.decode(), file=sys.stdout if line.stream == "stdout" else sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
