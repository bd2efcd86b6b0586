"""Who gets the certificates that DestinationRules name: the workload that a rule selects, and the
gateways that have them, and nobody else.
"""

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from tests.certificates import pair
from tests.features.plane import Plane
from tests.features.shop import namespace, workload
from tests.features.stream import Stream
from tests.features.test_gateway_secrets import certified, ingress
from tests.meshes import destination_rule
from translator.secrets import SYSTEM_ROOTS
from xds.types import CDS

NAME = "kubernetes://cert"
ROOTS = "kubernetes://cert-cacert"
CLUSTER = "outbound|80||server.shop.svc.cluster.local"
POLICY = (
    "host: server.shop.svc.cluster.local, "
    "trafficPolicy: {tls: {mode: MUTUAL, credentialName: cert}}"
)
SELECTED = f"{{workloadSelector: {{matchLabels: {{app: web}}}}, {POLICY}}}"
CERTIFICATES = (certified("shop", 1), certified("rival", 2))
SHOP = "\n---\n".join(
    (
        namespace("shop"),
        namespace("rival"),
        workload("server"),
        workload("web"),
        workload("other"),
        workload("web", "rival"),
        ingress("rival"),
    )
)
RULE = destination_rule("server", SELECTED)


async def test_a_selected_client_gets_the_certificate_of_its_namespace(plane: Plane) -> None:
    plane.apply(SHOP, RULE, *CERTIFICATES)
    async with plane.of("shop/web") as stream:
        found = await stream.secrets(NAME, ROOTS)
    made = Secret.FromString(found[NAME])
    assert made.tls_certificate.private_key.inline_bytes == pair(1)[1]
    roots = Secret.FromString(found[ROOTS]).validation_context.trusted_ca.inline_bytes
    assert roots == pair(1)[0]


@pytest.mark.parametrize("pod", ["shop/other", "rival/web", "rival/ingress"])
async def test_nobody_else_gets_it(plane: Plane, pod: str) -> None:
    """Neither who is not selected, nor one in another namespace that has a Secret of this name."""
    plane.apply(SHOP, RULE, *CERTIFICATES)
    async with plane.of("shop/web") as stream:
        assert await stream.secrets(NAME)
    async with plane.of(pod) as stream:
        assert await stream.secrets(NAME, ROOTS) == {}


async def test_a_gateway_gets_that_of_its_own_namespace(plane: Plane) -> None:
    """By a rule of another namespace, without a workloadSelector; a sidecar gets nothing by it."""
    plane.apply(SHOP, destination_rule("server", f"{{{POLICY}}}"), *CERTIFICATES)
    async with plane.of("rival/ingress") as stream:
        found = await stream.secrets(NAME)
    made = Secret.FromString(found[NAME])
    assert made.tls_certificate.private_key.inline_bytes == pair(2)[1]
    for sidecar in ("rival/web", "shop/web"):
        async with plane.of(sidecar) as stream:
            assert await stream.secrets(NAME) == {}


async def test_what_no_cluster_names_is_not_given(plane: Plane) -> None:
    """Another Secret of the namespace, and the certificate where only the authorities are asked."""
    simple = RULE.replace("MUTUAL", "SIMPLE")
    more = certified("shop", 3).replace("name: cert", "name: more")
    plane.apply(SHOP, simple, *CERTIFICATES, more)
    async with plane.of("shop/web") as stream:
        assert set(await stream.secrets(NAME, ROOTS, "kubernetes://more")) == {ROOTS}


async def test_the_cluster_is_closed_until_the_secret_comes(plane: Plane) -> None:
    plane.apply(SHOP, RULE)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        assert not _cluster(stream).HasField("transport_socket")
        plane.apply(SHOP, RULE, *CERTIFICATES)
        await stream.ping()
        assert _cluster(stream).HasField("transport_socket")
        assert await stream.secrets(NAME)


async def test_a_new_certificate_is_sent_at_once_and_alone(plane: Plane) -> None:
    plane.apply(SHOP, RULE, *CERTIFICATES)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        assert await stream.secrets(NAME)
        before = len(stream.envoy.pushes)
        plane.apply(SHOP, RULE, certified("shop", 3), certified("rival", 2))
        await stream.ping()
        assert {push.kind for push in stream.envoy.pushes[before:]} == {"sds"}
        assert pair(3)[1] in (await stream.secrets(NAME))[NAME]


async def test_with_the_rule_goes_the_certificate(plane: Plane) -> None:
    plane.apply(SHOP, RULE, *CERTIFICATES)
    async with plane.of("shop/web") as stream:
        assert await stream.secrets(NAME)
    plane.apply(SHOP, *CERTIFICATES)
    async with plane.of("shop/web") as stream:
        assert await stream.secrets(NAME) == {}


@pytest.mark.parametrize("pod", ["shop/web", "rival/ingress"])
async def test_who_fetches_keys_of_tokens_gets_the_roots_to_verify_the_server(
    plane: Plane, pod: str
) -> None:
    tokens = """
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: istio-system}
spec: {jwtRules: [{issuer: a, jwksUri: "https://idp.example.com/keys"}]}
"""
    plane.apply(SHOP)
    async with plane.of(pod) as stream:
        assert await stream.secrets("jwks:file-root:system") == {}
    plane.apply(SHOP, tokens)
    async with plane.of(pod) as stream:
        found = await stream.secrets("jwks:file-root:system")
        assert "jwks|443|https|idp.example.com" in stream.envoy.held[CDS]
    (made,) = map(Secret.FromString, found.values())
    assert made.validation_context.trusted_ca.filename == SYSTEM_ROOTS


def _cluster(stream: Stream) -> Cluster:
    return Cluster.FromString(stream.envoy.held[CDS][CLUSTER].resource.value)
