"""Nothing secret is left in what is shown, wherever it stood."""

import base64
import importlib
import pkgutil
from collections.abc import Iterator

import envoy
import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FileDescriptor
from udpa.annotations import sensitive_pb2

from heddle.proxies.redaction import (
    REDACTED,
    REDACTED_BYTES,
    SENSITIVE,
    SENSITIVE_OF,
    SENSITIVE_WITHIN,
    redacted,
    redacted_text,
)
from tests.certificates import pair
from tests.security_rows import guards

KEY = pair(3)[1].decode()
CANARY = "canary-in-a-coal-mine"


def sensitive_fields() -> Iterator[tuple[str, str]]:
    """Every field of Envoy's API that its authors mark so: the message and its name."""
    for module in pkgutil.walk_packages(envoy.__path__, "envoy."):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(module.name).DESCRIPTOR
            assert isinstance(file, FileDescriptor)
            for message in file.message_types_by_name.values():
                yield from _marked(message)


def _marked(message: Descriptor) -> Iterator[tuple[str, str]]:
    for field in message.fields:
        if field.GetOptions().Extensions[sensitive_pb2.sensitive]:
            yield message.full_name, field.name
    for nested in message.nested_types:
        yield from _marked(nested)


WITHIN = {
    "TlsSessionTicketKeys": "session_ticket_keys",
    "PrivateKeyProvider": "private_key_provider",
}
"""The field in which messages of other names are found."""


@guards("C6")
def test_whatever_envoys_api_marks_is_taken_out() -> None:
    """Of every message that there is, of whatever age."""
    found = set(sensitive_fields())
    assert len(found) > 20
    for message, field in sorted(found):
        value = {field: [{"inline_string": CANARY, "filename": CANARY, "deep": {"n": [CANARY]}}]}
        inner = WITHIN.get(message.rpartition(".")[2], "anything")
        shown = redacted({inner: value, "typed_config": {"@type": f"x/{message}", **value}})
        if field in SENSITIVE or inner != "anything":
            assert CANARY not in str(redacted({inner: value})), (message, field)
        else:
            assert CANARY not in str(shown).partition("typed_config")[2], (message, field)
            assert message in SENSITIVE_OF


def test_every_name_is_one_that_envoy_marks() -> None:
    """Nothing is hidden for nothing."""
    marked = {field for _, field in sensitive_fields()}
    within = {field for fields in SENSITIVE_WITHIN.values() for field in fields}
    assert within | SENSITIVE <= marked


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"a certificate\n{KEY}",
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(b"chain " + KEY.encode()).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe" + KEY.encode()).decode(),
    ],
)
@pytest.mark.parametrize("field", ["inline_bytes", "inline_string", "value"])
def test_a_key_where_no_key_belongs(text: str, field: str) -> None:
    """A certificate's file with the key in it, a header, a Lua script."""
    shown = redacted({"configs": [{"certificate_chain": {field: text}, "list": [text]}]})
    instead = REDACTED_BYTES if field == "inline_bytes" else REDACTED
    assert shown == {"configs": [{"certificate_chain": {field: instead}, "list": [REDACTED]}]}


def test_a_secret_in_a_dump_is_shown_but_for_its_key() -> None:
    """`secret` is what a dump calls the whole message."""
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    chain = base64.b64encode(pair(3)[0]).decode()
    dumped = {
        "name": "default",
        "secret": {
            "@type": kind,
            "tls_certificate": {
                "certificate_chain": {"inline_bytes": chain},
                "private_key": {"inline_bytes": base64.b64encode(b"raw").decode()},
            },
            "generic_secret": {"secret": {"inline_string": "token"}},
        },
    }
    shown = redacted({"dynamic_active_secrets": [dumped]})
    assert shown == {
        "dynamic_active_secrets": [
            {
                "name": "default",
                "secret": {
                    "@type": kind,
                    "tls_certificate": {
                        "certificate_chain": {"inline_bytes": chain},
                        "private_key": {"inline_bytes": REDACTED_BYTES},
                    },
                    "generic_secret": {"secret": {"inline_string": REDACTED}},
                },
            }
        ]
    }


def test_what_is_left_is_still_a_message() -> None:
    """istioctl reads a dump as Envoy's messages, where bytes are base64."""
    kept = Secret(name="s")
    kept.tls_certificate.private_key.inline_bytes = CANARY.encode()
    shown = redacted(json_format.MessageToDict(kept, preserving_proto_field_name=True))
    assert isinstance(shown, dict)
    read = json_format.ParseDict(shown, Secret())
    assert read.tls_certificate.private_key.inline_bytes == REDACTED.encode()


def test_a_secret_that_claims_to_be_a_message_is_none() -> None:
    """An Any as a secret still shows nothing but its type."""
    shown = redacted({"private_key": {"@type": "t", "value": CANARY}})
    assert CANARY not in str(shown)


def test_what_is_not_secret_stays() -> None:
    value = {"keys": ["a"], "n": 1, "b": True, "none": None, "long": "x" * 100, "credentials": "c"}
    assert redacted(value) == value


def test_a_text_with_a_key() -> None:
    """Pages that are no JSON."""
    assert redacted_text(f"before\n{KEY}after") == f"before\n{REDACTED} PRIVATE KEY-----\nafter"
    assert redacted_text("-----BEGIN PRIVATE KEY-----\nabc") == REDACTED
    assert redacted_text("nothing") == "nothing"
