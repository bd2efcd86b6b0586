"""Where the keys that tokens are verified with come from: in place, or an address that Envoy asks.

We never ask it ourselves (what a namespace may write must not make the control plane call
anybody), and there is no key of our own to fall back on: without usable keys no token is valid.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from crds.json_web_keys import Keys, usable_keys
from crds.names import host_fault, is_ip
from crds.request_authentication import JWTRule

MAX_URI = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """An address of keys, in its parts. `text` is the address as it is asked."""

    text: str
    tls: bool
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why there are no keys, and the way out; `code` is the problem's, `field` where it is in the
    rule, if in any one field.
    """

    code: str
    field: str
    message: str
    value: str | None = None


def keys_of(rule: JWTRule) -> Keys | Uri | Unusable:
    """The keys of a rule: in place, at an address, or why there are none."""
    if rule.jwks and rule.jwks_uri:
        return Unusable("conflict", "jwks", "stands beside jwksUri: keep one of them")
    if rule.jwks:
        found = usable_keys(rule.jwks)
        return Unusable("bad-jwks", "jwks", found) if isinstance(found, str) else found
    if rule.jwks_uri:
        return _uri(rule.jwks_uri)
    message = "has neither jwks nor jwksUri: name the issuer's jwks_uri, it is not looked up"
    return Unusable("no-jwks", "", message)


def _uri(text: str) -> Uri | Unusable:
    def unusable(message: str) -> Unusable:
        return Unusable("bad-jwks-uri", "jwksUri", message, text)

    if len(text) > MAX_URI or not text.isascii() or not text.isprintable() or " " in text:
        return unusable(f"is no address: at most {MAX_URI} printable ASCII characters")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return unusable("is no address such as https://idp.example.com/jwks.json")
    if parts.scheme not in ("http", "https"):
        return unusable("must begin with https:// or http://")
    if parts.username is not None or parts.fragment:
        return unusable("must have neither a user nor a fragment: nobody would send them")
    if not is_ip(host) and host_fault(host, wildcard=False):
        return unusable("names no host")
    if port == 0:
        return unusable("names port 0: leave it out, or name a real one")
    if _is_own(host):
        return unusable("is an address of the machine itself, which keys are never fetched from")
    tls = parts.scheme == "https"
    return Uri(text=text, tls=tls, host=host, port=port or (443 if tls else 80))


def _is_own(host: str) -> bool:
    """Addresses that mean something else to everybody who asks them: the proxy's own admin port,
    or the cloud's metadata.
    """
    if not is_ip(host):
        return host == "localhost" or host.endswith(".localhost")
    address = ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or str(address) == "fd00:ec2::254"
    )
