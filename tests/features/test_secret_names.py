"""No name leads to another's secret (rows C1, X-42): 10,000 (identity, name) pairs against an
oracle that knows which few names are whose; again after the certificates were made anew, and after
a grant ended.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import quote

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from ca.workload import LIFETIME
from tests.certificates import pair
from tests.features.certificate import identity, leaf
from tests.features.plane import Plane
from tests.features.shop import SHOP
from tests.features.stream import Stream
from tests.features.test_gateway_secrets import EDGE, NAME, ROOTS, SERVER, certified
from tests.meshes import gateway
from tests.security_rows import guards

OWN = ("default", "ROOTCA")
GATEWAYS = {"edge/ingress": 1, "rival/ingress": 2}
"""Which of the key pairs is whose."""
PODS: Mapping[str, str] = {
    "shop/web": "shop/sa/web",
    "shop/reviews": "shop/sa/default",
    "edge/web": "edge/sa/default",
    "edge/other": "edge/sa/default",
    "edge/ingress": "edge/sa/default",
    "rival/ingress": "rival/sa/default",
}
BASES = (
    *OWN,
    NAME,
    ROOTS,
    "kubernetes://edge/cert",
    "kubernetes://rival/cert",
    "kubernetes-gateway://edge/cert",
    "kubernetes://shop/web",
    "cert",
    "edge/cert",
    "default-cacert",
    "spiffe://cluster.local/ns/shop/sa/web",
    "spiffe://cluster.local/ns/edge/sa/default",
    "file-cert:/etc/certs/key.pem~/etc/certs/cert.pem",
    "file-root:/etc/certs/root.pem",
    "builtin://",
    "ALL",
    "xds-token",
)
"""Names that are somebody's, or would be in another mesh."""
BENT: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    str.upper,
    str.lower,
    str.swapcase,
    lambda name: f"../{name}",
    lambda name: f"./{name}",
    lambda name: f"/{name}",
    lambda name: f"{name}/",
    lambda name: f"{name}/..",
    lambda name: f"{name}/../default",
    lambda name: f"{name}?ns=edge",
    lambda name: f"{name}#",
    lambda name: f"{name} ",
    lambda name: f" {name}",
    lambda name: f"{name}\0",
    lambda name: f"{name}\0.pem",
    lambda name: f"{name}\n",
    lambda name: f"{name}*",
    lambda name: f"*{name}",
    lambda name: name[:-1],
    lambda name: name[1:],
    lambda name: name + name,
    lambda name: f"{name},default",
    lambda name: quote(name, safe=""),
    lambda name: quote(quote(name, safe=""), safe=""),
    lambda name: "".join(f"%{byte:02x}" for byte in name.encode()),
    lambda name: name.replace("/", "\\"),
    lambda name: name.replace("/", "\N{DIVISION SLASH}"),
    lambda name: name.replace("e", "\N{CYRILLIC SMALL LETTER IE}"),
    lambda name: name.replace("T", "\N{FULLWIDTH LATIN CAPITAL LETTER T}"),
    lambda name: f"\N{ZERO WIDTH SPACE}{name}",
)


def names() -> tuple[str, ...]:
    """Each base, bent twice; and those that a client of another mind might take for all."""
    bent = (after(before(base)) for base in BASES for before in BENT for after in BENT)
    wild = ("*", "", "**", "*/*", ".", "..", "/", "\0", "default,ROOTCA", "kubernetes://")
    return tuple(dict.fromkeys((*BASES, *wild, *bent)))


EVERY = len(names()) // 2500
NAMES = tuple(dict.fromkeys((*BASES, "*", "", *names()[::EVERY])))
"""Enough of each kind."""


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) * len(PODS) >= 10_000


def allowed(pod: str, granted: Iterable[str]) -> set[str]:
    """The oracle: what a pod may have, by no code of ours."""
    return {*OWN, *((NAME, ROOTS) if pod in granted else ())}


async def ask(stream: Stream, asked: tuple[str, ...]) -> Mapping[str, bytes]:
    """What is given for these names: one response answers them all."""
    await stream.ping()
    before = len(stream.envoy.pushes)
    found = await stream.secrets(*asked)
    (push,) = [each for each in stream.envoy.pushes[before:] if each.kind == "sds"]
    assert {*push.names, *push.removed} == set(asked)
    assert set(push.names) == found.keys()
    return found


def check(pod: str, found: Mapping[str, bytes], granted: Iterable[str]) -> None:
    """What was given is the pod's own, by name and by content."""
    assert found.keys() == allowed(pod, granted)
    assert identity(found["default"]) == f"spiffe://cluster.local/ns/{PODS[pod]}"
    if NAME in found:
        key = Secret.FromString(found[NAME]).tls_certificate.private_key.inline_bytes
        assert key == pair(GATEWAYS[pod])[1]


@asynccontextmanager
async def everyone(plane: Plane) -> AsyncIterator[Mapping[str, Stream]]:
    """A stream of each pod, all at one time: each finds what the others have had made."""
    async with AsyncExitStack() as stack:
        yield {pod: await stack.enter_async_context(plane.of(pod)) for pod in PODS}


@guards("C1")
async def test_only_ones_own_names_lead_to_bytes(plane: Plane) -> None:
    plane.apply(SHOP, EDGE)
    async with everyone(plane) as streams:
        serials: set[int] = set()
        for _ in range(2):  # the second time after all certificates were made anew
            for pod, stream in streams.items():
                found = await ask(stream, NAMES)
                check(pod, found, GATEWAYS)
                serials.add(leaf(found["default"]).serial_number)
            plane.clock.advance(LIFETIME.total_seconds() / 2 + 1)
            plane.secrets.renew()
        assert len(serials) == 2 * len(PODS)


@guards("C1")
async def test_whoever_loses_a_grant_loses_the_bytes(plane: Plane) -> None:
    """The Gateway that named the certificate goes, and then the certificate itself."""
    plane.apply(SHOP, EDGE)
    unnamed = EDGE.replace(
        gateway("g", f"{{selector: {{app: ingress}}, servers: [{SERVER}]}}", "edge"), ""
    )
    without_one = EDGE.replace(certified("edge", 1), "")
    async with everyone(plane) as streams:
        for texts, granted in (
            (EDGE, set(GATEWAYS)),
            (unnamed, set[str]()),
            (EDGE, set(GATEWAYS)),
            (without_one, {"rival/ingress"}),
        ):
            plane.apply(SHOP, texts)
            for pod in ("edge/ingress", "rival/ingress", "edge/web"):
                check(pod, await ask(streams[pod], NAMES), granted)
