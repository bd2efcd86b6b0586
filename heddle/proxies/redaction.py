"""Takes what is secret out of a configuration in JSON, whoever wrote it.

Envoy redacts what its API marks as sensitive before it shows it. That is not relied on: an older
one may know of less, and a user can write a key where no key belongs, for example into the file of
a certificate. So every value under a name that Envoy's API marks is taken out, and every text, also
in base64, that has a private key in it, wherever it stands.
"""

import base64
import binascii
import re
from typing import Final

REDACTED: Final = "[redacted]"
REDACTED_BYTES: Final = base64.b64encode(REDACTED.encode()).decode()
"""The same in a field of bytes, which are base64 in JSON: tools that read the dump as Envoy's
messages, such as istioctl, would stop at anything else.
"""
_BYTES: Final = frozenset({"inline_bytes"})
"""Fields of bytes (of a DataSource)."""

SENSITIVE: Final = frozenset(
    {
        "auth_password",
        "auth_username",
        "backend_token",
        "context_extensions",
        "credentials_data_source",
        "downstream_auth_password",
        "downstream_auth_passwords",
        "downstream_auth_username",
        "password",
        "pkcs12",
        "private_key",
        "secret",
        "secret_access_key",
        "secret_data",
        "secrets",
        "session_token",
        "users",
        "web_identity_token_data_source",
    }
)
"""Fields that Envoy's API marks as sensitive, whatever message they are in."""
SENSITIVE_WITHIN: Final = {
    "session_ticket_keys": frozenset({"keys"}),
    "private_key_provider": frozenset({"config", "typed_config"}),
}
"""The same, whose names mean something else in other messages: by the field they are within."""
SENSITIVE_OF: Final = {
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth": frozenset({"credentials"}),
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute": frozenset({"credentials"}),
}
"""The same, by the type of the message."""

_TYPE: Final = "@type"
_SECRET: Final = "envoy.extensions.transport_sockets.tls.v3.Secret"
_KEY: Final = "PRIVATE KEY"
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END|\Z)", re.S)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_NONE: Final[frozenset[str]] = frozenset()


def redacted(value: object, within: str = "") -> object:
    """The same without what is secret; `within` is the name of the field that it is in."""
    match value:
        case dict():
            return _message(value, within)
        case list():
            return [redacted(each, within) for each in value]
        case str():
            return _instead(within) if shows_key(value) else value
        case _:
            return value


def _message(message: dict[str, object], within: str) -> dict[str, object]:
    kind = str(message.get(_TYPE, "")).rpartition("/")[2]
    secret = SENSITIVE_WITHIN.get(within, _NONE) | SENSITIVE_OF.get(kind, _NONE)
    return {
        name: _blank(value, name)
        if name in secret or (name in SENSITIVE and not _is_dumped(name, value))
        else redacted(value, name)
        for name, value in message.items()
    }


def _is_dumped(name: str, value: object) -> bool:
    """Whether it is a whole Secret, of which only a part is secret: a dump calls it `secret`."""
    of_type = str(value.get(_TYPE, "")) if name == "secret" and isinstance(value, dict) else ""
    return of_type.rpartition("/")[2] == _SECRET


def _blank(value: object, within: str) -> object:
    """The form of a value, and nothing of what it says."""
    match value:
        case dict():
            return {
                name: each if name == _TYPE else _blank(each, name) for name, each in value.items()
            }
        case list():
            return [_blank(each, within) for each in value]
        case _:
            return _instead(within)


def _instead(within: str) -> str:
    """What stands for a secret in a field."""
    return REDACTED_BYTES if within in _BYTES else REDACTED


def shows_key(text: str) -> bool:
    """Whether a private key in PEM is in a text, as it is or in base64."""
    if _KEY in text:
        return True
    return any(_KEY.encode() in _decoded(found[0]) for found in _ENCODED.finditer(text))


def redacted_text(text: str) -> str:
    """The lines of a text without those that have a key in them, and what follows in it."""
    if not shows_key(text):
        return text
    return _PRIVATE_KEY.sub(REDACTED, text)


def _decoded(text: str) -> bytes:
    whole = text.rstrip("=")
    whole = whole[: len(whole) - len(whole) % 4]
    try:
        return base64.urlsafe_b64decode(whole.replace("+", "-").replace("/", "_"))
    except (ValueError, binascii.Error):
        return b""
