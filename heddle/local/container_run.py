"""One container of a running pod: started, watched, started again, stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from heddle.local.containers import Container, Role
from heddle.local.launch import FAILED
from heddle.local.probes import Command, Probe, passes
from heddle.local.processes import Process

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Between an end and the next start, in seconds; it doubles each time."""
STEADY = 10.0
"""Who ran for so long starts with the first pause again, in seconds."""

_IMPATIENT = 0.1
"""How often a probe that has never passed is repeated, in seconds: nobody wants to wait here."""

Start = Callable[[tuple[str, ...] | None], Awaitable[Process]]
"""Starts the container's program, or another command in its place."""


def next_pause(pause: float, ran: float) -> float:
    """The pause after one of `pause`, when the container has run for `ran` seconds."""
    return FIRST_PAUSE if ran >= STEADY else min(pause * 2, LONGEST_PAUSE)


class ContainerRun:
    """`changed` is called with every change of the attributes. `address` is the pod's."""

    def __init__(
        self,
        container: Container,
        *,
        address: str,
        grace: float,
        start: Start,
        changed: Callable[[], None],
    ) -> None:
        """`grace`: how many seconds it may take to end."""
        self.container = container
        self.ready = False
        self.restarts = 0
        self.exit_status: int | None = None
        """Of the last end; None while it runs, if it has not ended by itself."""
        self.started = asyncio.Event()
        """It runs, and has passed its startup probe."""
        self._address = address
        self._grace = grace
        self._start = start
        self._changed = changed
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def run(self, *, again_after: Callable[[int], bool]) -> int:
        """Run it until it has ended and is not to be run again; its last exit status."""
        pause = FIRST_PAUSE
        clock = asyncio.get_running_loop().time
        while True:
            since = clock()
            code = await self._once()
            if self._stopping.is_set() or not again_after(code):
                return code
            self.restarts += 1
            self._changed()
            await _first(self._stopping, pause)
            if self._stopping.is_set():
                return code
            pause = next_pause(pause, clock() - since)

    async def stop(self) -> None:
        """End it for good."""
        self._stopping.set()
        if self._process is not None:
            await self._end(self._process)

    async def write(self, data: bytes) -> None:
        """To its standard input; lost if it is not running."""
        if self._process is not None:
            await self._process.write(data)

    async def _once(self) -> int:
        try:
            process = self._process = await self._start(None)
        except OSError:  # no more processes or files: it may be better after the pause
            self.exit_status = FAILED
            return FAILED
        self.exit_status = None
        try:
            if self._stopping.is_set():  # while it was starting
                process.kill()
            async with asyncio.TaskGroup() as group:
                probing = group.create_task(self._probe(process))
                code = await process.wait()
                probing.cancel()
        except BaseException:
            await process.discard()
            raise
        finally:
            self._process = None
            self.ready = False
        self.exit_status = code
        self._changed()
        return code

    async def _probe(self, process: Process) -> None:
        if self.container.startup and not await self._starts(self.container.startup):
            process.kill()
            return
        self.started.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_readiness(self.container.readiness))
            if self.container.liveness is not None:
                group.create_task(self._follow_liveness(self.container.liveness, process))

    async def _starts(self, probe: Probe) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(probe.initial_delay + probe.period * probe.failures):
                await asyncio.sleep(probe.initial_delay)
                while True:
                    if await self._passes(probe):
                        return True
                    await asyncio.sleep(_IMPATIENT)
        return False

    async def _follow_readiness(self, probe: Probe | None) -> None:
        if probe is None:
            self._set_ready(self.container.role is not Role.INIT)
            return
        await asyncio.sleep(probe.initial_delay)
        failures = 0
        while True:
            passed = await self._passes(probe)
            failures = 0 if passed else failures + 1
            if passed or failures >= probe.failures:
                self._set_ready(passed)
            await asyncio.sleep(probe.period if self.ready else min(_IMPATIENT, probe.period))

    async def _follow_liveness(self, probe: Probe, process: Process) -> None:
        await asyncio.sleep(probe.initial_delay)
        failures = 0
        while True:
            failures = 0 if await self._passes(probe) else failures + 1
            if failures >= probe.failures:
                break
            await asyncio.sleep(probe.period)
        await self._end(process)

    async def _passes(self, probe: Probe) -> bool:
        if not isinstance(probe.check, Command):
            return await passes(probe.check, self._address, probe.timeout)
        return await self._succeeds(probe.check.command, probe.timeout)

    async def _succeeds(self, command: tuple[str, ...], seconds: float) -> bool:
        try:
            process = await self._start(command)
        except OSError:
            return False
        try:
            async with asyncio.timeout(seconds):
                return await process.wait() == 0
        except TimeoutError:
            return False
        finally:
            await process.discard()

    async def _end(self, process: Process) -> None:
        """Its `preStop` hook, SIGTERM, and when the time is over SIGKILL."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._hook()
        await process.stop(self._grace)

    async def _hook(self) -> None:
        if (hook := self.container.before_stop) is None:
            return
        await asyncio.sleep(hook.seconds)
        if hook.command:
            await self._succeeds(hook.command, LONGEST_PAUSE)

    def _set_ready(self, ready: bool) -> None:
        if ready != self.ready:
            self.ready = ready
            self._changed()


async def _first(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
