"""What a request, or a connection, has to get past before a workload or a gateway serves it."""

from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import Filter

from mesh.protection import Protection
from translator.filters import rbac
from translator.http_messages import HttpFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The filters before all others, where requests are told apart and where they are not."""

    requests: tuple[HttpFilter, ...] = ()
    connections: tuple[Filter, ...] = ()


NO_GUARDS = Guards()


def guards(protection: Protection) -> Guards:
    """What the policies of a workload make of it (istio-api.md S-99)."""
    return Guards(
        requests=tuple(rbac.http_filters(protection.policies, protection.aliases)),
        connections=tuple(rbac.network_filters(protection.policies, protection.aliases)),
    )
