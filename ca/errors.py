"""What can go wrong in `ca/`.

CaError
├── CertificateError     what was signed is not what was meant (a bug, never user input)
└── Unauthenticated      a caller did not prove who it is
"""


class CaError(Exception):
    """Anything that `ca/` raises."""


class CertificateError(CaError):
    """A certificate was made that must not be used."""


class Unauthenticated(CaError):
    """A caller did not prove who it is.

    `str()` is the same for every cause, so that it may be sent to the caller (Envoy writes it to
    its log); `reason` is for our own log. Neither holds any part of the credential.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("not authenticated")
        self.reason = reason
