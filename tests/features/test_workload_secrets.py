"""A pod gets the certificate of the identity in its token, and what is its own ends with it."""

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from heddle.workload_secrets import SecretsKey
from tests.features.certificate import identity
from tests.features.plane import Plane
from tests.features.shop import SHOP
from tests.security_rows import guards

OWN = ("default", "ROOTCA")


async def test_it_is_that_of_the_token(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        found = await stream.secrets(*OWN)
    assert identity(found["default"]) == "spiffe://cluster.local/ns/shop/sa/web"
    assert Secret.FromString(found["ROOTCA"]).validation_context.trusted_ca.inline_bytes


@pytest.mark.parametrize(
    "name", ["DEFAULT", "default ", "../default", "spiffe://cluster.local/ns/shop/sa/default", "*"]
)
@guards("C1")
async def test_no_other_name_leads_to_it(plane: Plane, name: str) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as stream:
        assert await stream.secrets(name) == {}


@guards("C1")
async def test_each_stream_has_a_key_of_its_own_that_ends_with_it(plane: Plane) -> None:
    plane.apply(SHOP)
    async with plane.of("shop/web") as one, plane.of("shop/web") as two:
        keys = [
            Secret.FromString((await stream.secrets(*OWN))["default"]).tls_certificate.private_key
            for stream in (one, two)
        ]
        assert keys[0] != keys[1]
    await plane.alone()
    parts = plane.control.publisher.keys()
    held = [key for key in parts if isinstance(key, SecretsKey)]
    assert held == []


FROM_SPIRE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "certificateSource: SPIRE"}
"""


async def test_where_certificates_come_from_somebody_else_we_make_no_keys(plane: Plane) -> None:
    plane.apply(SHOP, FROM_SPIRE)
    async with plane.of("shop/web") as stream:
        assert await stream.secrets(*OWN) == {}
    assert plane.authority.secrets.waiting() == 0
