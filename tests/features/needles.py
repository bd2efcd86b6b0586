"""Pieces of keys and tokens, to be searched for where they must not be."""

import base64
import re

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_RUN = re.compile(rb"[A-Za-z0-9+/_=-]{24,}")
"""What base64, hexadecimal and decimal numbers are made of."""


class Needles:
    """Pieces of secrets, as they would look in text of any kind."""

    def __init__(self) -> None:
        self._pieces: set[bytes] = set()

    def key(self, text: bytes) -> None:
        """A private key in PEM."""
        key = load_pem_private_key(text, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        number = key.private_numbers().private_value
        raw = number.to_bytes(32, "big")
        lines = text.decode().splitlines()[1:-1]
        self._pieces |= {line.encode() for line in lines[1:]}  # the first one is the same in all
        self._pieces |= {raw, raw.hex().encode(), raw.hex().upper().encode(), str(number).encode()}
        quoted = repr(raw + b"'" + b'"')[2:-4]  # how a quote looks depends on what is around it
        self._pieces |= {quoted.encode(), quoted.replace("\\'", "'").encode()}
        self._pieces.add(repr(list(raw))[1:-1].encode())
        # Wherever it stands in something that is written in base64, as PEM (once) and Secrets
        # (twice) are.
        for before in range(3):
            for part in (raw, lines[1].encode()):
                self._pieces.add(base64.b64encode(bytes(before) + part)[4:-4])
                self._pieces.add(base64.urlsafe_b64encode(bytes(before) + part)[4:-4])

    def token(self, text: str) -> None:
        """A bearer token: its signature is what must not be seen."""
        self._pieces.add(text.rpartition(".")[2].encode())

    def __len__(self) -> int:
        return len(self._pieces)

    def found_in(self, text: str | bytes) -> set[bytes]:
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        runs = b" ".join(_RUN.findall(data))  # most pieces can be nowhere else, and it is short
        return {
            piece for piece in self._pieces if piece in (runs if _RUN.fullmatch(piece) else data)
        }
