"""A real Chromium without a window, driven by its own DevTools protocol over a WebSocket.

Only what the tests of the page need: no driver is installed for it.
"""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from threading import Thread
from typing import IO

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_LISTENING = re.compile(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
_IS_LOADED = "location.href !== 'about:blank' && document.readyState === 'complete'"
_KEYS = {"Tab": 9, "Enter": 13, " ": 32}


def find_browser() -> str | None:
    """The browser of this machine, if it has one; `HEDDLE_BROWSER` may name it."""
    named = (os.environ.get("HEDDLE_BROWSER"), *PROGRAMS)
    return next((path for name in named if name and (path := shutil.which(name))), None)


class Tab:
    """One page of the browser. `complaints` are errors of scripts and what the page's policy did
    not let happen.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Takes in what the browser says, until it is closed."""
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
                continue
            match said["method"]:
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Runtime.exceptionThrown":
                    self.complaints.append(str(said["params"]["exceptionDetails"]))
                case "Log.entryAdded" if said["params"]["entry"]["level"] == "error":
                    self.complaints.append(str(said["params"]["entry"]["text"]))

    async def send(self, method: str, **params: object) -> dict[str, object]:
        """A command of the protocol; its result."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in said, said
        result = said["result"]
        assert isinstance(result, dict)
        return result

    async def open(self, url: str) -> None:
        """Goes to an address, and waits until it is loaded."""
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        async with asyncio.timeout(PATIENCE):
            await self._loaded.wait()
            # It may have been told of the empty page that a tab begins with.
            while not await self.js(_IS_LOADED):
                pass

    async def js(self, expression: str) -> object:
        """The value of an expression of JavaScript; a promise is waited for."""
        said = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in said, said
        result = said["result"]
        assert isinstance(result, dict)
        return result.get("value")

    async def text(self, selector: str = "main") -> str:
        """What a reader sees of an element."""
        return str(await self.js(f"document.querySelector({json.dumps(selector)})?.innerText"))

    async def until(self, expression: str) -> None:
        """Waits until an expression of JavaScript holds."""
        async with asyncio.timeout(PATIENCE):
            await self.js(
                "new Promise(done => { const look = () =>"
                f" ({expression}) ? done(true) : setTimeout(look, 20); look(); }})"
            )

    async def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        for key in keys:
            code = _KEYS[key]
            text = "\r" if key == "Enter" else key if key == " " else ""
            same = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            await self.send("Input.dispatchKeyEvent", type="keyDown", **same)
            await self.send("Input.dispatchKeyEvent", type="keyUp", **same)

    async def dark(self, on: bool) -> None:
        """Has the reader prefer dark, or light, colours."""
        value = "dark" if on else "light"
        await self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": value}],
        )

    async def size(self, width: int, height: int) -> None:
        """The window, in pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def picture(self) -> bytes:
        """What the window shows, as PNG."""
        shot = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(str(shot["data"]))

    async def names(self, role: str) -> Sequence[str]:
        """What a screen reader calls the elements of a role."""
        found = (await self.send("Accessibility.getFullAXTree"))["nodes"]
        assert isinstance(found, list)
        return [
            str(node["name"]["value"])
            for node in found
            if not node["ignored"] and node.get("role", {}).get("value") == role
        ]


@contextmanager
def browser(program: str) -> Iterator[int]:
    """A browser; the port that it is driven by. At the end all that it wrote is gone."""
    with tempfile.TemporaryDirectory(prefix="heddle-browser-", ignore_cleanup_errors=True) as home:
        flags = [*_FLAGS, f"--user-data-dir={home}"]
        if os.getuid() == 0:
            flags.append("--no-sandbox")  # it would not start as root
        process = subprocess.Popen(
            [program, *flags, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "HOME": home},
        )
        assert process.stderr is not None
        reader = Thread(target=process.stderr.read)  # or it would wait for one
        with process, process.stderr:
            try:
                port = _port(process.stderr)
                reader.start()
                yield port
            finally:
                process.kill()
                if reader.is_alive():
                    reader.join()


def _port(said: IO[bytes]) -> int:
    """Where the browser listens, once it says so."""
    for line in said:
        if found := _LISTENING.search(line):
            return int(found[1])
    raise OSError("the browser ended")


@asynccontextmanager
async def new_tab(port: int) -> AsyncIterator[Tab]:
    """An empty page of the browser, closed at the end."""
    base = f"http://127.0.0.1:{port}/json"
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{base}/new?about:blank") as answer:
            target = await answer.json()
        async with (
            session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=64 << 20) as socket,
            asyncio.TaskGroup() as group,
        ):
            tab = Tab(socket)
            listening = group.create_task(tab.listen())
            for domain in ("Page", "Runtime", "Log", "Accessibility"):
                await tab.send(f"{domain}.enable")
            yield tab
            listening.cancel()
        async with session.get(f"{base}/close/{target['id']}"):
            pass
