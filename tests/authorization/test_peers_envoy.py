"""Who calls, and what a policy is worth about it, at a real Envoy with mutual TLS: all ways to name
a caller, over HTTP and over TCP (P3); callers without a certificate (P7); trust domains (P9); and
what is no TLS at a STRICT port (P10).
"""

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from crds.authorization_policy import Action, AuthorizationPolicy, Condition, Rule
from crds.peer_authentication import Mode
from mesh.services import Protocol
from tests.authorization.guarded import DOMAIN, Door, Guarded, guarded, request
from tests.authorization.test_verdicts import operation, policy, source

pytestmark = pytest.mark.envoy

A, B = f"spiffe://{DOMAIN}/ns/shop/sa/a", f"spiffe://{DOMAIN}/ns/shop/sa/b"
DOTTED, LOOKALIKE = f"spiffe://{DOMAIN}/ns/shop/sa/a.b", f"spiffe://{DOMAIN}/ns/shop/sa/axb"
C = f"spiffe://{DOMAIN}/ns/bank/sa/a"
OLD, FOREIGN = "spiffe://old.test/ns/shop/sa/a", "spiffe://other.test/ns/shop/sa/a"
PLAINTEXT = ""
MESH = (A, B, C, DOTTED, LOOKALIKE)
CALLERS = (*MESH, PLAINTEXT)
SHOP = {A, B, DOTTED, LOOKALIKE}

PEERS: Mapping[tuple[str, str], set[str]] = {
    ("principals", f"{DOMAIN}/ns/shop/sa/a"): {A},
    ("principals", f"{DOMAIN}/ns/shop/*"): SHOP,
    ("principals", "*/sa/a"): {A, C},
    ("principals", "*"): set(MESH),
    ("principals", f"{DOMAIN}/ns/shop/sa/a.b"): {DOTTED},
    ("principals", "*/sa/a.b"): {DOTTED},
    ("namespaces", "shop"): SHOP,
    ("namespaces", "sh*"): SHOP,
    ("namespaces", "*nk"): {C},
    ("namespaces", "*"): set(MESH),
    ("namespaces", "sh.p"): set(),
    ("service_accounts", "a"): {A},
    ("service_accounts", "bank/a"): {C},
    ("service_accounts", "a.b"): {DOTTED},
    ("trust_domains", DOMAIN): set(MESH),
    ("trust_domains", "cluster*"): set(MESH),
    ("trust_domains", "*.local"): set(MESH),
    ("trust_domains", "*"): set(MESH),
    ("trust_domains", "other.test"): set(),
    ("ip_blocks", "127.0.0.1"): set(CALLERS),
    ("ip_blocks", "127.0.0.0/8"): set(CALLERS),
    ("ip_blocks", "10.0.0.0/8"): set(),
    ("remote_ip_blocks", "203.0.113.0/24"): set(CALLERS),
    ("remote_ip_blocks", "127.0.0.1"): set(),
}
"""Each way to name callers, in each form, and those of `CALLERS` that it means."""

KEYS = {
    "principals": "source.principal",
    "namespaces": "source.namespace",
    "service_accounts": "source.serviceAccount",
    "trust_domains": "source.trustDomain",
    "ip_blocks": "source.ip",
    "remote_ip_blocks": "remote.ip",
}
OF_REQUESTS: Mapping[str, Rule] = {
    "hosts": operation(hosts=("x",)),
    "methods": operation(methods=("GET",)),
    "paths": operation(paths=("/a",)),
    "notPaths": operation(not_paths=("/a",)),
    "requestPrincipals": source(request_principals=("*",)),
    "notRequestPrincipals": source(not_request_principals=("*",)),
    "headers": Rule(when=(Condition(key="request.headers[x]", values=("a",)),)),
    "claims": Rule(when=(Condition(key="request.auth.claims[x]", not_values=("a",)),)),
}
"""What only a request has."""


def rules(field: str, value: str) -> Mapping[str, tuple[Rule, bool]]:
    """Ways to say it, and whether they mean the callers or all others."""
    when = Condition(key=KEYS[field], values=(value,))
    other = replace(when, values=(), not_values=(value,))
    return {
        "from": (source(**{field: (value,)}), True),
        "from not": (source(**{f"not_{field}": (value,)}), False),
        "when": (Rule(when=(when,)), True),
        "when not": (Rule(when=(other,)), False),
    }


def _each() -> Iterator[tuple[str, AuthorizationPolicy]]:
    for field, value in PEERS:
        for way, (rule, _) in rules(field, value).items():
            for action in (Action.ALLOW, Action.DENY):
                yield f"{field} {value} {way} {action}", policy(rule, action=action)
    for name, rule in OF_REQUESTS.items():
        for action in (Action.ALLOW, Action.DENY):
            yield f"{name} {action}", policy(rule, action=action)


