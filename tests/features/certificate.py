"""What is in a certificate that came over SDS."""

from cryptography import x509
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret


def leaf(found: bytes) -> x509.Certificate:
    """The certificate itself, of a serialised secret."""
    chain = Secret.FromString(found).tls_certificate.certificate_chain.inline_bytes
    return x509.load_pem_x509_certificates(chain)[0]


def identity(found: bytes) -> str:
    """The one URI in it."""
    names = leaf(found).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (name,) = names
    return str(name.value)
