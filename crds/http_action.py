"""What an HTTP rule does besides forwarding: it redirects, answers, rewrites, copies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from crds import checks
from crds.destination import Destination, check_destination
from crds.fields import UInt32
from crds.names import regex_fault, regex_groups
from crds.problem import Problem, error, warning
from crds.scalars import Percent

REDIRECT_CODES = (0, 301, 302, 303, 307, 308)
"""Those that Envoy can answer with; it has no others of 3xx."""

MAX_BODY_BYTES = 1 << 20
LARGE_BODY_BYTES = 100 << 10


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
class HTTPMirrorPolicy:
    """A copy of the request goes there and its answer is dropped; no `percentage` means all
    requests.
    """

    destination: Destination | None = None
    percentage: Percent | None = None


_REFERENCE = re.compile(r"\\(.?)", re.DOTALL)


def check_redirect(path: str, redirect: HTTPRedirect) -> Iterator[Problem]:
    """On its own; what its matches allow is the rule's matter."""
    if redirect == HTTPRedirect(redirect_code=redirect.redirect_code):
        message = "changes nothing: set uri, prefixRewrite, authority, port, derivePort or scheme"
        yield error("empty", path, message)
    if redirect.uri and redirect.prefix_rewrite:
        yield error("one-of", path, "`uri` and `prefixRewrite` exclude each other: keep one")
    if redirect.scheme not in ("", "http", "https"):
        yield error("bad-scheme", f"{path}.scheme", "must be http or https", redirect.scheme)
    if redirect.redirect_code not in REDIRECT_CODES:
        message = "must be 301, 302, 303, 307 or 308: Envoy has no other redirects"
        yield error("bad-redirect-code", f"{path}.redirectCode", message, redirect.redirect_code)
    if redirect.port is not None:
        yield from checks.port(f"{path}.port", redirect.port)


def check_direct_response(path: str, response: HTTPDirectResponse) -> Iterator[Problem]:
    """Envoy answers with 200 to 599."""
    if not 200 <= response.status <= 599:
        yield error("bad-status", f"{path}.status", "must be 200 to 599", response.status)
    body = response.body
    if body is None:
        return
    size = len(body.bytes_ if body.bytes_ is not None else (body.string or "").encode())
    if size > MAX_BODY_BYTES:
        yield error("too-large", f"{path}.body", "must be at most 1 MiB", f"{size} bytes")
    elif size > LARGE_BODY_BYTES:
        message = "is large: each proxy holds a copy for each rule, serve it from an upstream"
        yield warning("large-body", f"{path}.body", message, f"{size} bytes")


def check_rewrite(path: str, rewrite: HTTPRewrite) -> Iterator[Problem]:
    """On its own."""
    if rewrite == HTTPRewrite():
        yield error("empty", path, "needs `uri`, `authority` or `uriRegexRewrite`")
    regex = rewrite.uri_regex_rewrite
    if regex is None:
        return
    here = f"{path}.uriRegexRewrite"
    if rewrite.uri:
        yield error("one-of", path, "`uri` and `uriRegexRewrite` exclude each other: keep one")
    if not regex.rewrite:
        yield error("empty", f"{here}.rewrite", "is missing: say what to put there")
    yield from checks.regex(f"{here}.match", regex.match)
    if regex_fault(regex.match) is None:
        yield from _check_references(f"{here}.rewrite", regex)


def _check_references(path: str, regex: RegexRewrite) -> Iterator[Problem]:
    groups = regex_groups(regex.match)
    for reference in _REFERENCE.findall(regex.rewrite):
        is_group = reference.isascii() and reference.isdigit() and int(reference) <= groups
        if not (is_group or reference == "\\"):
            message = f"`\\{reference}` is none of the {groups} groups of `match`"
            yield error("bad-reference", path, message, regex.rewrite)


def check_mirror(path: str, mirror: HTTPMirrorPolicy) -> Iterator[Problem]:
    """One of several copies."""
    yield from check_destination(f"{path}.destination", mirror.destination)
    yield from checks.percentage(f"{path}.percentage", mirror.percentage)
