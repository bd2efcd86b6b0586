"""The sidecar's own bootstrap: its token and the mesh's roots change under a running Envoy.

Only addresses differ from what a pod gets: what would be a port is a socket here.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from envoy.config.core.v3 import base_pb2

from mesh.proxy import Mode
from tests.conformance.conversation import PATIENCE
from tests.conformance.envoy import Envoy, Json, running
from tests.conformance.resources import change, static_cluster
from tests.xds.rules import rules
from translator.bootstrap import (
    DISCOVERY_CLUSTER,
    ROOT_FILE,
    TOKEN_FILE,
    Discovery,
    Node,
    bootstrap,
    root_secret,
    token_secret,
)
from xds.auth import Anybody, Identity, Selection
from xds.publisher import Publisher
from xds.server import Server, ServerSettings
from xds.tls import Certificate

pytestmark = pytest.mark.envoy

NAME = "heddle.mesh"
START = datetime(2024, 1, 1, tzinfo=UTC)


def authority(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A root and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    built = _builder(subject, subject, key.public_key()).add_extension(constraints, critical=True)
    return built.sign(key, hashes.SHA256()), key


def leaf(signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], name: str) -> Certificate:
    """A server's certificate for a DNS name."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    built = _builder(x509.Name([]), signer[0].subject, key.public_key())
    signed = built.add_extension(names, critical=True).sign(signer[1], hashes.SHA256())
    return Certificate(
        chain=signed.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=START,
        not_valid_after=START + timedelta(days=365 * 50),
    )


class Doors:
    """Who came in, by the token that they brought."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.nodes: list[str] = []
        self._came = asyncio.Event()

    async def authenticate(self, metadata: Mapping[str, str], peer: str) -> Identity:
        self.tokens.append(metadata.get("authorization", ""))
        return Anybody()

    async def resolve(self, node: base_pb2.Node, identity: Identity) -> Selection:
        self.nodes.append(node.id)
        self._came.set()
        return Selection(parts=("p",))

    async def came(self, number: int) -> None:
        """Wait until that many streams have begun."""
        async with asyncio.timeout(PATIENCE):
            while len(self.nodes) < number:
                self._came.clear()
                await self._came.wait()


class Sidecar:
    """The files that a sidecar reads, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "token").mkdir()
        (folder / "root").mkdir()

    def config(self) -> Json:
        """The bootstrap, with sockets for ports."""
        token, root = self.folder / "token/token", self.folder / "root/root.pem"
        (self.folder / TOKEN_FILE).write_text(json.dumps(token_secret(str(token))))
        (self.folder / ROOT_FILE).write_text(json.dumps(root_secret(str(root), NAME)))
        made = bootstrap(
            Node(id="sidecar", cluster="c", metadata={}),
            Discovery(host="127.0.0.1", port=15012, server_name=NAME),
            address="127.0.0.1",
            mode=Mode.NONE,  # one address for each port: a socket can be bound once
            sds_folder=str(self.folder),
        )
        text = json.dumps(made)
        read: Json = json.loads(text, object_hook=self._on_a_socket)
        return read

    def put(self, name: str, content: bytes) -> None:
        """Replace a file at once, as the kubelet does."""
        path = self.folder / name
        path.with_suffix(".new").write_bytes(content)
        os.replace(path.with_suffix(".new"), path)

    def trust(self, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]) -> None:
        """Make this root the only one."""
        self.put("root/root.pem", signer[0].public_bytes(Encoding.PEM))

    def _on_a_socket(self, found: Json) -> Json:
        address = found.get("socket_address")
        if not isinstance(address, dict):
            return found
        sockets = {15012: "xds", 15000: "admin", 15021: "ready", 15090: "metrics"}
        return {"pipe": {"path": str(self.folder / sockets[address["port_value"]])}}


@asynccontextmanager
async def serving(
    folder: Path, doors: Doors, certificate: Callable[[], Certificate]
) -> AsyncIterator[Server]:
    """A server with TLS at the socket `xds`."""
    publisher = Publisher()
    publisher.publish({"p": change(static_cluster("a"))})
    server = Server(
        publisher,
        authenticate=doors.authenticate,
        resolve=doors.resolve,
        wall=lambda: 1e9,
        settings=ServerSettings(address=f"unix:{folder}/xds", drain=0.1),
        certificate=certificate,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def refusals(envoy: Envoy) -> int:
    """How often Envoy has turned away from the server because of its certificate."""
    found = await envoy.stats("^cluster.xds.ssl.(fail_verify_error|fail_verify_san)$")
    return sum(found.values())


async def refused(envoy: Envoy, before: int = 0) -> None:
    """Wait until Envoy has done so once more."""
    async with asyncio.timeout(PATIENCE):
        while await refusals(envoy) <= before:
            pass


@rules("token-rotation")
async def test_a_new_token_is_used_by_the_next_stream(envoy_binary: Path, tmp_path: Path) -> None:
    sidecar, doors, root = Sidecar(tmp_path), Doors(), authority("root")
    sidecar.put("token/token", b"first")
    sidecar.trust(root)
    pair = leaf(root, NAME)
    async with (
        serving(tmp_path, doors, lambda: pair) as server,
        running(envoy_binary, tmp_path, sidecar.config()),
    ):
        await doors.came(1)
        sidecar.put("token/token", b"second")
        await server.clients.changed(0)
        assert server.close_streams(lambda _: True) == 1
        await doors.came(2)
    assert doors.tokens[:2] == ["Bearer first", "Bearer second"]
    assert doors.nodes[:2] == ["sidecar", "sidecar"]


@rules("root-rotation")
async def test_a_new_root_is_trusted_and_the_old_one_no_longer(
    envoy_binary: Path, tmp_path: Path
) -> None:
    sidecar, doors = Sidecar(tmp_path), Doors()
    old, new = authority("old"), authority("new")
    sidecar.put("token/token", b"t")
    sidecar.trust(old)
    first, second = leaf(old, NAME), leaf(new, NAME)
    async with (
        serving(tmp_path, doors, lambda: first) as server,
        running(envoy_binary, tmp_path, sidecar.config()) as envoy,
    ):
        await doors.came(1)
        await server.stop()
        async with serving(tmp_path, doors, lambda: second):
            await refused(envoy)
            assert len(doors.nodes) == 1
            sidecar.trust(new)
            await doors.came(2)
        before = await refusals(envoy)
        async with serving(tmp_path, doors, lambda: first):
            await refused(envoy, before=before)
    assert len(doors.nodes) == 2


@rules("server-name")
async def test_the_token_goes_to_no_server_of_another_name(
    envoy_binary: Path, tmp_path: Path
) -> None:
    sidecar, doors, root = Sidecar(tmp_path), Doors(), authority("root")
    sidecar.put("token/token", b"t")
    sidecar.trust(root)
    stranger = leaf(root, "elsewhere.mesh")
    async with (
        serving(tmp_path, doors, lambda: stranger),
        running(envoy_binary, tmp_path, sidecar.config()) as envoy,
    ):
        await refused(envoy)
    assert doors.tokens == []


@rules("X-87")
def test_the_discovery_cluster_is_the_first(tmp_path: Path) -> None:
    static = Sidecar(tmp_path).config()["static_resources"]
    assert isinstance(static, dict)
    assert static["clusters"][0]["name"] == DISCOVERY_CLUSTER
