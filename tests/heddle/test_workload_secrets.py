"""Each stream has a certificate of its own, renewed in time, whose version tells nothing of its
key.
"""

from datetime import timedelta

import pytest
from cryptography import x509
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from ca.authority import Authority, new_intermediate, new_root
from ca.rotation import Rotation
from ca.workload import LIFETIME
from ca.workload_secrets import TRUST, WORKLOAD
from heddle.trust import Trust
from heddle.workload_secrets import SecretsKey, WorkloadSecrets
from mesh.identity import SpiffeId
from tests.fakes.clock import FakeClock
from xds.publisher import Publisher
from xds.resource import Resource
from xds.types import SDS

WEB = SpiffeId("cluster.local", "shop", "web")
POD = "web-1 uid-1"


@pytest.fixture
def authority(clock: FakeClock) -> Authority:
    root = new_root(clock.now(), "cluster.local")
    return new_intermediate(root, clock.now(), "cluster.local")


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def trust(authority: Authority) -> Trust:
    return Trust(Rotation(current=authority))


@pytest.fixture
def secrets(publisher: Publisher, trust: Trust, clock: FakeClock) -> WorkloadSecrets:
    return WorkloadSecrets(publisher, trust, clock.now)


def certificate(publisher: Publisher, key: SecretsKey) -> Resource:
    return publisher.resources(key, SDS)[WORKLOAD]


def message(resource: Resource) -> Secret:
    return Secret.FromString(resource.message_bytes)


def leaf(resource: Resource) -> x509.Certificate:
    chain = message(resource).tls_certificate.certificate_chain.inline_bytes
    return x509.load_pem_x509_certificates(chain)[0]


def test_a_certificate_names_the_identity_and_comes_with_the_root(
    publisher: Publisher, secrets: WorkloadSecrets, authority: Authority
) -> None:
    key = secrets.issue(WEB, POD)
    made = leaf(certificate(publisher, key))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(str(WEB))]
    made.verify_directly_issued_by(authority.certificate)
    trust = message(publisher.resources(key, SDS)[TRUST]).validation_context.trusted_ca
    assert x509.load_pem_x509_certificate(trust.inline_bytes) == authority.root


def test_two_streams_of_one_pod_share_no_key_and_the_version(
    publisher: Publisher, secrets: WorkloadSecrets
) -> None:
    """Whoever reconnects keeps what he has: another replica would say the same version."""
    first, second = (certificate(publisher, secrets.issue(WEB, POD)) for _ in range(2))
    assert first.version == second.version
    keys = {message(each).tls_certificate.private_key.inline_bytes for each in (first, second)}
    assert len(keys) == 2


def test_another_pod_or_account_has_another_version(
    publisher: Publisher, secrets: WorkloadSecrets
) -> None:
    other = SpiffeId("cluster.local", "shop", "other")
    issued = (secrets.issue(WEB, POD), secrets.issue(WEB, "web-2 uid-2"), secrets.issue(other, POD))
    assert len({certificate(publisher, key).version for key in issued}) == 3


def test_it_is_renewed_before_it_expires_and_not_before_half_of_its_life(
    publisher: Publisher, secrets: WorkloadSecrets, clock: FakeClock
) -> None:
    key = secrets.issue(WEB, POD)
    seen = [certificate(publisher, key)]
    for _ in range(96):  # two days, each quarter of an hour twice
        clock.advance(LIFETIME.total_seconds() / 48)
        secrets.renew()
        now = certificate(publisher, key)
        assert clock.now() < leaf(now).not_valid_after_utc - LIFETIME / 3
        if now.version != seen[-1].version:
            seen.append(now)
    assert 4 <= len(seen) <= 5


def test_what_no_stream_has_any_more_is_not_renewed(
    publisher: Publisher, secrets: WorkloadSecrets, clock: FakeClock
) -> None:
    key = secrets.issue(WEB, POD)
    publisher.drop(key)
    clock.advance(LIFETIME.total_seconds())
    secrets.renew()
    assert publisher.keys() == ()


def test_ends_of_streams_that_nobody_noticed_are_forgotten(
    publisher: Publisher, secrets: WorkloadSecrets
) -> None:
    """Proxies reconnect more often than certificates are renewed: memory must not grow with it."""
    for _ in range(3000):
        publisher.drop(secrets.issue(WEB, POD))
    assert secrets.waiting() <= 1100


def test_an_authority_that_has_expired_still_gives_the_root(
    publisher: Publisher, secrets: WorkloadSecrets, clock: FakeClock
) -> None:
    """The proxy gets the rest of its configuration; its peers refuse it."""
    clock.advance(timedelta(days=400).total_seconds())
    key = secrets.issue(WEB, POD)
    assert publisher.resources(key, SDS).keys() == {TRUST}


def test_no_key_is_ever_shown(publisher: Publisher, secrets: WorkloadSecrets) -> None:
    key = secrets.issue(WEB, POD)
    shown = f"{key!r} {certificate(publisher, key)!r} {publisher.resources(key, SDS)!r}"
    assert "PRIVATE" not in shown
    assert "BEGIN" not in shown
