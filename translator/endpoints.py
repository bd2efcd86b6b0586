"""ClusterLoadAssignments: the endpoints of a cluster, grouped by locality.

An assignment without endpoints is still one: Envoy waits for it before it uses the cluster, and
then answers 503.
"""

from collections.abc import Iterable, Mapping

from envoy.config.core.v3.base_pb2 import Locality as LocalityMessage
from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3 import endpoint_components_pb2
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from mesh.endpoints import NOWHERE, Endpoint, Locality
from mesh.localities import ANYWHERE, Place
from mesh.locality_balance import LocalityBalance
from mesh.locality_groups import Group, groups, weight_of
from translator import mutual_tls, pb


def load_assignment(
    cluster: str,
    endpoints: Iterable[Endpoint],
    labels: Mapping[str, str],
    balance: LocalityBalance | None = None,
    place: Place = ANYWHERE,
) -> ClusterLoadAssignment:
    """Those of `endpoints` that carry all of `labels`: the ones of a subset, or all of them if
    there are no labels. `balance` and the client's `place` say which are used first, or most.
    """
    wanted = labels.items()
    chosen = (endpoint for endpoint in endpoints if wanted <= endpoint.labels.items())
    return ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[_group(group) for group in groups(chosen, balance, place)],
    )


def _group(group: Group) -> LocalityLbEndpoints:
    return LocalityLbEndpoints(
        locality=None if group.locality == NOWHERE else _locality_message(group.locality),
        lb_endpoints=[_endpoint(endpoint) for endpoint in group.endpoints],
        load_balancing_weight=pb.uint32(group.weight),
        priority=group.priority,
    )


def _locality_message(locality: Locality) -> LocalityMessage:
    return LocalityMessage(region=locality.region, zone=locality.zone, sub_zone=locality.subzone)


def _endpoint(endpoint: Endpoint) -> LbEndpoint:
    return LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(
            address=pb.endpoint_address(endpoint.address, endpoint.port),
            additional_addresses=[
                endpoint_components_pb2.Endpoint.AdditionalAddress(
                    address=pb.socket_address(other, endpoint.port)
                )
                for other in endpoint.others
            ],
        ),
        metadata=mutual_tls.MUTUAL_ENDPOINT if endpoint.mutual else None,
        health_status=HealthStatus.UNKNOWN if endpoint.healthy else HealthStatus.UNHEALTHY,
        load_balancing_weight=pb.uint32(weight_of(endpoint)),
    )
