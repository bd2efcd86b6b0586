"""What an HTTP rule of a VirtualService does with a request besides forwarding it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from crds.destination import Destination
from crds.fields import Int32, UInt32
from crds.scalars import Duration, Percent, StringMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """Another VirtualService, without hosts, whose http rules are put in this place."""

    name: str = ""
    namespace: str = ""


class RedirectPortSelection(StrEnum):
    """How a redirect's port is derived."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRedirect:
    """Answers with a 3xx; `redirect_code` 0 means 301."""

    ONE_OF: ClassVar = (("port", "derive_port"),)

    uri: str = ""
    prefix_rewrite: str = ""
    authority: str = ""
    port: UInt32 | None = None
    derive_port: RedirectPortSelection | None = None
    scheme: str = ""
    redirect_code: UInt32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPBody:
    """A fixed body, as text or (base64 in JSON) as bytes."""

    ONE_OF: ClassVar = (("string", "bytes_"),)

    string: str | None = None
    bytes_: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPDirectResponse:
    """Answers with this, without any upstream."""

    status: UInt32 = 0
    body: HTTPBody | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegexRewrite:
    r"""Replaces what `match` (RE2) matches in the path; `rewrite` may refer to groups as `\1`."""

    match: str = ""
    rewrite: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRewrite:
    """Changes the path and the authority before forwarding."""

    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPRetry:
    """`attempts` counts retries, not tries; 0 turns them off. `retry_on` is Envoy's comma list,
    status codes included.
    """

    attempts: Int32 = 0
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_remote_localities: bool | None = None
    retry_ignore_previous_hosts: bool | None = None
    backoff: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """`percent` is the deprecated form and counts only if `percentage` is absent; with neither
    nothing is delayed.
    """

    ONE_OF: ClassVar = (("fixed_delay", "exponential_delay"),)

    percent: Int32 = 0
    fixed_delay: Duration | None = None
    exponential_delay: Duration | None = None
    percentage: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """`grpc_status` is a name (`UNAVAILABLE`). Without `percentage` nothing is aborted."""

    ONE_OF: ClassVar = (("http_status", "grpc_status", "http2_error"),)

    http_status: Int32 | None = None
    grpc_status: str | None = None
    http2_error: str | None = None
    percentage: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPFaultInjection:
    """Faults that the client's sidecar makes before forwarding."""

    delay: Delay | None = None
    abort: Abort | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPMirrorPolicy:
    """A copy of the request goes there and its answer is dropped; no `percentage` means all
    requests.
    """

    destination: Destination | None = None
    percentage: Percent | None = None


class UnmatchedPreflights(StrEnum):
    """What becomes of a preflight whose origin is not allowed."""

    UNSPECIFIED = "UNSPECIFIED"
    FORWARD = "FORWARD"
    IGNORE = "IGNORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsPolicy:
    """`allow_origin` is the deprecated form and counts only if `allow_origins` is empty."""

    allow_origin: tuple[str, ...] = ()
    allow_origins: tuple[StringMatch, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_credentials: bool | None = None
    unmatched_preflights: UnmatchedPreflights = UnmatchedPreflights.UNSPECIFIED
