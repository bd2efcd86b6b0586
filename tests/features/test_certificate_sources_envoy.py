"""Certificates from somebody else than us, in a real Envoy: both ends of mutual TLS take them from
SPIRE's agent or from the kubelet's files, and take new ones as they come.
"""

import asyncio
import itertools
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from ca.authority import Authority, new_intermediate, new_root, pem
from ca.workload import KeyPair, key_pair
from ca.workload_secrets import trust_secret, workload_secret
from crds.mesh_config import CertificateSource
from mesh.identity import SpiffeId
from mesh.own_files import (
    CERTIFICATE_FOLDER,
    CHAIN,
    KEY,
    ROOTS,
    SDS_FOLDER,
    SPIRE_FOLDER,
    SPIRE_SOCKET,
)
from mesh.protection import Membership
from tests.ca.requests import csr, ec_key
from tests.certificates import private
from tests.envoy_process import running_envoy
from tests.fakes.spire import spire
from tests.features.needles import Needles
from tests.features.plane import Plane
from tests.features.shop import SHOP
from tests.features.test_certificate_requests import ask_as, body
from tests.translator.envoy import as_json
from tests.translator.running import UnixConnection
from translator import bootstrap_secrets, mutual_tls

pytestmark = pytest.mark.envoy

ME = SpiffeId("cluster.local", "shop", "web")
PATIENCE = 60.0
SERVER, FRONT, ADMIN = "server", "front", "admin"


@dataclass(frozen=True, slots=True)
class Issued:
    """What a workload has at one time."""

    authority: Authority
    pair: KeyPair

    @property
    def serial(self) -> int:
        return self.pair.certificate.serial

    @property
    def pem(self) -> bytes:
        """Key and certificates in one."""
        return self.pair.key.reveal() + self.pair.certificate.chain_pem

    def secrets(self, *before: Authority) -> Mapping[str, Secret]:
        """Over SDS; the roots of those before are trusted too."""
        roots = [each.root for each in (self.authority, *before)]
        return {"default": workload_secret(self.pair), "ROOTCA": trust_secret(roots)}

    def files(self, *before: Authority) -> Mapping[str, bytes]:
        """In files, as the kubelet writes them."""
        roots = [each.root for each in (self.authority, *before)]
        chain, key = self.pair.certificate.chain_pem, self.pair.key.reveal()
        return {CHAIN: chain, KEY: key, ROOTS: pem(roots)}


def issued() -> Issued:
    """By an authority of its own."""
    now = datetime.now(UTC)  # noqa: TID251 - Envoy goes by the machine's clock
    authority = new_intermediate(new_root(now, "cluster.local"), now, "cluster.local")
    return Issued(authority, key_pair(authority, ME, now))


