"""What can go wrong in `ca/`.

CaError
├── AuthorityError       a certificate authority that was given, or found, cannot be used
├── CertificateError     what was signed is not what was meant (a bug, never user input)
├── RequestError         a certificate signing request that must be refused
├── RotationRefused      a step of a rotation that must not be taken
│   └── NotYet           one that would leave somebody out: in a while it may be taken
├── Unauthenticated      a caller did not prove who it is
└── Unreviewed           nobody could be asked whether a caller did
"""


class CaError(Exception):
    """Anything that `ca/` raises."""


class AuthorityError(CaError):
    """A certificate authority cannot be used. The text says why and what to do; it is for users."""


class RequestError(CaError):
    """A certificate signing request is refused. The text may be sent to who asked."""


class RotationRefused(CaError):
    """A step of a rotation is not taken. The text says why; it is for who runs the mesh."""


class NotYet(RotationRefused):
    """Somebody does not have the step before. The text names him."""


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


class Unreviewed(CaError):
    """Whether a credential is good is not known now: who shows it shall come back."""
