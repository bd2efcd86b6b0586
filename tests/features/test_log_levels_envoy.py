"""What a real Envoy logs that logs all there is from its start: neither its token nor its key."""

import asyncio
import json
import os
from pathlib import Path

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from heddle.injection import SERVER_NAME
from heddle.proxies.redaction import shows_key
from heddle.proxies.wanted import client_of, of_client
from mesh.proxy import Mode
from tests.envoy_process import running_envoy
from tests.features.needles import Needles
from tests.features.plane import Plane, node_id
from tests.features.shop import SHOP
from tests.features.stream import PATIENCE
from translator.bootstrap import (
    ROOT_FILE,
    TOKEN_FILE,
    Discovery,
    Node,
    bootstrap,
    root_secret,
    token_secret,
)
from xds.types import SDS

POD = "shop/web"
ADDRESS = f"127.127.{1 + os.getpid() % 250}.{1 + os.getpid() // 250 % 250}"
"""Of no other proxy on this machine."""


async def test_neither_token_nor_key_is_logged_at_any_level(
    plane: Plane, tmp_path: Path, envoy_binary: Path
) -> None:
    plane.apply(SHOP)
    folder = tmp_path / "sds"  # Envoy watches it, so its log must not be there
    folder.mkdir()
    needles = Needles()
    needles.token(token := plane.token(POD))
    files = {
        "token": token,
        "root.pem": plane.root_pem.decode(),
        TOKEN_FILE: json.dumps(token_secret(f"{folder}/token")),
        ROOT_FILE: json.dumps(root_secret(f"{folder}/root.pem", SERVER_NAME)),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    namespace, _, pod = plane.pod(POD).partition("/")
    config = bootstrap(
        Node(id=node_id(namespace, pod), cluster="web.shop", metadata={}),
        Discovery(host="127.0.0.1", port=plane.port, server_name=SERVER_NAME),
        address=ADDRESS,
        mode=Mode.NONE,
        sds_folder=str(folder),
    )
    async with running_envoy(envoy_binary, tmp_path, config, "trace"):
        needles.key(await key_taken(plane))
    logged = (tmp_path / "envoy.log").read_bytes()
    assert b"[trace]" in logged
    assert token.partition(".")[0].encode() not in logged
    assert not needles.found_in(logged)
    assert not shows_key(logged.decode(errors="replace"))


async def key_taken(plane: Plane) -> bytes:
    """The key of the pod, once its Envoy has acknowledged it."""
    namespace, _, pod = plane.pod(POD).partition("/")
    clients, revision = plane.server.clients, -1
    async with asyncio.timeout(PATIENCE):
        while True:
            revision = await clients.changed(revision)
            client = client_of(clients, namespace, pod)
            for each in of_client(client) if client is not None else ():
                secret = Secret.FromString(each.resource.message_bytes)
                if each.type_url == SDS and each.accepted and secret.HasField("tls_certificate"):
                    return secret.tls_certificate.private_key.inline_bytes