class KubeletFolder:
    """A projected volume: all of it changes at once, by a rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = itertools.count()
        folder.mkdir()

    def write(self, files: Mapping[str, bytes]) -> None:
        version = self._folder / f"..{next(self._versions)}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(Path("..data") / name)
        temporary = self._folder / "..data_tmp"
        temporary.symlink_to(version.name)
        os.rename(temporary, self._folder / "..data")


def config(source: CertificateSource, folder: Path) -> Mapping[str, object]:
    """An Envoy that calls itself: what comes to `front` in the clear leaves it with mutual TLS, and
    comes to `server`.
    """
    names = [str(ME)]
    membership = Membership(domains=("cluster.local",), source=source)
    server = as_json(mutual_tls.downstream(membership, http=True))
    client = as_json(mutual_tls.upstream("sni", names, http=True, http2=False, source=source))
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(folder / SERVER)}}}}
    cluster = {
        "name": "self",
        "connect_timeout": "5s",
        "transport_socket": client,
        "load_assignment": {"cluster_name": "self", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    made = {
        "node": {"id": "n", "cluster": "c"},
        "admin": {"address": {"pipe": {"path": str(folder / ADMIN)}}},
        "static_resources": {
            "clusters": [cluster, *bootstrap_secrets.clusters(source)],
            "listeners": [
                listener(folder, FRONT, {"route": {"cluster": "self"}}),
                listener(folder, SERVER, {"direct_response": {"status": 200}}, server),
            ],
        },
    }
    return json.loads(placed(json.dumps(made), folder))  # type: ignore[no-any-return]  # as it was


def placed(text: str, folder: Path) -> str:
    """With the paths of a pod inside this folder."""
    for path in (SDS_FOLDER, CERTIFICATE_FOLDER, SPIRE_FOLDER):
        text = text.replace(path, str(folder / Path(path).name))
    return text


def listener(
    folder: Path,
    name: str,
    action: Mapping[str, object],
    transport_socket: Mapping[str, object] | None = None,
) -> Mapping[str, object]:
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, **action}],
                }
            ]
        },
        "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
    }
    chain: dict[str, object] = {"filters": [{"name": "http", "typed_config": manager}]}
    if transport_socket is not None:
        chain["transport_socket"] = dict(transport_socket)
    return {
        "name": name,
        "address": {"pipe": {"path": str(folder / name)}},
        "filter_chains": [chain],
    }


async def asked(folder: Path) -> int:
    """The status of a request that goes through both ends; 0 if nobody takes it."""

    def ask() -> int:
        client = UnixConnection(folder / FRONT)
        try:
            client.request("GET", "/", headers={"Host": "x"})
            return client.getresponse().status
        except OSError:
            return 0
        finally:
            client.close()

    return await asyncio.to_thread(ask)


async def shown(folder: Path, caller: bytes) -> int:
    """The serial number of what the server shows a caller with this key and certificate; 0 if they
    do not agree.
    """

    def look() -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        pair = folder / "caller.pem"
        pair.write_bytes(caller)
        context.load_cert_chain(pair)
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(PATIENCE)
            try:
                plain.connect(str(folder / SERVER))
                with context.wrap_socket(plain) as secured:
                    secured.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if not secured.recv(1):
                        return 0
                    certificate = secured.getpeercert(binary_form=True) or b""
                    return x509.load_der_x509_certificate(certificate).serial_number
            except OSError:
                return 0

    return await asyncio.to_thread(look)


async def until_shown(folder: Path, caller: bytes, serial: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await shown(folder, caller) != serial:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)


async def told(folder: Path, *issued: Issued) -> set[bytes]:
    """Pieces of keys that Envoy shows whoever asks it, or has in its log."""
    needles = Needles()
    for each in issued:
        needles.key(each.pair.key.reveal())

    def ask(path: str) -> bytes:
        client = UnixConnection(folder / ADMIN)
        client.request("GET", path)
        try:
            return client.getresponse().read()
        finally:
            client.close()

    dump = await asyncio.to_thread(ask, "/config_dump?include_eds")
    assert b"ROOTCA" in dump
    certificates = await asyncio.to_thread(ask, "/certs")
    log = await asyncio.to_thread((folder / "envoy.log").read_bytes)
    return needles.found_in(b"\n".join((dump, certificates, log)))


@asynccontextmanager
async def from_files(folder: Path, first: Issued) -> AsyncIterator[KubeletFolder]:
    (folder / Path(SDS_FOLDER).name).mkdir()
    source = CertificateSource.POD_CERTIFICATE
    for name, content in bootstrap_secrets.files(source).items():
        (folder / Path(SDS_FOLDER).name / name).write_text(placed(json.dumps(content), folder))
    volume = KubeletFolder(folder / Path(CERTIFICATE_FOLDER).name)
    volume.write(first.files())
    yield volume


async def test_pod_certificates(envoy_binary: Path, tmp_path: Path) -> None:
    """The kubelet changes the bundle under it, and then the authority."""
    one, two = issued(), issued()
    renewed = Issued(one.authority, key_pair(one.authority, ME, datetime.now(UTC)))  # noqa: TID251
    made = config(CertificateSource.POD_CERTIFICATE, tmp_path)
    async with from_files(tmp_path, one) as volume, running_envoy(envoy_binary, tmp_path, made):
        await until_shown(tmp_path, one.pem, one.serial)
        assert await asked(tmp_path) == 200
        volume.write(renewed.files())
        await until_shown(tmp_path, one.pem, renewed.serial)
        assert await asked(tmp_path) == 200
        volume.write(two.files(one.authority))
        await until_shown(tmp_path, one.pem, two.serial)
        assert await asked(tmp_path) == 200
        volume.write(two.files())
        await until_shown(tmp_path, one.pem, 0)
        assert await shown(tmp_path, two.pem) == two.serial
        assert await asked(tmp_path) == 200
        assert await told(tmp_path, one, two, renewed) == set()


async def test_spire(envoy_binary: Path, tmp_path: Path) -> None:
    """The agent changes the certificate, and then the authority."""
    one, two = issued(), issued()
    folder = tmp_path / Path(SPIRE_FOLDER).name
    folder.mkdir()
    made = config(CertificateSource.SPIRE, tmp_path)
    async with (
        spire(folder / SPIRE_SOCKET, one.secrets()) as agent,
        running_envoy(envoy_binary, tmp_path, made),
    ):
        await until_shown(tmp_path, one.pem, one.serial)
        assert await asked(tmp_path) == 200
        agent.rotate(two.secrets(one.authority))
        await until_shown(tmp_path, one.pem, two.serial)
        assert await asked(tmp_path) == 200
        agent.rotate(two.secrets())
        await until_shown(tmp_path, one.pem, 0)
        assert await shown(tmp_path, two.pem) == two.serial
        assert await asked(tmp_path) == 200
        assert agent.rejected == []
        assert await told(tmp_path, one, two) == set()


async def test_whoever_had_its_own_key_signed_is_taken(
    envoy_binary: Path, tmp_path: Path, plane: Plane
) -> None:
    """A client that asked Istio's certificate service, and a workload of the mesh, agree."""
    plane.apply(SHOP)
    authority = plane.authority.trust.signer
    server = Issued(authority, key_pair(authority, ME, plane.clock.now()))
    key = ec_key()
    status, chain, _ = await ask_as(plane, "shop/reviews", body(csr(key)))
    assert status is grpc.StatusCode.OK
    caller = private(key) + "".join(chain[:-1]).encode()
    made = config(CertificateSource.POD_CERTIFICATE, tmp_path)
    async with from_files(tmp_path, server), running_envoy(envoy_binary, tmp_path, made):
        await until_shown(tmp_path, caller, server.serial)
        assert await shown(tmp_path, issued().pem) == 0
