"""The serving certificate is renewed before it expires, and the root stays."""

from datetime import timedelta

from cryptography import x509

from heddle.certificates import CHECK_SECONDS, ServingCertificates, own_authority
from heddle.trust import Trust
from tests.fakes.clock import FakeClock

NAMES = ("heddle.test",)


def trust(clock: FakeClock) -> Trust:
    return Trust(own_authority(None, clock.now()))


def test_it_is_the_same_as_long_as_it_is_young(clock: FakeClock) -> None:
    trusted = trust(clock)
    certificates = ServingCertificates(trusted, clock.now, names=NAMES)
    first = certificates.current()
    clock.advance(3600)
    assert not certificates.look()
    assert certificates.current() is first


def test_it_is_renewed_in_time_by_the_same_root(clock: FakeClock) -> None:
    trusted = trust(clock)
    certificates = ServingCertificates(trusted, clock.now, names=NAMES)
    first = certificates.current()
    before = _parsed(first.chain)
    while not certificates.look():
        clock.advance(CHECK_SECONDS)
        # Whenever it is looked at, what is shown has to last until the next look, at least.
        left = before.not_valid_after_utc - clock.now()
        assert left > timedelta(seconds=CHECK_SECONDS)
    after = _parsed(certificates.current().chain)
    assert certificates.current().key != first.key
    assert after.not_valid_after_utc > before.not_valid_after_utc
    leaf, intermediate = x509.load_pem_x509_certificates(certificates.current().chain)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(*trusted.roots)


def test_it_has_the_names_that_clients_ask_for(clock: FakeClock) -> None:
    certificates = ServingCertificates(trust(clock), clock.now, names=NAMES)
    names = _parsed(certificates.current().chain).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == list(NAMES)


def _parsed(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain)[0]
