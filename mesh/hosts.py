"""Host names: short names, wildcards, and the most specific match. Nothing here knows what a host
leads to.
"""

from collections.abc import Iterable

DOMAIN = "cluster.local"
"""The cluster's DNS domain."""
IN_CLUSTER = f".svc.{DOMAIN}"
"""All hosts of Kubernetes Services end so."""


def fqdn(name: str, namespace: str) -> str:
    """The host of the Kubernetes Service `name` in `namespace`."""
    return f"{name}.{namespace}{IN_CLUSTER}"


def shortest(host: str) -> str:
    """The host without what those of all Services end in."""
    return host.removesuffix(IN_CLUSTER)


def resolve(host: str, namespace: str) -> str:
    """`host` as written in an object of `namespace`: only a name without any dot is short (Istio's
    ResolveShortnameToFQDN).
    """
    if not host or "." in host or "*" in host or ":" in host:
        return host.lower()
    return fqdn(host.lower(), namespace)


def is_wildcard(host: str) -> bool:
    """Whether `host` is `*`, `*.suffix` or `*-suffix`."""
    return host.startswith("*")


def matches(pattern: str, host: str) -> bool:
    """Whether `pattern`, a host or a wildcard, covers `host`."""
    if not is_wildcard(pattern):
        return pattern == host
    return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1


def most_specific(patterns: Iterable[str], host: str) -> list[str]:
    """The wildcards that cover `host`, the longest first."""
    covering = [pattern for pattern in patterns if matches(pattern, host)]
    return sorted(covering, key=lambda pattern: (-len(pattern), pattern))


def aliases(name: str, namespace: str, *, own_namespace: bool) -> tuple[str, ...]:
    """The shorter names under which Kubernetes' DNS finds a Service, for a client of its own or of
    another namespace.
    """
    short = (f"{name}.{namespace}.svc", f"{name}.{namespace}")
    return (name, *short) if own_namespace else short
