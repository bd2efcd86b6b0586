"""The attributes that `when` may ask for (istio-api.md 3.9), and what values each of them takes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from crds.names import MAX_PORT, is_subnet
from crds.path import did_you_mean


class Attribute(Enum):
    """What a condition looks at. The value is the key, or what comes before its brackets."""

    REQUEST_HEADERS = "request.headers"
    SOURCE_IP = "source.ip"
    REMOTE_IP = "remote.ip"
    SOURCE_NAMESPACE = "source.namespace"
    SOURCE_SERVICE_ACCOUNT = "source.serviceAccount"
    SOURCE_PRINCIPAL = "source.principal"
    SOURCE_TRUST_DOMAIN = "source.trustDomain"
    AUTH_PRINCIPAL = "request.auth.principal"
    AUTH_AUDIENCES = "request.auth.audiences"
    AUTH_PRESENTER = "request.auth.presenter"
    AUTH_CLAIMS = "request.auth.claims"
    DESTINATION_IP = "destination.ip"
    DESTINATION_PORT = "destination.port"
    CONNECTION_SNI = "connection.sni"
    FILTER_METADATA = "experimental.envoy.filters."

    @property
    def of_requests(self) -> bool:
        """Whether only HTTP has it."""
        return self in _OF_REQUESTS


_OF_REQUESTS = frozenset(
    {
        Attribute.REQUEST_HEADERS,
        Attribute.AUTH_PRINCIPAL,
        Attribute.AUTH_AUDIENCES,
        Attribute.AUTH_PRESENTER,
        Attribute.AUTH_CLAIMS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An attribute, with the header, the way to the claim, or the filter and its key."""

    attribute: Attribute
    names: tuple[str, ...] = ()


_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])*)")
_BRACKETED = re.compile(r"\[([^\[\]]+)\]")
_MANY = 99
_BRACKETS: Mapping[Attribute, int] = {
    Attribute.REQUEST_HEADERS: 1,
    Attribute.AUTH_CLAIMS: _MANY,
    Attribute.FILTER_METADATA: _MANY,
}
"""How many names in brackets these may have; they need one."""
_PLAIN: Mapping[str, Attribute] = {each.value: each for each in Attribute if each not in _BRACKETS}


def asked(key: str) -> Asked | None:
    """What a key asks for; nothing if there is no such attribute."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    base, names = found[1], tuple(_BRACKETED.findall(found[2]))
    if base in _PLAIN:
        return None if names else Asked(attribute=_PLAIN[base])
    if base.startswith(Attribute.FILTER_METADATA.value):
        filter_name = base.removeprefix("experimental.")
        return (
            Asked(attribute=Attribute.FILTER_METADATA, names=(filter_name, *names))
            if names
            else None
        )
    for attribute, most in _BRACKETS.items():
        if attribute.value == base and 1 <= len(names) <= most:
            return Asked(attribute=attribute, names=names)
    return None


def key_fault(key: str) -> str | None:
    """What is wrong with a key, and the way out."""
    if not key:
        return "is missing: name an attribute such as source.namespace"
    if asked(key) is not None:
        return None
    base = key.partition("[")[0]
    for attribute in _BRACKETS:
        if attribute.value in (base, f"{base}."):
            return "needs a name in brackets, as in request.headers[x-user]"
    known = [each.value for each in Attribute]
    return f"is no attribute that a policy can ask for{did_you_mean(base, known)}"


def value_fault(attribute: Attribute, value: str) -> str | None:
    """What is wrong with a value for that attribute."""
    if not value:
        return "must not be empty"
    check = _VALUES.get(attribute)
    return check(value) if check else None


def ip_fault(value: str) -> str | None:
    """An address or a block of addresses."""
    return None if is_subnet(value) else "must be an IP address or a block such as 10.0.0.0/8"


def port_fault(value: str) -> str | None:
    """A number in quotes, as Kubernetes' schema has it."""
    if value.isascii() and value.isdecimal() and int(value[:6]) <= MAX_PORT and len(value) < 6:
        return None
    return f"must be a port, 0 to {MAX_PORT}"


MAX_SERVICE_ACCOUNT = 320


def service_account_fault(value: str) -> str | None:
    """`name`, of the policy's own namespace, or `namespace/name`."""
    if len(value) > MAX_SERVICE_ACCOUNT:
        return f"is longer than {MAX_SERVICE_ACCOUNT} characters"
    if "*" in value:
        return "must be written out: service accounts have no wildcards, principals have"
    if value.count("/") > 1 or not all(value.split("/")):
        return "must be `name` or `namespace/name`"
    return None


def trust_domain_fault(value: str) -> str | None:
    """A name, with one `*` at either end."""
    if "/" in value:
        return "is a trust domain and nothing after it: drop everything from the `/`"
    if value.count("*") > 1 or "*" in value[1:-1]:
        return "may have one `*`, at its start or at its end"
    return None


_VALUES: Mapping[Attribute, Callable[[str], str | None]] = {
    Attribute.SOURCE_IP: ip_fault,
    Attribute.REMOTE_IP: ip_fault,
    Attribute.DESTINATION_IP: ip_fault,
    Attribute.DESTINATION_PORT: port_fault,
    Attribute.SOURCE_SERVICE_ACCOUNT: service_account_fault,
    Attribute.SOURCE_TRUST_DOMAIN: trust_domain_fault,
}


def faults(
    values: tuple[str, ...], check: Callable[[str], str | None]
) -> Iterator[tuple[int, str]]:
    """The index of each bad value, and what is wrong with it."""
    for index, value in enumerate(values):
        fault = "must not be empty" if not value else check(value)
        if fault:
            yield index, fault
