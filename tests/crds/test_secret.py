"""Secrets are read without anything of them ever being shown."""

import pickle
from collections.abc import Mapping

import pytest

from crds.decode import Decoded, decode
from crds.secret import Secret
from crds.secret_bytes import SecretBytes

CANARY = "c2VjcmV0LWNhbmFyeQ=="  # secret-canary


def secret(rest: Mapping[str, object], annotations: Mapping[str, str] | None = None) -> Decoded:
    metadata = {"name": "x", "namespace": "shop", "annotations": dict(annotations or {})}
    return decode({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **rest})


def read(rest: Mapping[str, object]) -> Secret:
    found = secret(rest).object
    assert isinstance(found, Secret)
    return found


@pytest.mark.parametrize(
    "data",
    [
        {"data": {"tls.crt": "YQ==", "tls.key": "Yg==", "ca.crt": "Yw==", "ca.crl": "ZA=="}},
        {"data": {"cert": "YQ==", "key": "Yg==", "cacert": "Yw==", "crl": "ZA=="}},
        {"stringData": {"tls.crt": "a", "tls.key": "b", "ca.crt": "c", "ca.crl": "d"}},
        {
            "data": {"tls.crt": "eA==", "tls.key": "eA==", "ca.crt": "eA==", "ca.crl": "eA=="},
            "stringData": {"tls.crt": "a", "tls.key": "b", "ca.crt": "c", "ca.crl": "d"},
        },
    ],
    ids=["tls", "generic", "text", "text wins"],
)
def test_both_shapes_and_plain_text_are_understood(data: Mapping[str, object]) -> None:
    found = read(data)
    parts = (found.certificate, found.private_key, found.roots, found.revoked)
    assert [part.reveal() for part in parts if part] == [b"a", b"b", b"c", b"d"]


def test_nothing_of_a_secret_is_shown() -> None:
    """Not its values, not other keys, not kubectl's copy of the whole in an annotation."""
    noted = {"kubectl.kubernetes.io/last-applied-configuration": CANARY}
    found = secret({"data": {"tls.key": CANARY, "password": CANARY}}, noted)
    assert "canary" not in repr(found) + str(found)
    assert CANARY not in repr(found)
    assert isinstance(found.object, Secret)
    assert found.object.private_key == SecretBytes(b"secret-canary")


@pytest.mark.parametrize("data", [{"tls.key": f"!{CANARY}"}, {"tls.key": [CANARY]}])
def test_a_value_that_cannot_be_read_is_not_quoted(data: Mapping[str, object]) -> None:
    found = secret({"data": data})
    assert found.object is None
    assert [problem.path for problem in found.problems] == ["data.tls.key"]
    assert CANARY not in repr(found.problems)


def test_text_must_be_text() -> None:
    found = secret({"stringData": {"key": 7}})
    assert [problem.code for problem in found.problems] == ["wrong-type"]


def test_secret_bytes_are_not_copied_anywhere() -> None:
    value = SecretBytes(b"a")
    assert hash(value) == hash(SecretBytes(b"a"))
    assert value != b"a"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(value)
