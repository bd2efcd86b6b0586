"""Who reaches whom: every PeerAuthentication mode at every level against every other, by each
protocol, with a sidecar and without, and what is on the wire.

A small oracle says what has to come of it, from the rules alone (istio-api.md S-31): the most
specific level that says anything decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from e2e import wire
from e2e.local.mesh import LocalBackend
from heddle.local.modes import RunMode
from tests.security_rows import guards
from tests.semantics import covers

pytestmark = pytest.mark.netns

STRICT, PERMISSIVE, DISABLE, NONE = MODES = ("STRICT", "PERMISSIVE", "DISABLE", "")
PROTOCOLS: Mapping[str, int] = {"http": 8080, "tcp": 9000, "grpc": 7000}
"""The first port of each; there is one for each mode."""
INSIDE, OUTSIDE = CLIENTS = ("reach/inside", "reach/outside")
Doors = dict[tuple[str, int], list[wire.Connection]]
BASE = Path(__file__).with_name("reach.yaml")
ONCE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: once, namespace: reach}
spec:
  host: "*.reach.svc.cluster.local"
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
"""
"""No request takes the connection of one before, which another mode may have secured."""


def name_of(mode: str) -> str:
    """The workload that has this mode."""
    return f"door-{mode.lower() or 'none'}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call from a client to a port of a workload, and the modes that its server was given."""

    client: str
    protocol: str
    mesh: str
    namespace: str
    workload: str
    port_mode: str

    @property
    def port(self) -> int:
        return PROTOCOLS[self.protocol] + MODES.index(self.port_mode)

    @property
    def server(self) -> str:
        return name_of(self.workload)

    @property
    def said(self) -> str:
        """What nobody else says."""
        modes = (self.mesh, self.namespace, self.workload, self.port_mode)
        return "-".join(
            (self.client.partition("/")[2], self.protocol, *(m or "none" for m in modes))
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a call."""

    reached: bool
    encrypted: bool


def expected(call: Call) -> Outcome:
    """The oracle: a sidecar speaks as the server wants to be spoken to, others know no TLS."""
    levels = (call.port_mode, call.workload, call.namespace, call.mesh, PERMISSIVE)
    mode = next(level for level in levels if level != NONE)
    if call.client == INSIDE:
        return Outcome(reached=True, encrypted=mode != DISABLE)
    return Outcome(reached=mode != STRICT, encrypted=False)


def server(mode: str, annotations: str = "") -> str:
    """A Service, and its one pod with all doors, that are named for a workload's mode."""
    name = name_of(mode)
    numbers = {kind: [first + n for n in range(len(MODES))] for kind, first in PROTOCOLS.items()}
    listed = ", ".join(
        f"{{name: {kind}-{n}, port: {n}}}" for kind, each in numbers.items() for n in each
    )
    variables = ", ".join(
        f'{{name: {kind.upper()}_PORTS, value: "{",".join(map(str, each))}"}}'
        for kind, each in numbers.items()
    )
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: reach}}
spec: {{selector: {{app: {name}}}, ports: [{listed}]}}
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: reach
  labels: {{app: {name}}}
  annotations: {{proxy.istio.io/config: "concurrency: 1"{annotations}}}
spec:
  containers:
    - name: doors
      image: heddle-e2e/doors
      env: [{variables}]
      readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}
"""


def peer_authentication(mode: str, namespace: str = "reach", name: str = "default") -> str:
    """For a namespace; nothing where there is no mode."""
    if mode == NONE:
        return ""
    return f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{mtls: {{mode: {mode}}}}}
"""


def of_workload(mode: str) -> str:
    """For a workload and, one mode each, for its ports."""
    name = name_of(mode)
    ports = {
        first + MODES.index(own): own for first, own in product(PROTOCOLS.values(), MODES) if own
    }
    listed = ", ".join(f"{port}: {{mode: {own}}}" for port, own in ports.items())
    mutual = f"mtls: {{mode: {mode}}}, " if mode else ""
    return f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: {name}, namespace: reach}}
