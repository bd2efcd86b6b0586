"""A cluster's control plane: etcd, kube-apiserver with RBAC, and the controllers if wanted.

    with api_server(folder) as server:
        server.kubeconfig        # of an administrator
        server.stop(), server.start()   # what is in etcd stays, and so do port and keys

All of it on one address of this machine, with certificates of its own.
"""

import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from tests.kube.authority import ClusterAuthority
from tests.kube.process import Ended, Running
from tests.kube.programs import CONTROLLERS, program
from tests.ports import free_port

ISSUER = "https://kubernetes.default.svc.cluster.local"
SERVICES = "10.96.0.0/16"
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_ATTEMPTS = 3
"""A port that was free may be taken when the program gets there."""
_STABLE_BETAS = "certificates.k8s.io/v1beta1=true"
_GATES = "ClusterTrustBundle=true,PodCertificateRequest=true"
"""What clusters have to switch on, and we can use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the control plane is. `services` is the subnet of Services in CIDR notation;
    `advertised`: whether the Service `kubernetes` leads there."""

    folder: Path
    address: str = "127.0.0.1"
    services: str = SERVICES
    advertised: bool = False


class ApiServer:
    """A kube-apiserver that runs, or is down for a while."""

    def __init__(self, site: Site, authority: ClusterAuthority, etcd_port: int) -> None:
        self.site = site
        self.authority = authority
        self.port = free_port(site.address)
        self._command = _api_server(site, authority, etcd_port, self.port)
        self._context = ssl.create_default_context(cafile=authority.root)
        self._context.load_cert_chain(*authority.client("admin", "system:masters"))
        self.kubeconfig = self.kubeconfig_of("admin", _certificate(site.folder, "admin"))
        """An administrator's."""
        self.process: Running | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://{self.site.address}:{self.port}"

    def kubeconfig_of(self, name: str, user: Mapping[str, object], url: str = "") -> Path:
        """A kubeconfig for somebody who proves himself in this way; `url` if not our own."""
        path = self.site.folder / f"{name}.kubeconfig"
        cluster = {"server": url or self.url, "certificate-authority": str(self.authority.root)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "here", "user": name}}],
            "current-context": name,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def certified(self, user: str) -> Path:
        """The kubeconfig of a part of the cluster, which has a certificate for its name."""
        self.authority.client(user)
        name = user.replace(":", "-")
        return self.kubeconfig_of(name, _certificate(self.site.folder, name))

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints for the administrator, given `text` on its standard input. Raises
        `RuntimeError` with its words."""
        done = subprocess.run(
            (str(program("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> None:
        """Starts it, and waits until it is ready."""
        self.process = Running(self._command, self.site.folder)
        wait_for(self.process, f"{self.url}/readyz", self._context)

    def stop(self, *, at_once: bool = False) -> None:
        """Ends it; what it has stored stays."""
        if self.process is not None:
            self.process.kill() if at_once else self.process.stop()
            self.process = None


@contextmanager
def api_server(site: Site) -> Iterator[ApiServer]:
    """etcd and the API server, ready; both end with the block."""
    authority = ClusterAuthority(site.folder)
    with ExitStack() as stack:
        port = _start_etcd(site, stack)
        for left in reversed(range(_ATTEMPTS)):
            server = ApiServer(site, authority, port)
            stack.callback(server.stop, at_once=True)  # there is nobody to say goodbye to
            try:
                server.start()
            except Ended:
                if not left:
                    raise
                continue
            break
        yield server


@contextmanager
def controllers(server: ApiServer) -> Iterator[None]:
    """kube-controller-manager and kube-scheduler, working on it; they end with the block."""
    folder = server.site.folder
    with ExitStack() as stack:
        for name in CONTROLLERS:
            kubeconfig = server.certified(f"system:{name}")
            port = free_port(server.site.address)
            common = (
                f"--kubeconfig={kubeconfig}",
                f"--bind-address={server.site.address}",
                f"--secure-port={port}",
                f"--cert-dir={folder / name}",
                "--leader-elect=false",
            )
            more = _keys(folder) if name == CONTROLLERS[0] else ()
            running = stack.enter_context(Running((program(name), *common, *more), folder))
            wait_for(running, f"https://{server.site.address}:{port}/healthz", _anybody())
        yield


def _keys(folder: Path) -> tuple[str, ...]:
    return (
        f"--service-account-private-key-file={folder / 'accounts-key.pem'}",
        f"--root-ca-file={folder / 'ca.pem'}",
        "--use-service-account-credentials=true",
    )


def wait_for(running: Running, url: str, context: ssl.SSLContext | None = None) -> None:
    """Until the program says at `url` that all is well; raises `Ended` if it ends, or takes too
    long."""
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(url, context):
        running.check()
        if time.monotonic() > deadline:
            raise Ended(f"{running.name} is not ready after {_START_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


def _start_etcd(site: Site, stack: ExitStack) -> int:
    for left in reversed(range(_ATTEMPTS)):
        port, peers = free_port(), free_port()
        here, there = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
        command = (
            program("etcd"),
            f"--data-dir={site.folder / 'etcd'}",
            f"--listen-client-urls={here}",
            f"--advertise-client-urls={here}",
            f"--listen-peer-urls={there}",
            f"--initial-advertise-peer-urls={there}",
            f"--initial-cluster=default={there}",
            "--unsafe-no-fsync",  # whoever loses the machine loses the test, too
            "--log-level=error",
        )
        running = Running(command, site.folder)
        stack.callback(running.kill)
        try:
            wait_for(running, f"{here}/health")
        except Ended:
            if not left:
                raise
            continue
        return port
    raise AssertionError("the last attempt returns or raises")


def _api_server(
    site: Site, authority: ClusterAuthority, etcd_port: int, port: int
) -> tuple[str | Path, ...]:
    folder = site.folder
    names = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    first = str(ip_network(site.services)[1])  # the Service `kubernetes`
    chain, key = authority.server("api-server", ("127.0.0.1", site.address, first), names)
    public, private = authority.key_pair("accounts")
    shown, shown_key = authority.client("kube-apiserver-kubelet-client", "system:masters")
    return (
        program("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={site.address}",
        f"--advertise-address={site.address}",
        f"--secure-port={port}",
        f"--tls-cert-file={chain}",
        f"--tls-private-key-file={key}",
        f"--client-ca-file={authority.root}",
        f"--kubelet-certificate-authority={authority.root}",
        f"--kubelet-client-certificate={shown}",
        f"--kubelet-client-key={shown_key}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={public}",
        f"--service-account-signing-key-file={private}",
        f"--service-cluster-ip-range={site.services}",
        f"--endpoint-reconciler-type={'lease' if site.advertised else 'none'}",
        f"--cert-dir={folder / 'kube-apiserver'}",
        f"--runtime-config={_STABLE_BETAS}",
        f"--feature-gates={_GATES}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--profiling=false",
    )


def _certificate(folder: Path, name: str) -> Mapping[str, object]:
    return {
        "client-certificate": str(folder / f"{name}.pem"),
        "client-key": str(folder / f"{name}-key.pem"),
    }


def _answers(url: str, context: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0, context=context) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def _anybody() -> ssl.SSLContext:
    """For a server that has made its certificate itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
