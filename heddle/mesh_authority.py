"""The certificate authority of a control plane that runs: all that it signs, and the folder that it
is kept in.
"""

import socket
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ca.authority import pem
from ca.reports import replica_name
from ca.serving import Address
from ca.workload import LIFETIME
from heddle.authority_keeper import AuthorityKeeper
from heddle.authority_metrics import AuthorityMetrics
from heddle.certificate_requests import CertificateRequests
from heddle.certificates import ServingCertificates, own_authority
from heddle.control_plane import ControlPlane
from heddle.pods import Pods
from heddle.secret_holders import SecretHolders
from heddle.trust import Trust
from heddle.workload_secrets import WorkloadSecrets
from xds.publisher import Publisher
from xds.status import Clients


class MeshAuthority:
    """Whom the mesh trusts, with what is made of it: the certificates of workloads and of the
    server.
    """

    def __init__(
        self,
        publisher: Publisher,
        folder: Path | None,
        wall: Callable[[], float],
        *,
        names: Sequence[str],
        addresses: Sequence[Address] = (),
        certificate_ttl: timedelta = LIFETIME,
        metrics: AuthorityMetrics | None = None,
    ) -> None:
        """`folder` as for `own_authority`; `wall` gives unix seconds; `names` and `addresses` are
        what clients call the server by; workloads' certificates live for `certificate_ttl`.
        """
        self._metrics = metrics
        self._folder = folder
        self._wall = wall
        self._ttl = certificate_ttl
        self.trust = Trust(own_authority(folder, self._now()))
        self.certificates = ServingCertificates(
            self.trust, self._now, names=names, addresses=addresses
        )
        self.secrets = WorkloadSecrets(publisher, self.trust, self._now, lifetime=certificate_ttl)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    @property
    def roots_pem(self) -> bytes:
        """What clients of the server trust."""
        return pem(self.trust.roots)

    def requests(self, pods: Pods) -> CertificateRequests:
        """What signs for clients that keep their own keys."""
        return CertificateRequests(pods, self.trust, self._now, lifetime=self._ttl)

    def work(self, plane: ControlPlane, clients: Clients) -> Sequence[Coroutine[None, None, None]]:
        """What has to go on while the control plane runs; `clients` are those of its server."""
        going = [self.certificates.keep(), self.secrets.keep()]
        if self._folder is not None:
            going.append(self._keeper(self._folder, plane, clients).keep())
        return going

    def _keeper(self, folder: Path, plane: ControlPlane, clients: Clients) -> AuthorityKeeper:
        holders = SecretHolders(
            clients,
            plane.pods.proxied,
            generation=lambda: self.secrets.generation,
            wall=self._wall,
        )
        return AuthorityKeeper(
            folder,
            self.trust,
            self._now,
            holders,
            replica=replica_name(socket.gethostname()),
            serves=lambda: plane.pods.synced,
            metrics=self._metrics,
        )
