"""The load generator of the examples: `python -m heddle.demo.load`.

Configured by the environment as a container is: `URL`, `RATE` (requests a second), `CONCURRENCY`,
`TIMEOUT` (seconds), `TESTER_HEADER`, `TESTER_EVERY` and `HTTP_PROXY`. It prints a line every 100 ms
in which a request ended (load_report.py) and takes commands on its standard input
(load_command.py); without any it goes on as the environment says.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from heddle.demo import load_command, load_report
from heddle.demo.http_client import FAILURES, Client, Response
from heddle.demo.latency import bucket
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import Counts, Report

REPORT_INTERVAL = 0.1
"""Seconds between two reports."""

LONGEST_BACKLOG = 0.5
"""Seconds that the load may be late before it gives the missed requests up: a mesh that stalls gets
no burst after it."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says."""

    url: str
    concurrency: int
    timeout: float
    proxy: str | None
    first: LoadCommand


def settings(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment gives."""
    return Settings(
        url=environment.get("URL", "http://storefront:9080/"),
        concurrency=int(environment.get("CONCURRENCY", "8")),
        timeout=float(environment.get("TIMEOUT", "5")),
        proxy=environment.get("HTTP_PROXY") or None,
        first=LoadCommand(
            phase="environment",
            rate=float(environment.get("RATE", "50")),
            tester=environment.get("TESTER_HEADER", ""),
            tester_every=int(environment.get("TESTER_EVERY", "11")),
        ),
    )


@dataclass(slots=True)
class _Tally:
    """The requests of a phase that ended since its last report."""

    requests: int = 0
    testers: int = 0
    failed: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    tester_versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)


class _Phase:
    """One command at work: which request is due when, and what became of those that ended."""

    def __init__(self, command: LoadCommand, now: float) -> None:
        self.command = command
        self._rate = command.rate or 0.0
        self.replaced = asyncio.Event()
        self.tally = _Tally()
        self._start = now
        self._taken = 0
        self._since_start = 0
        self._in_flight = 0
        self._ended = 0

    @property
    def idle(self) -> bool:
        """Whether it begins no further request."""
        return self._rate <= 0 or self._taken == self.command.requests

    @property
    def done(self) -> bool:
        """Whether it had a given number of requests and all have ended."""
        return self._ended == self.command.requests

    @property
    def quiet(self) -> bool:
        """Whether nothing is in flight and all that ended is reported."""
        return not self._in_flight and not self.tally.requests

    def next(self, now: float) -> tuple[float, bool]:
        """Take the next request: when it is due, and whether it is a tester's."""
        due = self._start + self._since_start / self._rate
        if now - due > LONGEST_BACKLOG:
            self._start, self._since_start, due = now, 0, now
        self._taken += 1
        self._since_start += 1
        every = self.command.tester_every
        return due, bool(every and self.command.tester and self._taken % every == 0)

    def begun(self) -> None:
        """Count a request that is sent."""
        self._in_flight += 1

    def ended(self, seconds: float, *, tester: bool, outcome: Response | str) -> None:
        """Count a request that ended: with a response, or without one and why."""
        self._in_flight -= 1
        self._ended += 1
        tally = self.tally
        tally.requests += 1
        tally.testers += tester
        tally.latency[bucket(seconds)] += 1
        if isinstance(outcome, str):
            tally.failed += 1
            tally.failures[outcome] += 1
            return
        tally.codes[str(outcome.status)] += 1
        if not outcome.successful:
            tally.failed += 1
            text = outcome.body[:300].decode(errors="replace")
            tally.failures[f"{outcome.status}: {text}"] += 1
            return
        versions = tally.tester_versions if tester else tally.versions
        versions.update(answered(outcome.body))


class Load:
    """Sends requests as the newest command says and prints what became of them."""

    def __init__(self, settings: Settings, *, clock: Clock, write: Callable[[str], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._write = write
        self._client = Client(proxy=settings.proxy)
        self._started = clock()
        self._sequence = 0
        self._reconnects = 0
        self._phase = _Phase(settings.first, self._started)
        self._older: list[_Phase] = []

    def command(self, command: LoadCommand) -> None:
        """Go on with this command instead of the one before."""
        before = self._phase
        if command.rate is None:
            command = replace(command, rate=self._settings.first.rate)
        self._older.append(before)
        self._phase = _Phase(command, self._clock())
        before.replaced.set()

    async def run(self) -> None:
        """Send and report until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report_regularly())
                for _ in range(self._settings.concurrency):
                    group.create_task(self._work())
        finally:
            self._report()
            await self._client.close()

    async def _work(self) -> None:
        while True:
            phase = self._phase
            if phase.idle:
                await phase.replaced.wait()
                continue
            due, tester = phase.next(self._clock())
            if await self._due(phase, due):
                await self._request(phase, tester=tester)

    async def _due(self, phase: _Phase, due: float) -> bool:
        """Wait until a request is due; False when its phase ended before."""
        if due <= self._clock():
            return not phase.replaced.is_set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(due - self._clock()):
                await phase.replaced.wait()
                return False
        return True

    async def _request(self, phase: _Phase, *, tester: bool) -> None:
        headers = dict([_header(phase.command.tester)]) if tester else {}
        phase.begun()
        begun = self._clock()
        outcome: Response | str
        try:
            outcome = await self._client.get(
                self._settings.url, headers, within=self._settings.timeout
            )
        except FAILURES as error:
            outcome = f"{type(error).__name__}: {error}"
        phase.ended(self._clock() - begun, tester=tester, outcome=outcome)
        if phase.done:
            self._report()

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            self._report()

    def _report(self) -> None:
        for phase in [*self._older, self._phase]:
            if phase.tally.requests:
                self._write(load_report.encode(self._next_report(phase)))
        self._older = [phase for phase in self._older if not phase.quiet]

    def _next_report(self, phase: _Phase) -> Report:
        tally, phase.tally = phase.tally, _Tally()
        self._sequence += 1
        reconnects = self._client.reconnects - self._reconnects
        self._reconnects = self._client.reconnects
        return Report(
            sequence=self._sequence,
            time=self._clock() - self._started,
            phase=phase.command.phase,
            done=phase.done,
            counts=Counts(
                requests=tally.requests,
                testers=tally.testers,
                failed=tally.failed,
                reconnects=reconnects,
                codes=tally.codes,
                failures=tally.failures,
                versions=tally.versions,
                tester_versions=tally.tester_versions,
                latency=tally.latency,
            ),
        )


async def serve(settings: Settings) -> None:
    """Run the load until SIGTERM or SIGINT, with commands from standard input."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    load = Load(settings, clock=loop.time, write=_write_line)

    def obey(line: str) -> None:
        command = load_command.decode(line)
        if command is not None:
            load.command(command)

    # A thread, because a container's standard input can be a file or /dev/null, which epoll
    # refuses.
    threading.Thread(target=_read_lines, args=(loop, obey), daemon=True).start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(load.run())
        await stop.wait()
        running.cancel()


def _read_lines(loop: asyncio.AbstractEventLoop, obey: Callable[[str], None]) -> None:
    rest = b""
    # os.read, not sys.stdin: its lock would make the interpreter abort when it ends while this
    # thread waits.
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(obey, line.decode(errors="replace"))


def _write_line(line: str) -> None:
    # A broken pipe means that nobody counts any more: ending is right, a traceback is noise.
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os._exit(0)


def answered(body: bytes) -> list[tuple[str, str]]:
    """The services that took part in an answer of `heddle.demo.shop`, each with its version."""
    try:
        return list(_answered(json.loads(body)))
    except ValueError:
        return []


def _answered(answer: object) -> Iterator[tuple[str, str]]:
    if not isinstance(answer, dict):
        return
    service, version, upstreams = (answer.get(name) for name in ("service", "version", "upstreams"))
    if isinstance(service, str) and isinstance(version, str):
        yield service, version
    for upstream in upstreams if isinstance(upstreams, list) else ():
        yield from _answered(upstream)


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip().lower(), value.strip()


def main() -> int:
    """The program."""
    asyncio.run(serve(settings(os.environ)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
