"""What a request, or a connection, has to get past before a workload or a gateway serves it."""

from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import Filter

from crds.path_normalization import NormalizationType
from mesh.protection import Protection
from translator.filters import rbac
from translator.http_messages import HttpFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The filters before all others, where requests are told apart and where they are not; `paths`
    is the form in which the paths of requests are judged.
    """

    requests: tuple[HttpFilter, ...] = ()
    connections: tuple[Filter, ...] = ()
    paths: NormalizationType = NormalizationType.DEFAULT


NO_GUARDS = Guards()


def guards(
    protection: Protection,
    paths: NormalizationType = NormalizationType.DEFAULT,
    *,
    offset: int = 0,
) -> Guards:
    """What the policies of a workload make of it (istio-api.md S-99). `offset` is what the listener
    has added to the port that policies name.
    """
    policies, names = protection.policies, protection.aliases
    return Guards(
        requests=tuple(rbac.http_filters(policies, names, offset)),
        connections=tuple(rbac.network_filters(policies, names, offset)),
        paths=paths,
    )
