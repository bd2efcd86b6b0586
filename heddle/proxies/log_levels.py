"""The levels at which a proxy logs, by logger. They are read and set by a POST to its admin port
(https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--logging).
"""

import re
from collections.abc import Mapping
from socket import socket
from typing import Final

from heddle.proxies.exchange import exchange

LEVELS: Final = ("trace", "debug", "info", "warning", "error", "critical", "off")
DEFAULT: Final = "warning"
"""Of a sidecar that nobody gave another (`sidecar.istio.io/logLevel`)."""
_LOGGER: Final = re.compile(r"[a-z0-9_]{1,64}")
_LINE: Final = re.compile(r" +([a-z0-9_]+): ([a-z]+)")
_OK: Final = 200


class NoLevels(Exception):
    """The proxy does not answer with levels."""


def query(wanted: str) -> str:
    """What asks for these levels: `debug` for all loggers, or `http:debug,rbac:trace`; nothing
    changes none. Raises `ValueError`.
    """
    if not wanted:
        return ""
    if ":" not in wanted:
        return f"level={_level(wanted)}"
    pairs = []
    for each in wanted.split(","):
        logger, _, level = each.partition(":")
        if not _LOGGER.fullmatch(logger):
            raise ValueError(f"{each!r} is not LOGGER:LEVEL")
        pairs.append(f"{logger}:{_level(level)}")
    return f"paths={','.join(pairs)}"


def _level(text: str) -> str:
    if text not in LEVELS:
        raise ValueError(f"{text!r} is no level; there are {', '.join(LEVELS)}")
    return text


def levels(text: str) -> Mapping[str, str]:
    """By logger, from what Envoy says."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _LINE.fullmatch(line))}


async def exchange_levels(connected: socket, wanted: str) -> Mapping[str, str]:
    """The levels, once those that are wanted (see `query`) are set. Raises `ValueError` before
    anything is sent, `NoLevels` and `OSError`.
    """
    asked = query(wanted)
    path = f"/logging?{asked}" if asked else "/logging"
    headers = {"host": "localhost", "content-length": "0"}
    answer = await exchange(connected, path, headers, method="POST")
    found = levels(answer.text)
    if answer.status != _OK or not found:
        said = answer.text.strip()[:200]
        raise NoLevels(f"its /logging answers {answer.status}: {said}")
    return found
