"""Did you mean, for Secrets: only those that the author may know."""

from dataclasses import replace

import pytest

from analysis import istio_codes, own_codes
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.secret_names import spelt
from crds.meta import Key
from mesh.credentials import Contents, Credentials, secret_key
from mesh.mesh import EMPTY_MESH

GATEWAY = Key("networking.istio.io", "Gateway", "shop", "g")
HELD = Contents(certificate=True)


def lost(name: str | None, key: Key | None = GATEWAY) -> Message:
    return finding(istio_codes.INVALID_GATEWAY_CREDENTIAL, key, "", "is lost", value=name)


def known(*names: tuple[str, str]) -> Facts:
    held = Credentials(contents={secret_key(*each): HELD for each in names})
    return Facts(mesh=replace(EMPTY_MESH, credentials=held), objects={})


def test_a_slip_of_the_pen() -> None:
    found = spelt(lost("shop-crt"), known(("shop", "shop-cert")))
    assert found.remedy == "Did you mean shop-cert?"


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (lost("shop-crt"), [("bank", "shop-cert")]),
        (lost("shop-cert"), [("shop", "shop-cert"), ("shop", "shop-certs")]),
        (lost("other"), [("shop", "shop-cert")]),
        (lost("shop-crt", None), [("shop", "shop-cert")]),
        (lost(None), [("shop", "shop-cert")]),
        (finding(own_codes.UNSUPPORTED, GATEWAY, "", "x", value="a"), [("shop", "a1")]),
    ],
)
def test_what_is_left_as_it_is(message: Message, names: list[tuple[str, str]]) -> None:
    assert spelt(message, known(*names)) == message
