"""Certificates over SDS: what Envoy shows while it is given worse."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from tests.conformance.conversation import accepted
from tests.conformance.resources import listener, secret
from tests.conformance.world import World
from tests.xds.certificates import certificate
from tests.xds.rules import rules
from xds.tls import Certificate
from xds.types import SDS

pytestmark = pytest.mark.envoy


def der(pair: Certificate) -> bytes:
    return load_pem_x509_certificate(pair.chain).public_bytes(Encoding.DER)


async def begin(world: World, pair: Certificate) -> None:
    """Show this certificate at the socket `tls`."""
    world.publish(
        *world.first(),
        listener(world.envoy.folder / "tls", "r", secret="s"),
        secret("s", pair),
    )
    await world.answers("a.test", 200)
    assert await world.envoy.certificate("tls") == der(pair)


@rules("X-104")
async def test_a_rejected_certificate_leaves_the_old_one_in_place(fresh: World) -> None:
    old, other = certificate("old"), certificate("other")
    await begin(fresh, old)
    garbage = Certificate(chain=b"not PEM", key=old.key)
    answer = await fresh.tap.injected(SDS, ("s", secret("s", garbage)))
    assert "certificate chain" in answer.error_detail.message
    mismatched = Certificate(chain=old.chain, key=other.key)
    answer = await fresh.tap.injected(SDS, ("s", secret("s", mismatched)))
    assert "KEY_VALUES_MISMATCH" in answer.error_detail.message
    assert await fresh.envoy.certificate("tls") == der(old)


@rules("X-104", "X-105")
async def test_a_new_certificate_is_shown_and_a_removed_one_stays(fresh: World) -> None:
    await begin(fresh, certificate("old"))
    new = certificate("new")
    fresh.publish(secret("s", new))
    await fresh.taken(SDS, "s")
    assert accepted(await fresh.tap.injected(SDS, removed=("s",)))
    assert await fresh.envoy.certificate("tls") == der(new)


@rules("X-85")
async def test_a_listener_whose_secret_does_not_exist_fails_closed(fresh: World) -> None:
    fresh.publish(*fresh.first(), listener(fresh.envoy.folder / "tls", "r", secret="s"))
    await fresh.answers("a.test", 200)
    with pytest.raises((ConnectionError, OSError)):
        await fresh.envoy.certificate("tls")
    assert (await fresh.envoy.ask("a.test")).status == 200


@rules("X-30")
async def test_a_rejection_may_quote_a_private_key(fresh: World) -> None:
    """So what Envoy says of a secret must not be logged or shown as it is."""
    pair = certificate("old")
    await begin(fresh, pair)
    key = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    incomplete = secret("s", Certificate(chain=b"", key=key))
    incomplete.tls_certificate.certificate_chain.Clear()
    answer = await fresh.tap.injected(SDS, ("s", incomplete))
    assert "c2VjcmV0" in answer.error_detail.message


@rules("X-30")
async def test_no_status_shows_a_private_key(fresh: World) -> None:
    """Envoy quotes the secret that it rejects; our log and status must not."""
    await begin(fresh, certificate("old"))
    incomplete = secret("s", Certificate(chain=b"", key=b"c2VjcmV0"))
    incomplete.tls_certificate.certificate_chain.Clear()
    fresh.publish(incomplete)
    pushed = await fresh.stream.sent(SDS, "s")
    assert not accepted(await fresh.stream.answered(pushed.nonce))
    clients = fresh.server.clients
    while (nack := clients.snapshot()[0].types[SDS].nack) is None:
        await clients.changed(clients.revision)
    assert nack.message
    assert "c2VjcmV0" not in nack.message
