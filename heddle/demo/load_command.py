"""What the load generator is told: one JSON object a line on its standard input, the newest wins.

{"phase": "canary", "rate": 300, "requests": 2200, "tester": "x-tester: true", "tester_every": 11}

`requests` null is continuous; `rate` is in requests a second, 0 pauses, null is what the
environment says. Every `tester_every`th request carries the header `tester` (0: none does).
Requests that are in flight when a command comes still count for the phase they began in.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCommand:
    """A phase of the load; see the module."""

    phase: str
    rate: float | None = None
    requests: int | None = None
    tester: str = ""
    tester_every: int = 0


def encode(command: LoadCommand) -> str:
    """The line, without its end."""
    return json.dumps(asdict(command))


def decode(line: str) -> LoadCommand | None:
    """The command on a line, or None if there is none."""
    try:
        raw = json.loads(line)
        rate, requests = raw.get("rate"), raw.get("requests")
        return LoadCommand(
            phase=str(raw["phase"]),
            rate=None if rate is None else float(rate),
            requests=None if requests is None else int(requests),
            tester=str(raw.get("tester", "")),
            tester_every=int(raw.get("tester_every", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
