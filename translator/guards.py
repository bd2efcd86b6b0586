"""What a request, or a connection, has to get past before a workload or a gateway serves it."""

from dataclasses import dataclass, replace

from envoy.config.listener.v3.listener_components_pb2 import Filter

from crds.path_normalization import NormalizationType
from mesh.protection import Protection
from translator.authorization.rules import Side
from translator.filters import ext_authz, jwt_authn, rbac
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
    reroute: bool = False,
) -> Guards:
    """What the policies of a workload make of it, in Istio's order (istio-api.md S-99): who asks a
    provider decides before tokens are looked at, and the other policies know what tokens say.

    `offset` is what the listener has added to the port that policies name; `reroute`: routes may
    ask for claims.
    """
    policies, authorizers = protection.policies, protection.authorizers
    http = Side(http=True, domains=protection.aliases, offset=offset)
    tcp = replace(http, http=False)
    return Guards(
        requests=(
            *ext_authz.http_filters(policies, authorizers, http),
            *jwt_authn.http_filters(protection.issuers, reroute=reroute),
            *rbac.http_filters(policies, http),
        ),
        connections=(
            *ext_authz.network_filters(policies, authorizers, tcp),
            *rbac.network_filters(policies, tcp),
        ),
        paths=paths,
    )
