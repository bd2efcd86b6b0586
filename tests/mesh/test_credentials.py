"""What is known of Secrets: which parts they have, and never the parts."""

from crds.decode import decode
from crds.kinds import Object
from crds.meta import Key
from mesh.credentials import Contents, Credentials, advance
from mesh.store import Change

KEY = Key("", "Secret", "edge", "cert")
PAIR = {"tls.crt": "YQ==", "tls.key": "YQ=="}


def secret(**data: str) -> Object:
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert"}, "data": data}
    found = decode(raw).object
    assert found is not None
    return found


def step(index: Credentials, new: Object | None) -> tuple[Credentials, frozenset[Key]]:
    return advance(index, [Change(KEY, secret(), new)])


def test_a_new_certificate_in_place_of_another_changes_nothing_here() -> None:
    """Rotation goes over SDS alone: no listener is touched."""
    first, touched = step(Credentials(), secret(**PAIR))
    assert touched == {KEY}
    assert first.at("edge", "cert") == Contents(certificate=True)
    second, touched = step(first, secret(**{**PAIR, "tls.key": "Yg=="}))
    assert (second, touched) == (first, frozenset())


def test_what_a_secret_loses_is_gone() -> None:
    index, _ = step(Credentials(), secret(**PAIR, cacert="YQ=="))
    assert index.at("edge", "cert") == Contents(certificate=True, roots=True)
    index, touched = step(index, secret(**PAIR))
    assert not index.at("edge", "cert").roots
    assert touched == {KEY}
    index, touched = step(index, None)
    assert index == Credentials()
    assert touched == {KEY}
