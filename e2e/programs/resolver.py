"""A name server on 127.0.0.1:53. `NAMES` are names with an IPv4 address each, `name=address` and
commas between; no other name exists. To any question for texts it answers with those that it was
asked for addresses so far. It takes connections at `READY_PORT` once it answers.
"""

import os
import socket
from collections.abc import Mapping

from e2e.programs.questions import NO_ERROR, NO_SUCH_NAME, TXT, A, Question, question

READY_PORT = 8053


def reply(asked: Question, names: Mapping[str, str], seen: list[str]) -> bytes:
    """What it answers."""
    if asked.kind == TXT:
        return asked.answer(NO_ERROR, seen)
    seen.append(f"{asked.name} {asked.kind}")
    if asked.name not in names:
        return asked.answer(NO_SUCH_NAME, [])
    return asked.answer(NO_ERROR, [names[asked.name]] if asked.kind == A else [])


def main() -> None:
    """Until somebody ends it."""
    names = dict(pair.split("=") for pair in os.environ["NAMES"].split(",") if pair)
    seen: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        with socket.create_server(("0.0.0.0", READY_PORT)):
            while True:
                data, who = server.recvfrom(4096)
                server.sendto(reply(question(data), names, seen), who)


if __name__ == "__main__":
    main()
