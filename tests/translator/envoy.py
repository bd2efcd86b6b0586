"""Asks the real Envoy whether it would take what the translator makes."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from mesh.proxy import Mode
from tests.translator.static_secrets import by_name, of_workload
from translator import names, pb
from translator.bootstrap import (
    ROOT_FILE,
    TOKEN_FILE,
    Discovery,
    Node,
    bootstrap,
    root_secret,
    token_secret,
)
from translator.filters import outbound_filters
from translator.http_manager import http_manager
from translator.routes import route_configuration

SECONDS = 120


def refusal(envoy: Path, folder: Path, config: Mapping[str, object]) -> str:
    """What `envoy --mode validate` says against a bootstrap; `""` if nothing."""
    path = folder / "bootstrap.json"
    path.write_text(json.dumps(config))
    command = [str(envoy), "--mode", "validate", "--log-level", "error", "--config-path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def sidecar(
    folder: Path, address: str = "127.7.0.1", mode: Mode = Mode.REDIRECT
) -> dict[str, object]:
    """A sidecar's bootstrap, with its secrets in `folder`."""
    (folder / "token").write_text("t")
    (folder / "root.pem").write_bytes(root())
    files = {
        TOKEN_FILE: token_secret(str(folder / "token")),
        ROOT_FILE: root_secret(str(folder / "root.pem"), "heddle"),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return bootstrap(
        Node(id="sidecar~10.0.0.1~a.shop~shop", cluster="a.shop", metadata={"NAMESPACE": "shop"}),
        Discovery(host="127.0.0.1", port=15012, server_name="heddle"),
        address=address,
        mode=mode,
        sds_folder=str(folder),
    )


def root() -> bytes:
    """A root certificate that nothing was signed with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def with_resources(
    config: dict[str, object],
    clusters: Iterable[Cluster] = (),
    listeners: Iterable[Listener] = (),
) -> dict[str, object]:
    """`config` with static resources added, and the secrets that they need."""
    static = config["static_resources"]
    assert isinstance(static, dict)
    return config | {
        "static_resources": {
            "clusters": [*static["clusters"], *map(_secured, clusters)],
            "listeners": [*static["listeners"], *map(_secured, listeners)],
            "secrets": [as_json(secret) for secret in of_workload()],
        }
    }


def _secured(resource: Cluster | Listener) -> dict[str, object]:
    by_name(resource)
    return as_json(resource)


def as_json(message: Message) -> dict[str, object]:
    """Envoy's own JSON form."""
    return MessageToDict(message, preserving_proto_field_name=True)


def serving(hosts: Iterable[VirtualHost], port: int = 18080) -> Listener:
    """A listener with these virtual hosts in place."""
    routes = route_configuration("80", vhds=False, virtual_hosts=tuple(hosts))
    manager = http_manager("outbound_test", routes, outbound_filters())
    return Listener(
        name=names.listener("127.0.0.1", port),
        address=pb.socket_address("127.0.0.1", port),
        filter_chains=(FilterChain(filters=(manager,)),),
    )
