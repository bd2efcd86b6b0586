"""Whether the listeners of Envoys take calls: they acknowledge what they are still warming up."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from heddle.proxies.admin import ToAdmin, read_admin

_WARMING = "listener_manager.total_listeners_warming"
_TRIES = 200
"""A listener that waits for what does not come, such as a secret, is not waited for any longer."""
_PAUSE = 0.02
"""Seconds between two of them."""


class Warmth:
    """Asks the admin ports."""

    def __init__(self, to_admin: ToAdmin) -> None:
        self._to_admin = to_admin

    async def wait(self, pods: Iterable[str]) -> None:
        """Returns once no listener of these pods (namespace/name) is warming up."""
        async with asyncio.TaskGroup() as group:
            for pod in pods:
                group.create_task(self._one(pod))

    async def _one(self, pod: str) -> None:
        namespace, _, name = pod.partition("/")
        with suppress(OSError):  # it has gone
            for _ in range(_TRIES):
                if not await self._is_warming(namespace, name):
                    return
                await asyncio.sleep(_PAUSE)

    async def _is_warming(self, namespace: str, name: str) -> bool:
        async with self._to_admin(namespace, name, None) as admin:
            said = await read_admin(admin, "stats", {"filter": f"^{_WARMING}$"})
        return said.text.strip() != f"{_WARMING}: 0"
