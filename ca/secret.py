"""Keys and tokens of the mesh itself, as values that nothing shows."""

from crds.secret_bytes import SecretBytes

__all__ = ["PrivateKey", "SecretBytes", "Token"]


class PrivateKey(SecretBytes):
    """A private key as PKCS #8 PEM."""

    __slots__ = ()


class Token(SecretBytes):
    """A bearer token as it goes on the wire, without the scheme."""

    __slots__ = ()
