"""What a client says of itself in the first request of a stream."""

from envoy.service.discovery.v3 import discovery_pb2

from xds.errors import BadRequest

Request = discovery_pb2.DeltaDiscoveryRequest | discovery_pb2.DiscoveryRequest


def node_id(request: Request) -> str:
    """The node, which the first request of a stream must name (X-03)."""
    node: str = request.node.id
    if not node:
        raise BadRequest("the first request on a stream needs node.id")
    return node


def check(request: Request, node: str) -> None:
    """Refuse a later request that cannot be served on this stream."""
    if request.node.id and request.node.id != node:  # X-04; X-01: empty means the same
        raise BadRequest("node.id changed in mid-stream")
    if not request.type_url:
        raise BadRequest("a request on an aggregated stream needs a type_url")
