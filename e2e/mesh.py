"""What a test can do with a mesh, wherever it runs.

    mesh.apply(YAML)                     # replaces what the test before had applied
    answer = mesh.get("http://echo:8080/a", {"x-user": "tester"})
    assert answer.seen.path == "/a"      # what the server received

A test's YAML adds to base.yaml: namespace `e2e` with the client and with the service `echo`, whose
versions can also be reached as `echo-v1` and `echo-v2`; the namespace `other` with the client
`stranger`; the gateway `ingress` in the namespace `edge`; and without a sidecar the server
`outside` and the client `visitor`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

Outcome = TypeVar("Outcome")

CLIENT = "e2e/client"
STRANGER = "other/stranger"
OUTSIDE = "e2e/outside"
VISITOR = "e2e/visitor"
INGRESS = "edge/ingress"
ECHO = "http://echo:8080"
BATCH = 25
"""How many answers a client gives at once: the local runner cuts longer lines in two."""

SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: e2e}
spec:
  host: echo
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
"""


CHANCE = 1e-10
"""How often a right mesh may fail an exact binomial test of its shares."""

IN_A_ROW, TRIES = 40, 240
"""Of two servers, which are chosen by chance, both have answered then but once in 10^11 times."""


def becomes(ask: Callable[[], Outcome], wanted: Outcome) -> None:
    """Asks until so many answers in a row are what is wanted. Over a connection that was open
    before an edit of policies, the old ones hold for one more request, at each server.
    """
    found: list[Outcome] = []
    while found[-IN_A_ROW:] != [wanted] * IN_A_ROW:
        assert len(found) < TRIES, found
        found.append(ask())


LONGER = (1, 6, 36)
"""How many times as long as elsewhere things may take on a machine that has much else to do."""


def within(seconds: float, happens: Callable[[float], bool]) -> bool:
    """Whether something happens that is given so many seconds; or some times as many, for a limit
    that a test has to wait for is a short one."""
    return any(happens(round(seconds * factor, 3)) for factor in LONGER)


def routes(http: str, *more: str) -> str:
    """The subsets v1 and v2 of `echo`, a VirtualService for it with these rules, and `more`."""
    service = f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: echo, namespace: e2e}}
spec: {{hosts: [echo], http: {http}}}
"""
    return "\n---\n".join((SUBSETS, service, *more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as the server received it; `attempts`: with this `x-echo-id` so far."""

    service: str
    version: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the client got. Without an answer `status` is 0 and `text` says why."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def seen(self) -> Seen:
        """What the server received; fails the test if no server answered."""
        try:
            return Seen(**json.loads(self.text))
        except (ValueError, TypeError):
            raise AssertionError(f"no server answered: {self.status} {self.text}") from None


@dataclass(slots=True)
class Counts:
    """What became of the requests of a load: `outcomes` are `200`, or what went wrong."""

    outcomes: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(self.outcomes.values())

    @property
    def failures(self) -> dict[str, int]:
        """Those that did not succeed."""
        return {what: number for what, number in self.outcomes.items() if what != "200"}


OTHER_CLUSTERS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: other-clusters, namespace: istio-system}
spec:
  host: "*.svc.cluster.local"
  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 9s}}}
"""
"""Changes every cluster, so that Envoy closes the connections of those before."""


class Backend(Protocol):
    """Where a mesh runs."""

    intercepts: bool
    """Whether applications reach the mesh by themselves; else through the sidecar's proxy port."""
    options: Sequence[str]
    """What a command takes to ask this mesh."""

    def apply(self, text: str) -> None:
        """Make this YAML, beside base.yaml, all that there is; return once every proxy has it."""

    def ask(self, pod: str, command: Mapping[str, object]) -> object:
        """What a client program (programs/client.py) answers."""

    def address(self, pod: str) -> str:
        """The address of a pod, by the start of its name."""

    def problems(self) -> Sequence[str]:
        """What is wrong with the configuration."""

    def close(self) -> None:
        """End it."""


