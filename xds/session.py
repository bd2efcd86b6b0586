"""One stream's life: a reader that feeds requests in, a writer that takes responses out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from xds.errors import Reconnect, StreamEnded
from xds.pacer import Pacer
from xds.status import Client, Clients, is_brought_up

Request = TypeVar("Request")
Write = Callable[[bytes], Awaitable[None]]

HUNG_UP: Final = None


class WriteTimeout(Reconnect):
    """The client does not read."""


class Session:
    """Runs one client's stream until one side ends it."""

    def __init__(
        self,
        clients: Clients,
        pacer: Pacer,
        *,
        write_timeout: float,
        synced: Callable[[], None] = lambda: None,
    ) -> None:
        """`synced` is called once: when the client has got what it asked for at first."""
        self._clients = clients
        self._pacer = pacer
        self._write_timeout = write_timeout
        self._synced: Callable[[], None] | None = synced
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._over = False
        self._reason: StreamEnded | None = None

    def wake(self) -> None:
        """There may be something to send, to this client and to many others."""
        self._pacer.wake(self._wake)

    def end(self, reason: StreamEnded | None) -> None:
        """End the stream for `reason`; for `None` when the client has ended it."""
        if not self._over:
            self._over = True
            self._reason = reason
        self._wake.set()

    async def run(
        self,
        client: Client,
        receive: Callable[[Request, float], bool],
        first: Request,
        read: Callable[[], Awaitable[Request | None]],
        write: Write,
    ) -> None:
        """Serve until the client hangs up; raises the reason when the server ends the stream.

        `receive` is that of the client's stream.
        """

        def take(request: Request) -> None:
            self._take(client, lambda now: receive(request, now))

        take(first)
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(take, read))
            await self._write(client, write)
            reader.cancel()
        if self._reason is not None:
            raise self._reason

    async def _read(
        self, take: Callable[[Request], None], read: Callable[[], Awaitable[Request | None]]
    ) -> None:
        try:
            while (request := await read()) is not None:
                take(request)
        except StreamEnded as reason:
            self.end(reason)
        self.end(HUNG_UP)

    def _take(self, client: Client, receive: Callable[[float], bool]) -> None:
        try:
            if receive(self._loop.time()):
                self._wake.set()
        except StreamEnded as reason:
            self.end(reason)
        self._progress(client)

    def _progress(self, client: Client) -> None:
        self._clients.touch(client)
        if self._synced is not None and is_brought_up(client.stream.exchanges()):
            self._synced()
            self._synced = None

    async def _write(self, client: Client, write: Write) -> None:
        try:
            async with asyncio.timeout(None) as patience:
                await self._serve(client, write, patience)
        except TimeoutError:
            self.end(WriteTimeout("the client does not read"))

    async def _serve(self, client: Client, write: Write, patience: asyncio.Timeout) -> None:
        while not self._over:
            self._wake.clear()
            try:
                responses = client.stream.poll(self._loop.time())
            except StreamEnded as reason:
                self.end(reason)
                return
            while responses:  # emptied as it is written: a stream that sleeps must hold no bytes
                patience.reschedule(self._loop.time() + self._write_timeout)
                await write(responses.pop(0))
            patience.reschedule(None)
            self._progress(client)
            await self._sleep(client.stream.next_wakeup())

    async def _sleep(self, deadline: float | None) -> None:
        if deadline is None:
            await self._wake.wait()
            return
        timer = self._loop.call_at(deadline, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
