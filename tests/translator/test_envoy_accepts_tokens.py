"""The real Envoy takes whatever keys and rules for tokens come through."""

import json
from pathlib import Path

import pytest

from crds.json_web_keys import Keys, usable_keys
from crds.jwks import Uri
from crds.request_authentication import ClaimToHeader, JWTHeader, JWTRule
from crds.scalars import Duration
from mesh.inbound import InboundPort
from mesh.protection import Protection
from mesh.services import Protocol
from mesh.tokens import Inline, Issuer, NoKeys, Remote
from tests.keys_of_tokens import EC, OCT, OKP, RSA
from tests.translator.envoy import refusal, sidecar, with_resources
from translator import listeners_inbound
from translator.listeners_inbound import Inbound

pytestmark = pytest.mark.envoy


def test_tokens(envoy_binary: Path, tmp_path: Path) -> None:
    """Whatever a rule may say, and a key of each type: for one that it cannot use Envoy would
    refuse the listener.
    """
    text = json.dumps({"keys": [RSA, EC, OKP, OCT, {**RSA, "alg": "PS512"}, {"kty": "x"}]})
    keys = usable_keys(text)
    assert isinstance(keys, Keys)
    strange = JWTRule(
        issuer="é" * 5000,
        audiences=("é",) * 500,
        from_headers=(JWTHeader(name="x" * 500, prefix="é "), JWTHeader(name="a|b")),
        from_params=("a b&=",),
        from_cookies=("a b;",),
        output_payload_to_header="X-" + "y" * 500,
        output_claim_to_headers=(ClaimToHeader(header="x", claim="é.é"),),
        timeout=Duration(1),
        space_delimited_claims=("é", "scope"),
    )
    address = Uri(text="https://idp.test/keys", tls=True, host="idp.test", port=443)
    singly = [usable_keys(json.dumps({"keys": [key]})) for key in (RSA, EC, OKP, OCT)]
    inline = [Inline(jwks=each.text) for each in (keys, *singly) if isinstance(each, Keys)]
    ways: tuple[Inline | Remote | NoKeys, ...] = (*inline, Remote(uri=address), NoKeys())
    issuers = tuple(Issuer(rule=strange, keys=way) for way in ways)
    inbound = Inbound(protection=Protection(issuers=issuers))
    port = InboundPort(number=80, protocol=Protocol.HTTP)
    listener = listeners_inbound.virtual_inbound((port,), inbound)
    config = with_resources(sidecar(tmp_path), listeners=(listener,))
    assert refusal(envoy_binary, tmp_path, config) == ""