class Mesh:
    """A mesh that runs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._names = 0
        self._guarded = False
        """Policies have been applied since the last reset."""

    @property
    def intercepts(self) -> bool:
        """Whether any traffic of the pods is intercepted, not only HTTP that is sent to the proxy
        port."""
        return self._backend.intercepts

    @property
    def options(self) -> Sequence[str]:
        """What a command takes to ask this mesh."""
        return self._backend.options

    def apply(self, *texts: str) -> None:
        """Make this YAML, beside base.yaml, all that there is; return once every proxy has it."""
        self._guarded = self._guarded or any("security.istio.io" in text for text in texts)
        self._backend.apply("\n---\n".join(texts))

    def reset(self) -> None:
        """Make base.yaml all that there is. Connections that have found policies are closed: each
        would serve one more request by them (docs/security.md)."""
        if self._guarded:
            self._guarded = False
            self._backend.apply(OTHER_CLUSTERS)
        self._backend.apply("")

    def problems(self) -> Sequence[str]:
        """What is wrong with the configuration, as `heddle validate` prints it."""
        return self._backend.problems()

    def address(self, pod: str) -> str:
        """The address of a pod, given as namespace/name or the start of it."""
        return self._backend.address(pod)

    def name(self) -> str:
        """An `x-echo-id` that no other request has."""
        self._names += 1
        return f"request-{self._names}"

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        via: str = CLIENT,
        method: str = "GET",
        body: str = "",
        **more: object,
    ) -> Answer:
        """One request from a client pod; `more` as in programs/client.py."""
        (answer,) = self.repeat(url, 1, headers, via=via, method=method, body=body, **more)
        return answer

    def repeat(
        self,
        url: str,
        times: int,
        headers: Mapping[str, str] | None = None,
        *,
        via: str = CLIENT,
        method: str = "GET",
        body: str = "",
        **more: object,
    ) -> list[Answer]:
        """So many requests, one after the other, each on a connection of its own."""
        command = {
            "do": "http",
            "url": url,
            "headers": dict(headers or {}),
            "method": method,
            "body": body,
            **more,
        }
        answers: list[Answer] = []
        while (left := times - len(answers)) > 0:
            found = self._backend.ask(via, {**command, "times": min(left, BATCH)})
            assert isinstance(found, list)
            answers += map(_answer, found)
        return answers

    def received(self, service: str, name: str, count: int) -> list[Seen]:
        """The requests with an `x-echo-id` that a server (`echo-v1`, `echo-v2`) received, once it
        has received `count`; earlier if they do not come."""
        answer = self.get(f"http://{service}:8080/seen?id={name}&count={count}")
        assert answer.status == 200, answer
        shown = json.loads(answer.text)
        who = {"service": shown["service"], "version": shown["version"]}
        return [Seen(**who, **request) for request in shown["requests"]]

    def tcp(self, host: str, port: int, line: str, *, via: str = CLIENT, **more: object) -> str:
        """The line that a TCP server answers to a line; `more` as in programs/client.py."""
        command = {"do": "tcp", "host": host, "port": port, "send": line, **more}
        found = self._backend.ask(via, command)
        assert isinstance(found, list)
        return str(found[-1])

    def resolved(
        self, names: Sequence[tuple[str, int]], *, via: str
    ) -> list[tuple[int, list[str]]]:
        """What a pod's resolver answers to questions for names, of a kind each: a code and values
        (programs/questions.py).
        """
        found = self._backend.ask(via, {"do": "ask", "names": list(names)})
        assert isinstance(found, list)
        return [(code, values) for code, values in found]

    def greeted(self, host: str, port: int, line: str) -> tuple[str, str]:
        """What a server says before it is spoken to, and what it answers to a line."""
        command = {"do": "tcp", "host": host, "port": port, "send": line, "greeted": True}
        found = self._backend.ask(CLIENT, command)
        assert isinstance(found, list)
        return str(found[0]), str(found[-1])

    def websocket(
        self, url: str, headers: Mapping[str, str], texts: Sequence[str]
    ) -> tuple[int, Seen | None, list[str]]:
        """The status; with 101 the handshake as the server received it, and its answers to
        texts."""
        command = {"do": "websocket", "url": url, "headers": dict(headers), "texts": list(texts)}
        answer = self._backend.ask(CLIENT, command)
        assert isinstance(answer, dict)
        first, *rest = answer["heard"] or (None,)
        return answer["status"], Seen(**json.loads(first)) if first else None, rest

    def grpc(
        self,
        target: str,
        method: str,
        headers: Mapping[str, str],
        body: str,
        *,
        via: str = CLIENT,
    ) -> tuple[str, str]:
        """The status code of a unary call, and what was answered."""
        command = {
            "do": "grpc",
            "target": target,
            "method": method,
            "headers": dict(headers),
            "body": body,
        }
        answer = self._backend.ask(via, command)
        assert isinstance(answer, dict)
        return answer["code"], answer["body"]

    @contextmanager
    def load(
        self, url: str, headers: Mapping[str, str] | None = None, *, rate: int = 150
    ) -> Iterator[Counts]:
        """Requests at a steady rate, a second, six at once at most, while the block runs; counted
        when it has ended."""
        counts, name = Counts(), self.name()
        command = {"load": name, "url": url, "headers": dict(headers or {}), "rate": rate}
        self._backend.ask(CLIENT, {"do": "load", **command})
        try:
            yield counts
        finally:
            found = self._backend.ask(CLIENT, {"do": "stop", "load": name})
            assert isinstance(found, dict)
            counts.outcomes, counts.versions = found["outcomes"], found["versions"]
            counts.seconds = found["seconds"]


def _answer(raw: Mapping[str, object]) -> Answer:
    if "error" in raw:
        return Answer(status=0, headers={}, text=str(raw["error"]))
    headers = raw["headers"]
    assert isinstance(headers, dict)
    return Answer(status=int(str(raw["status"])), headers=headers, text=str(raw["body"]))
