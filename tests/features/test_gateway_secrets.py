"""Who gets the certificates of Gateways: the gateway that serves them, and nobody else."""

import logging

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from tests.certificates import pair
from tests.features.plane import Plane
from tests.features.shop import namespace, workload
from tests.meshes import gateway, secret
from tests.security_rows import guards
from xds.types import SDS

NAME = "kubernetes://cert"
ROOTS = "kubernetes://cert-cacert"
SERVER = (
    "{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], "
    "tls: {mode: MUTUAL, credentialName: cert}}"
)


def ingress(where: str, app: str = "ingress") -> str:
    """A gateway Deployment of one pod."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {app}, namespace: {where}}}
spec:
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata:
      labels: {{app: {app}}}
      annotations: {{inject.istio.io/templates: gateway}}
    spec:
      containers: [{{name: istio-proxy, image: auto}}]
"""


def certified(where: str, number: int) -> str:
    """The Secret of a namespace: each has a key of its own."""
    chain, key = pair(number)
    return secret("cert", where, tls_crt=chain, tls_key=key, ca_crt=chain)


EDGE = "\n---\n".join(
    (
        namespace("edge"),
        namespace("rival"),
        ingress("edge"),
        ingress("rival"),
        ingress("edge", "other"),
        workload("web", "edge"),
        gateway("g", f"{{selector: {{app: ingress}}, servers: [{SERVER}]}}", "edge"),
        certified("edge", 1),
        certified("rival", 2),
    )
)


async def test_a_gateway_gets_the_certificate_of_its_namespace(plane: Plane) -> None:
    """Two gateways that one Gateway selects have a Secret each."""
    plane.apply(EDGE)
    for where, number in (("edge", 1), ("rival", 2)):
        async with plane.of(f"{where}/ingress") as stream:
            found = await stream.secrets(NAME, ROOTS)
        made = Secret.FromString(found[NAME])
        assert made.tls_certificate.private_key.inline_bytes == pair(number)[1]
        roots = Secret.FromString(found[ROOTS]).validation_context.trusted_ca.inline_bytes
        assert roots == pair(number)[0]


@pytest.mark.parametrize("pod", ["edge/web", "edge/other"])
@guards("C1")
async def test_nobody_else_gets_it(plane: Plane, pod: str) -> None:
    """Neither a workload of the same namespace, nor a gateway that does not serve the name: not
    even once whom it is for has had it.
    """
    plane.apply(EDGE)
    async with plane.of("edge/ingress") as stream:
        assert await stream.secrets(NAME)
    async with plane.of(pod) as stream:
        assert await stream.secrets(NAME, ROOTS) == {}


@pytest.mark.parametrize(
    "name",
    [
        "kubernetes://edge/cert",
        "kubernetes://../edge/cert",
        "kubernetes://CERT",
        "kubernetes://cer%74",
        "kubernetes://cer",
        "kubernetes://cert/",
        "cert",
        "*",
        "",
    ],
)
@guards("C1")
async def test_no_other_spelling_leads_to_it(plane: Plane, name: str) -> None:
    plane.apply(EDGE.replace(certified("rival", 2), ""))
    async with plane.of("edge/ingress") as stream:
        assert await stream.secrets(NAME)
    async with plane.of("rival/ingress") as stream:
        assert await stream.secrets(name, NAME) == {}


async def test_a_new_certificate_is_sent_at_once_and_alone(plane: Plane) -> None:
    plane.apply(EDGE)
    async with plane.of("edge/ingress") as stream:
        await stream.synced()
        first = await stream.secrets(NAME)
        before = len(stream.envoy.pushes)
        plane.apply(EDGE.replace(certified("edge", 1), certified("edge", 3)))
        await stream.ping()
        assert {push.kind for push in stream.envoy.pushes[before:]} == {"sds"}
        second = await stream.secrets(NAME)
    assert first != second
    assert pair(3)[1] in second[NAME]


async def test_a_key_is_never_shown(
    plane: Plane, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever prints the state of the control plane prints nothing of it."""
    caplog.set_level(logging.DEBUG)
    plane.apply(EDGE)
    async with plane.of("edge/ingress") as stream:
        assert await stream.secrets(NAME)
        engine, publisher = plane.control.engine, plane.control.publisher
        held = engine.credentials.held()
        shown = [
            repr(engine.mesh),
            repr(plane.control.problems()),
            repr([publisher.resources(part, SDS) for part in held]),
            repr(plane.server.clients.snapshot()),
        ]
    written = capsys.readouterr()
    secrets = pair(1)[1].decode().splitlines()[1:-1]
    for text in (*shown, caplog.text, written.out, written.err):
        assert not any(line in text for line in secrets)
