"""ClusterLoadAssignments: the endpoints of a cluster, grouped by locality.

An assignment without endpoints is still one: Envoy waits for it before it uses the cluster, and
then answers 503. All localities have the same priority; failover between them is not translated
yet.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

from envoy.config.core.v3.base_pb2 import Locality as LocalityMessage
from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3 import endpoint_components_pb2
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from mesh.endpoints import NOWHERE, Endpoint, Locality
from translator import pb


def load_assignment(
    cluster: str, endpoints: Iterable[Endpoint], labels: Mapping[str, str]
) -> ClusterLoadAssignment:
    """Those of `endpoints` that carry all of `labels`: the ones of a subset, or all of them if
    there are no labels.
    """
    wanted = labels.items()
    chosen = sorted(
        (endpoint for endpoint in endpoints if wanted <= endpoint.labels.items()), key=_order
    )
    return ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[
            _locality(locality, tuple(group))
            for locality, group in groupby(chosen, key=lambda endpoint: endpoint.locality)
        ],
    )


def _order(endpoint: Endpoint) -> tuple[Locality, str, int]:
    return endpoint.locality, endpoint.address, endpoint.port


def _locality(locality: Locality, endpoints: tuple[Endpoint, ...]) -> LocalityLbEndpoints:
    return LocalityLbEndpoints(
        locality=None if locality == NOWHERE else _locality_message(locality),
        lb_endpoints=[_endpoint(endpoint) for endpoint in endpoints],
        load_balancing_weight=pb.uint32(sum(_weight(endpoint) for endpoint in endpoints)),
    )


def _locality_message(locality: Locality) -> LocalityMessage:
    return LocalityMessage(region=locality.region, zone=locality.zone, sub_zone=locality.subzone)


def _endpoint(endpoint: Endpoint) -> LbEndpoint:
    return LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(
            address=pb.endpoint_address(endpoint.address, endpoint.port)
        ),
        health_status=HealthStatus.UNKNOWN if endpoint.healthy else HealthStatus.UNHEALTHY,
        load_balancing_weight=pb.uint32(_weight(endpoint)),
    )


def _weight(endpoint: Endpoint) -> int:
    return max(endpoint.weight, 1)
