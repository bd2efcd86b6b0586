"""The grammar of names in configuration: hosts, labels, addresses, regular expressions.

Each function returns what is wrong, with the way out, or nothing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

import re2  # type: ignore[import-untyped]  # ships no types

UNIX = "unix://"
"""What the address of a Unix domain socket begins with; an absolute path follows."""
MAX_PORT = 65_535
MAX_HOST_CHARS = 255
MAX_NAME_CHARS = 253
MAX_REGEX_CHARS = 1024
_REGEX_BYTES = 1 << 20
_REGEX_STEPS = 40_000
"""What one expression may take, compiled, and how many steps that is about: some milliseconds."""

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_OBJECT_NAME = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII
)
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]{1,16384}", re.ASCII)


def is_dns_label(text: str) -> bool:
    """RFC 1123 in lower case: names of namespaces, subsets, ports."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """RFC 1123 labels between dots, in lower case: names of most objects."""
    return len(text) <= MAX_NAME_CHARS and _OBJECT_NAME.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """RFC 9110: names of headers and methods."""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=16_384)
def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 address without a zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@lru_cache(maxsize=16_384)
def is_subnet(text: str) -> bool:
    """An address, or a CIDR block; bits of the host may be set."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text and text.count("/") <= 1


@lru_cache(maxsize=16_384)
def host_fault(host: str, *, wildcard: bool = True) -> str | None:
    """A DNS name, with `*`, `*.` or `*-` in front if `wildcard`."""
    if not host:
        return "is missing: name a host"
    if len(host) > MAX_HOST_CHARS:
        return f"is longer than {MAX_HOST_CHARS} characters"
    if wildcard and host.startswith("*"):
        if host == "*":
            return None
        if host[1] not in ".-":
            return "`*` must be followed by `.` or `-`, as in *.example.com"
        host = host[2:]
    labels = host.removesuffix(".").split(".")
    for label in labels:
        if not _HOST_LABEL.fullmatch(label):
            return "is no DNS name: use letters, digits and `-` between dots"
    if labels[-1].isdigit():
        return "is no DNS name: its last part is a number"
    return None


@lru_cache(maxsize=1_024)
def gateway_fault(name: str) -> str | None:
    """`mesh`, a name, `namespace/name`, or the older dotted form."""
    namespace, slash, rest = name.rpartition("/")
    if slash:
        if (namespace == "." or is_dns_label(namespace)) and is_dns_label(rest):
            return None
        return "must be `name` or `namespace/name`"
    return (
        "must be `mesh`, `name` or `namespace/name`" if host_fault(name, wildcard=False) else None
    )


@lru_cache(maxsize=16_384)
def label_fault(name: str, value: str) -> str | None:
    """A Kubernetes label."""
    prefix, slash, rest = name.rpartition("/")
    if not _LABEL_NAME.fullmatch(rest) or (slash and host_fault(prefix, wildcard=False)):
        return "is no label name: use letters, digits, `-`, `_`, `.`, at most 63 characters"
    if not _LABEL_VALUE.fullmatch(value):
        return "is no label value: use letters, digits, `-`, `_`, `.`, at most 63 characters"
    return None


def regex_fault(pattern: str) -> str | None:
    """Envoy's dialect, RE2, and Istio's limit of length."""
    return _compiled(pattern).fault


def regex_groups(pattern: str) -> int:
    """How many groups a valid expression has."""
    return _compiled(pattern).groups


def regex_steps(pattern: str) -> int:
    """How much it takes to compile an expression: the size of its program."""
    return _compiled(pattern).steps


@dataclass(frozen=True, slots=True)
class _Compiled:
    fault: str | None = None
    groups: int = 0
    steps: int = 0


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> _Compiled:
    if not pattern:
        return _Compiled("is empty: write an expression, or `.*` for anything")
    if len(pattern) > MAX_REGEX_CHARS:
        return _Compiled(f"is longer than {MAX_REGEX_CHARS} characters: shorten or split it")
    try:
        made = re2.compile(pattern, _re2_options())
    except (re2.error, UnicodeEncodeError) as failure:
        fault = (
            f"is no RE2 expression ({_text(failure)}): see the RE2 syntax, which has no lookahead"
        )
        return _Compiled(fault, steps=_REGEX_STEPS)
    return _Compiled(groups=int(made.groups), steps=int(made.programsize))


def escaped(text: str) -> str:
    """The expression that matches `text` and nothing else."""
    return str(re2.escape(text))


def _re2_options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _REGEX_BYTES
    return options


def _text(failure: Exception) -> str:
    what = failure.args[0] if failure.args else ""
    return what.decode("utf-8", "replace") if isinstance(what, bytes) else str(failure)
