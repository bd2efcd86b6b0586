"""The certificate authority of a control plane that runs: all that it signs, and the place where
it is kept.
"""

import os
import socket
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ca.authority import pem
from ca.reports import replica_name
from ca.rotation import Rotation
from ca.serving import Address
from ca.workload import LIFETIME
from heddle.authority_keeper import AuthorityKeeper
from heddle.authority_metrics import AuthorityMetrics
from heddle.authority_place import AuthorityPlace, FolderPlace
from heddle.authority_secret import ClusterPlace, SecretPlace
from heddle.certificate_requests import CertificateRequests
from heddle.certificates import TRUST_DOMAIN, ServingCertificates, own_authority
from heddle.cluster_objects import Objects
from heddle.control_plane import ControlPlane
from heddle.issued import IssuedCertificates
from heddle.leader import Work
from heddle.pod_certificates import PodCertificates
from heddle.pods import Pods
from heddle.root_config_maps import RootConfigMaps
from heddle.secret_holders import SecretHolders
from heddle.trust import Trust
from heddle.workload_secrets import WorkloadSecrets
from xds.publisher import Publisher
from xds.status import Clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An authority, and where it is kept; without a place it ends with this process. `replica` is a
    name for who follows it there; `lead` is what only one of those who do may do.
    """

    rotation: Rotation
    place: AuthorityPlace | None = None
    replica: str = ""
    lead: Sequence[Work] = ()


async def kept_in_cluster(api: Objects, where: ClusterPlace, clock: Callable[[], datetime]) -> Kept:
    """That of a cluster, made if there is none; raises `AuthorityError`."""
    place = SecretPlace(api, where, clock)
    replica = where.pod or replica_name(socket.gethostname(), os.getpid())
    rotation = await place.load_or_create(TRUST_DOMAIN)
    return Kept(rotation=rotation, place=place, replica=replica, lead=(place.lead,))


def kept_in(folder: Path | None, now: datetime) -> Kept:
    """As `own_authority`; raises what that does."""
    rotation = own_authority(folder, now)
    if folder is None:
        return Kept(rotation=rotation)
    replica = replica_name(socket.gethostname(), os.getpid())
    return Kept(rotation=rotation, place=FolderPlace(folder), replica=replica)


class MeshAuthority:
    """Whom the mesh trusts, with what is made of it: the certificates of workloads and of the
    server.
    """

    def __init__(
        self,
        publisher: Publisher,
        kept: Kept,
        wall: Callable[[], float],
        *,
        names: Sequence[str],
        addresses: Sequence[Address] = (),
        certificate_ttl: timedelta = LIFETIME,
        metrics: AuthorityMetrics | None = None,
    ) -> None:
        """`wall` gives unix seconds; `names` and `addresses` are what clients call the server by;
        workloads' certificates live for `certificate_ttl`.
        """
        self._metrics = metrics
        self._kept = kept
        self._wall = wall
        self._ttl = certificate_ttl
        self.trust = Trust(kept.rotation)
        self.issued = IssuedCertificates()
        self._maps: RootConfigMaps | None = None
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

    def leading(self, api: Objects, namespace: str, plane: ControlPlane) -> Sequence[Work]:
        """What only one replica does for all of a cluster, in whose `namespace` we are: to be
        begun whenever this one leads.
        """

        def namespaces() -> Collection[str] | None:
            return {namespace, *plane.namespaces.names()} if plane.pods.synced else None

        maps = self._maps = RootConfigMaps(api, self.trust, namespaces)
        certificates = PodCertificates(
            api, plane.pods, self.trust, self.issued, self._now, lifetime=self._ttl
        )
        return (*self._kept.lead, maps.keep, certificates.keep)

    def requests(self, pods: Pods) -> CertificateRequests:
        """What signs for clients that keep their own keys."""
        return CertificateRequests(pods, self.trust, self.issued, self._now, lifetime=self._ttl)

    def work(self, plane: ControlPlane, clients: Clients) -> Sequence[Coroutine[None, None, None]]:
        """What has to go on while the control plane runs; `clients` are those of its server."""
        going = [self.certificates.keep(), self.secrets.keep()]
        if self._kept.place is not None:
            going.append(self._keeper(self._kept.place, plane, clients).keep())
        return going

    def _keeper(
        self, place: AuthorityPlace, plane: ControlPlane, clients: Clients
    ) -> AuthorityKeeper:
        holders = SecretHolders(
            clients,
            plane.pods.proxied,
            generation=lambda: self.secrets.generation,
            wall=self._wall,
        )
        return AuthorityKeeper(
            place,
            self.trust,
            self._now,
            holders,
            self.issued,
            replica=self._kept.replica,
            serves=lambda: plane.pods.synced,
            exists=plane.pods.known,
            roots=lambda: self._maps.state if self._maps is not None else "",
            metrics=self._metrics,
        )
