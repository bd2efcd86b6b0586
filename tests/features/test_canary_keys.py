"""Keys and tokens are nowhere but where they are needed (issue of the mesh's secrets: C1, C6).

Every key that clients are given over many renewals, the authority's own, those of Secrets and the
tokens are searched for in all that people may see: logs at the finest level, metrics, CSDS,
problems, error texts, and how every object of ours that is in memory prints itself.
"""

import base64
import gc
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.status.v3.csds_pb2 import ClientStatusRequest
from prometheus_client import generate_latest

from ca.errors import AuthorityError
from ca.storage import load
from ca.workload import LIFETIME
from heddle.proxies.config_dump import config_dump
from heddle.proxies.redaction import REDACTED_BYTES
from heddle.proxies.wanted import of_client
from heddle.workload_secrets import WorkloadSecrets
from tests.certificates import pair
from tests.features.needles import Needles
from tests.features.plane import Plane
from tests.features.shop import SHOP
from tests.features.stream import Stream
from tests.features.test_gateway_secrets import EDGE, NAME, certified
from tests.meshes import secret
from tests.security_rows import guards
from xds.csds import client_statuses
from xds.types import SDS

OURS = ("ca", "crds", "heddle", "mesh", "sources", "translator", "webhook", "xds")
RENEWALS = 300
OF_A_TYPE = 30
"""Objects of one type that are looked at."""


