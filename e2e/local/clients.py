"""The client programs in the pods of a mesh, asked over their standard input and output."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from heddle.local.logs import LONGEST_LINE
from heddle.local.pods import Line

Write = Callable[[str, str, bytes], Awaitable[None]]
"""To the standard input of a container: pod, container, bytes."""


class ClientPrograms:
    """What is asked of them, and what they have answered."""

    def __init__(self) -> None:
        self._asked = 0
        self._answers: dict[object, asyncio.Future[Mapping[str, object]]] = {}
        self._begun: dict[str, bytes] = {}
        """What there is so far of lines that are too long, by pod."""

    def heard(self, line: Line) -> None:
        """A container wrote a line: the answer of a client, perhaps."""
        if line.stream != "stdout" or line.container != "client":
            return
        text = self._begun.pop(line.pod, b"") + line.text
        try:
            answer = json.loads(text)
        except ValueError:
            if len(line.text) != LONGEST_LINE:
                raise
            self._begun[line.pod] = text  # the runner has cut it
            return
        waiting = self._answers.pop(answer["id"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def ask(self, write: Write, pod: str, command: Mapping[str, object]) -> object:
        """What the client in a pod answers (programs/client.py)."""
        self._asked += 1
        name = f"command {self._asked}"
        waiting = self._answers[name] = asyncio.get_running_loop().create_future()
        line = json.dumps({**command, "id": name})
        await write(pod, "client", f"{line}\n".encode())
        answer = await waiting
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))
        return answer["result"]
