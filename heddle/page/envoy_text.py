"""A resource in Envoy's own JSON form, laid out for reading."""

from typing import Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.message import Message

from heddle.show import as_dict, as_yaml
from xds.types import CDS, EDS, LDS, RDS, VHDS

_MESSAGES: Final[dict[str, type[Message]]] = {
    CDS: Cluster,
    EDS: ClusterLoadAssignment,
    LDS: Listener,
    RDS: RouteConfiguration,
    VHDS: VirtualHost,
}
"""Secrets are not among them: nothing shows one."""


def envoy_text(type_url: str, body: bytes) -> str:
    """The message as YAML, its fields by Envoy's names; `""` for a type that is never shown."""
    message = _MESSAGES.get(type_url)
    return as_yaml(as_dict(message.FromString(body))) if message else ""