@pytest.fixture
def finest(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything is logged."""
    caplog.set_level(logging.DEBUG)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield caplog
    structlog.reset_defaults()


def private_key(found: bytes) -> bytes:
    key: bytes = Secret.FromString(found).tls_certificate.private_key.inline_bytes
    return key


def printed() -> Iterator[str]:
    """How objects of ours that are in memory print themselves."""
    seen: Counter[type] = Counter()
    for each in gc.get_objects():
        kind = type(each)
        if not _is_ours(each) or seen[kind] >= OF_A_TYPE:
            continue
        seen[kind] += 1
        yield f"{each} {each!r}"
    assert WorkloadSecrets in seen
    assert len(seen) > 50


BROKEN = "\n---\n".join(
    (
        # The key of another certificate, a key that is no base64, one in a field of no meaning.
        secret("other", "edge", tls_crt=pair(4)[0], tls_key=pair(5)[1]),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: plain, namespace: edge}\n"
        f"data: {{tls.key: {pair(6)[1].decode()!r}, tls.crt: 1}}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: field, namespace: edge}\n"
        f"dataa: {{tls.key: {pair(6)[1].decode()!r}}}\nstringData: [{pair(6)[1].decode()!r}]\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: kind, namespace: edge}\n"
        f"type: {pair(6)[1].decode()!r}\ndata: {pair(6)[1].decode()!r}\n",
    )
)


def renew(plane: Plane) -> None:
    """All certificates are made anew."""
    plane.clock.advance(LIFETIME.total_seconds() / 2 + 1)
    plane.authority.secrets.renew()


async def renewed(plane: Plane, streams: Iterable[Stream], needles: Needles) -> None:
    """All certificates are made anew, and arrive."""
    renew(plane)
    for stream in streams:
        needles.key(private_key((await stream.secrets("default"))["default"]))


def test_a_piece_of_a_key_would_be_found() -> None:
    """The search itself works: on a message that shows its key, and on bytes."""
    text = pair(9)[1]
    needles = Needles()
    needles.key(text)
    shown = Secret()
    shown.tls_certificate.private_key.inline_bytes = text
    key = load_pem_private_key(text, password=None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for text_ in (str(shown), repr(shown), der, base64.b64encode(der), der.hex(), repr(der)):
        assert needles.found_in(text_)
    assert not needles.found_in(pair(8)[1])


@guards("C1", "C6")
@pytest.mark.usefixtures("only_new")
async def test_no_key_is_anywhere(
    plane: Plane,
    finest: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    needles = Needles()
    plane.apply(SHOP, EDGE, BROKEN)
    for number in (1, 2, 4, 5, 6):
        needles.key(pair(number)[1])
    rotation = plane.authority.trust.rotation
    signer = rotation.signer.signer
    needles.key(signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    needles.token(plane.token("shop/web"))
    async with plane.of("shop/web") as web, plane.of("edge/ingress") as ingress:
        needles.key(private_key((await ingress.secrets(NAME))[NAME]))
        for _ in range(RENEWALS):
            await renewed(plane, (web, ingress), needles)
        plane.apply(SHOP, EDGE.replace(certified("edge", 1), certified("edge", 7)), BROKEN)
        needles.key(pair(7)[1])
        # An Envoy that quotes what it does not take.
        held = web.envoy.held[SDS]["default"].resource.value
        web.envoy.reject = f"cannot load {private_key(held).decode()}"
        plane.clock.advance(timedelta(days=1).total_seconds())
        plane.authority.secrets.renew()
        await web.ping()
        surfaces: dict[str, str | bytes] = {
            "csds": client_statuses(
                ClientStatusRequest(), plane.server.clients.snapshot(), lambda at: at
            ).SerializeToString(),
            "metrics": generate_latest(plane.metrics.registry),
            "problems": "\n".join(f"{each} {each!r}" for each in plane.control.problems()),
            "objects": "\n".join(printed()),
            "errors": "\n".join(error_texts(tmp_path)),
            "dumps": "\n".join(dumps(plane)),
        }
    written = capfd.readouterr()
    surfaces |= {"log": finest.text, "stdout": written.out, "stderr": written.err}
    assert len(needles) > 2 * RENEWALS
    assert len(plane.control.problems()) >= 4
    assert {name: needles.found_in(text) for name, text in surfaces.items() if text} == {
        name: set() for name, text in surfaces.items() if text
    }


def dumps(plane: Plane) -> Iterator[str]:
    """What each client is to hold and has accepted, as it is shown: with its certificates."""
    for client in plane.server.clients:
        for only_accepted in (False, True):
            shown = json.dumps(config_dump(of_client(client), only_accepted=only_accepted))
            if not only_accepted:  # of a certificate that it rejected a client has nothing
                assert '"certificate_chain": {"inline' in shown
                assert REDACTED_BYTES in shown
            yield shown


@guards("C1")
@pytest.mark.usefixtures("only_new")
async def test_what_is_over_is_forgotten(plane: Plane) -> None:
    """Of all keys that were made, those of open streams are in memory, and only the newest."""
    plane.apply(SHOP)
    made: list[bytes] = []
    async with plane.of("shop/reviews") as reviews:
        async with plane.of("shop/web") as web:
            for _ in range(10):
                for stream in (web, reviews):
                    made.append(private_key((await stream.secrets("default"))["default"]))
                renew(plane)
        await plane.left(1)
        made.append(private_key((await reviews.secrets("default"))["default"]))
        newest = made[-1]
        await reviews.ping()
        held = in_memory(made)
    assert held == {newest}


def in_memory(keys: Iterable[bytes]) -> set[bytes]:
    """Those of the keys that are part of any bytes that an object of ours refers to."""
    gc.collect()
    ours = [each for each in gc.get_objects() if _is_ours(each)]
    values = [value for value in gc.get_referents(*ours) if isinstance(value, bytes)]
    return {key for key in keys if any(key in value for value in values)}


@pytest.fixture
def only_new() -> Iterator[None]:
    """Objects of tests before this one are not looked at."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _is_ours(each: object) -> bool:
    return str(type(each).__module__).partition(".")[0] in OURS


def error_texts(folder: Path) -> Iterator[str]:
    """What is said of files of an authority that cannot be used."""
    certificate, key = pair(6)
    for number, (chain, private) in enumerate(
        (
            (certificate, key[:-40]),
            (certificate, key.replace(b"PRIVATE", b"PUBLIC")),
            (key, certificate),
            (pair(5)[0], key),
        )
    ):
        place = folder / str(number)
        place.mkdir()
        for name in ("ca-cert.pem", "root-cert.pem", "cert-chain.pem"):
            (place / name).write_bytes(chain)
        (place / "ca-key.pem").write_bytes(private)
        with pytest.raises(AuthorityError) as refused:
            load(place, datetime.now(UTC))  # noqa: TID251
        yield str(refused.value)
        yield repr(refused.value.__cause__)