@pytest.fixture(scope="module")
def doors(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Door]]:
    """A port of HTTP and one of TCP for each policy; and those of the other tests."""
    of_a = policy(source(principals=(f"{DOMAIN}/ns/shop/sa/a",)))
    strict = Guarded(mode=Mode.STRICT)
    ports = {
        f"{name} {'http' if http else 'tcp'}": Guarded(policies=(each,), http=http)
        for name, each in _each()
        for http in (True, False)
    }
    ports |= {
        "open": Guarded(),
        "own": strict,
        "alias": replace(strict, policies=(of_a,), domains=(DOMAIN, "old.test")),
        "alias known": replace(
            strict, policies=(of_a,), domains=(DOMAIN, "old.test"), aliases=(DOMAIN, "old.test")
        ),
    }
    for kind, spoken in (
        ("http", Protocol.HTTP),
        ("tcp", Protocol.TCP),
        ("any", Protocol.UNSPECIFIED),
    ):
        for name, patience in (("patient", 0), ("impatient", 50_000_000)):
            ports[f"{kind} {name}"] = replace(
                strict, http=kind != "tcp", protocol=spoken, patience=patience
            )
    with guarded(envoy_binary, tmp_path_factory.mktemp("peers"), ports) as found:
        yield found


def let_in(door: Door) -> set[str]:
    """The callers that get through."""
    return {
        peer for peer in CALLERS if door.ask(request(), peer=peer, told="203.0.113.5").status == 200
    }


@pytest.mark.parametrize("kind", ["http", "tcp"])
@pytest.mark.parametrize(("field", "value"), PEERS)
def test_p3_a_caller_is_the_same_over_http_and_tcp(
    doors: Mapping[str, Door], field: str, value: str, kind: str
) -> None:
    """P7: whoever has no certificate is nobody that a policy names, and one of all others."""
    for way, (_, meant) in rules(field, value).items():
        named = PEERS[field, value] if meant else set(CALLERS) - PEERS[field, value]
        assert let_in(doors[f"{field} {value} {way} ALLOW {kind}"]) == named, way
        assert let_in(doors[f"{field} {value} {way} DENY {kind}"]) == set(CALLERS) - named, way


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
@pytest.mark.parametrize("name", OF_REQUESTS)
def test_p3_what_asks_for_a_request_lets_no_connection_in(
    doors: Mapping[str, Door], name: str, action: str
) -> None:
    assert let_in(doors[f"{name} {action} tcp"]) == set()


def test_p9_a_foreign_trust_domain_gets_no_connection(doors: Mapping[str, Door]) -> None:
    """Although the mesh's own authority has signed for it."""
    assert doors["own"].ask(request(), peer=A).status == 200
    assert doors["own"].ask(request(), peer=FOREIGN).status == 0
    assert doors["own"].ask(request(), peer=OLD).status == 0
    assert doors["alias"].ask(request(), peer=FOREIGN).status == 0


def test_p9_an_alias_is_the_domain_in_policies_too(doors: Mapping[str, Door]) -> None:
    assert doors["alias known"].ask(request(), peer=OLD).status == 200
    assert doors["alias known"].ask(request(), peer=B).status == 403
    assert doors["alias"].ask(request(), peer=OLD).status == 403  # of another name in policies


CLIENT_HELLO = bytes.fromhex("16030100050100000100")
BYTES = {
    "http": request(),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "garbage": b"\x00\xff" * 64,
    "half a greeting": CLIENT_HELLO,
    "a broken greeting": CLIENT_HELLO + b"\xff" * 200,
    "an alert": bytes.fromhex("15030100020228"),
    "a line": b"hello\n",
    "a PROXY header": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + request(),
    "nothing": b"",
}


@pytest.mark.parametrize("name", ["patient", "impatient"])
@pytest.mark.parametrize("kind", ["http", "tcp", "any"])
def test_p10_what_is_no_tls_never_gets_to_the_application(
    doors: Mapping[str, Door], kind: str, name: str
) -> None:
    """Neither at once nor in pieces, nor once the port has waited long enough. Both applications
    answer what reaches them."""
    door = doors[f"{kind} {name}"]
    tries = [(sent, [BYTES[sent]]) for sent in BYTES]
    tries += [(f"{sent}, in pieces", [BYTES[sent][:1], BYTES[sent][1:]]) for sent in BYTES]
    with ThreadPoolExecutor(len(tries)) as pool:
        heard = pool.map(lambda each: (each[0], _heard(door, each[1])), tries)
        assert {sent: answer for sent, answer in heard if answer} == {}


def test_p10_this_check_would_notice_an_answer(doors: Mapping[str, Door]) -> None:
    heard = _heard(doors["open"], [request()], seconds=60.0) or b""
    assert heard.startswith(b"HTTP/1.1 200")


def _heard(door: Door, pieces: list[bytes], seconds: float = 0.15) -> bytes | None:
    """What is answered to bytes that are sent one by one; nothing if it takes longer than that."""
    with socket.create_connection(("127.0.0.1", door.number), 60.0) as raw:
        raw.sendall(b"PROXY TCP4 10.9.9.9 10.0.0.1 4321 8080\r\n")
        raw.settimeout(seconds)
        heard: bytes | None = None
        for piece in pieces:
            try:
                raw.sendall(piece)
                heard = raw.recv(100)
            except TimeoutError:
                heard = None
            except ConnectionError:
                return b""
        return heard
