"""Why a stream ends or is refused.

XdsError
+-- StreamEnded            the stream ends with a gRPC status, which each subclass fixes
|   +-- BadRequest             INVALID_ARGUMENT    the client broke the protocol
|   +-- TooMuch                RESOURCE_EXHAUSTED  the client asked for more than is allowed
|   +-- Reconnect              UNAVAILABLE         all is well: come back
|   +-- NotReady               UNAVAILABLE         nothing to serve yet (X-08)
|   +-- Unauthenticated        UNAUTHENTICATED     no or wrong credentials
|   +-- Forbidden              PERMISSION_DENIED   known, but not allowed to be this node
|   +-- Unserved               UNIMPLEMENTED       not served in this way
+-- PublishError           a publish that contradicts itself; nothing of it was applied
+-- UnknownPart            nobody has published that part
"""

from typing import ClassVar


class XdsError(Exception):
    """The root of this package's errors."""


class StreamEnded(XdsError):
    """The stream ends; `status` is the name of the gRPC status, the message is for the client."""

    status: ClassVar[str] = "UNKNOWN"


class BadRequest(StreamEnded):
    """The client broke the protocol."""

    status = "INVALID_ARGUMENT"


class TooMuch(StreamEnded):
    """The client asked for more than is allowed."""

    status = "RESOURCE_EXHAUSTED"


class Reconnect(StreamEnded):
    """The client shall come back: a reconnect costs little, as it says what it holds."""

    status = "UNAVAILABLE"


class NotReady(StreamEnded):
    """Nothing to serve yet. An empty answer would take a reconnecting client's configuration."""

    status = "UNAVAILABLE"


class Unauthenticated(StreamEnded):
    """No credentials, or wrong ones. The client is not told which."""

    status = "UNAUTHENTICATED"


class Forbidden(StreamEnded):
    """The credentials are good, but not for this node."""

    status = "PERMISSION_DENIED"


class Unserved(StreamEnded):
    """The server has this, but not in the way in which the client asks for it."""

    status = "UNIMPLEMENTED"


class PublishError(XdsError):
    """A publish that contradicts itself. Nothing of it was applied."""


class UnknownPart(XdsError):
    """Nobody has published that part."""
