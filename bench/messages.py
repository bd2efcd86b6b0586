"""What the benchmark asks of the server's process and of the proxies', and what they answer.

All instants are of CLOCK_MONOTONIC in nanoseconds, which the processes of one machine share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.shapes import EditKind, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """To the server: load the mesh and listen."""

    shape: Shape
    tls: bool
    inline: bool = False
    """Virtual hosts within route configurations, and not as resources of their own."""
    identified: bool = False
    """Whether proxies must show a token of their pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where it listens, whom to trust, and how many resources of each type a proxy will hold."""

    port: int
    root_pem: bytes = field(repr=False)
    resources: Mapping[str, int]
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """One for each proxy, in order, where they must show one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """To the server: make the objects of an edit (if any), and count from now."""

    kind: EditKind | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """To the server: put the prepared objects into the store and publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """`began` is when the store took the change; `took` is in seconds, until it was published."""

    began: int
    took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """To the server: wait until all clients have acknowledged all; with `trim`, collect garbage."""

    clients: int
    trim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server used: CPU since `Prepare` in seconds, memory in bytes.

    Since `Prepare`, too: `peak`, the largest memory; `lag`, the longest turn of the event loop in
    seconds; `turns`, how many there were in each bucket of `bench.loop.BOUNDS`.
    """

    cpu: float
    rss: int
    peak: int
    lag: float
    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """To the proxies: so many more of them connect, all at once, and sync."""

    count: int
    namespaces: int
    server: Started
    tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """To the proxies: all of them leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """To the proxies: those of `namespace`, or all, wait for these marks, and count from now."""

    marks: tuple[tuple[str, bytes], ...]
    namespace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """To the proxies: wait until all have what they expect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """To the proxies: say how much they received since they began to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """When the first and the last of `concerned` proxies had what they expected.

    `responses` and `size` are what all proxies together got. `began` is when they began to count.
    `size` is in bytes of messages, without HTTP/2's framing. `cpu` is what the proxies themselves
    used, in seconds: if it comes near the time that passed, they were the bottleneck.
    """

    began: int
    first: int
    last: int
    concerned: int
    responses: int
    size: int
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It is done."""