spec: {{{mutual}selector: {{matchLabels: {{app: {name}}}}}, portLevelMtls: {{{listed}}}}}
"""


@pytest.fixture(scope="module")
def reach(
    namespaces: None, envoy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalBackend]:
    """A mesh of its own: namespaces mode, for there are wires to look at."""
    if (missing := wire.obstacle()) is not None:
        pytest.skip(f"nothing can be captured here: {missing}")
    backend = LocalBackend(RunMode.NAMESPACES, envoy, tmp_path_factory.mktemp("reach"), base=BASE)
    try:
        yield backend
    finally:
        backend.close()


def apply(backend: LocalBackend, *texts: str) -> None:
    backend.apply("\n---\n".join(filter(None, (ONCE, *texts))))


def asked(call: Call, address: str) -> Mapping[str, object]:
    """The command: sidecars know Services, others only addresses."""
    host = call.server if call.client == INSIDE else address
    target = f"{host}:{call.port}"
    if call.protocol == "http":
        return {"do": "http", "url": f"http://{target}/{call.said}"}
    if call.protocol == "grpc":
        return {"do": "grpc", "target": target, "method": "/reach.Doors/Open", "body": call.said}
    return {"do": "tcp", "host": host, "port": call.port, "send": call.said}


def answered(backend: LocalBackend, calls: Sequence[Call], number: int) -> set[Call]:
    """The calls of a round that their server answered. After them each client sends a mark that can
    be read on the wire, whatever the modes.
    """
    addresses = {name: backend.address(f"reach/{name}") for name in {c.server for c in calls}}
    found = set()
    for client in CLIENTS:
        own = [call for call in calls if call.client == client]
        commands = [asked(call, addresses[call.server]) for call in own]
        answers = backend.ask(client, {"do": "many", "commands": commands})
        assert isinstance(answers, list)
        told = zip(own, answers, strict=True)
        found |= {call for call, answer in told if call.said in str(answer)}
        plain = asked(Call(client, "tcp", NONE, NONE, DISABLE, DISABLE), addresses["door-disable"])
        assert backend.ask(client, {**plain, "send": mark(client, number)})
    return found


def mark(client: str, number: int) -> str:
    return f"{client} has ended round {number}."


def rounds(backend: LocalBackend, capture: wire.Capture, client: str) -> Iterator[Doors]:
    """The connections of a client in each round, by server and port."""
    address, number, found = backend.address(client), 0, Doors()
    for each in capture.connections:
        if each.client != address:
            continue
        if each.shows(mark(client, number)):
            yield found
            number, found = number + 1, Doors()
        else:
            found.setdefault((each.server, each.port), []).append(each)


def is_encrypted(connections: Sequence[wire.Connection], said: str) -> bool | None:
    """Whether a call was made within TLS, where nothing of it can be read; `None` for none, or
    anything in between.
    """
    kinds = {each.encrypted for each in connections}
    if kinds == {True} and any(each.shows(said) for each in connections):
        return None
    return kinds.pop() if len(kinds) == 1 else None


@covers("S-31", "S-32", "S-35")
@guards("P10")
@pytest.mark.timeout(240)
def test_every_mode_at_every_level(reach: LocalBackend, tmp_path: Path) -> None:
    """256 combinations, by three protocols, from two clients."""
    servers = [*map(server, MODES), *map(of_workload, MODES)]
    levels = list(product(MODES, MODES))
    outcomes: dict[Call, Outcome | None] = {}
    every, reached = [], set()
    with wire.captured(reach.pid, tmp_path) as capture:
        for number, (mesh, namespace) in enumerate(levels):
            around = peer_authentication(mesh, "istio-system"), peer_authentication(namespace)
            apply(reach, *around, *servers)
            every.append(
                [
                    Call(client, protocol, mesh, namespace, workload, port_mode)
                    for client, protocol in product(CLIENTS, PROTOCOLS)
                    for workload, port_mode in product(MODES, MODES)
                ]
            )
            reached |= answered(reach, every[-1], number)
        for client in CLIENTS:
            capture.wait_for(mark(client, len(levels) - 1))
    addresses = {call.server: reach.address(f"reach/{call.server}") for call in every[0]}
    for client in CLIENTS:
        for calls, doors in zip(every, rounds(reach, capture, client), strict=True):
            for call in (call for call in calls if call.client == client):
                seen = doors.get((addresses[call.server], call.port), [])
                encrypted = is_encrypted(seen, call.said)
                outcomes[call] = (
                    None
                    if encrypted is None
                    else Outcome(reached=call in reached, encrypted=encrypted)
                )
    wrong = {call.said: found for call, found in outcomes.items() if found != expected(call)}
    assert wrong == {}
    assert len(outcomes) == 256 * 3 * 2


def test_a_port_without_a_sidecar_is_called_in_the_clear(
    reach: LocalBackend, tmp_path: Path
) -> None:
    """STRICT is for what the sidecar stands before: this port is the application's own."""
    kept = ', traffic.sidecar.istio.io/excludeInboundPorts: "9000"'
    apply(reach, peer_authentication(STRICT), server(NONE, kept))
    calls = [
        Call(client, protocol, NONE, STRICT, NONE, STRICT)
        for client, protocol in product(CLIENTS, ("http", "tcp"))
    ]
    address = reach.address(f"reach/{name_of(NONE)}")
    found = set()
    with wire.captured(reach.pid, tmp_path) as capture:
        for call in calls:
            if call.said in str(reach.ask(call.client, asked(call, address))):
                found.add((call.client, call.protocol))
        capture.wait_for(Call(OUTSIDE, "tcp", NONE, STRICT, NONE, STRICT).said)
    ends = reach.address(INSIDE), address
    inside = [each for each in capture.connections if (each.client, each.server) == ends]
    assert found == {(INSIDE, "http"), (INSIDE, "tcp"), (OUTSIDE, "tcp")}
    assert {each.port: each.encrypted for each in inside} == {8080: True, 9000: False}
