"""What a client can do, by what it says of itself. Nothing here decides on who it is."""

from envoy.config.core.v3 import base_pb2

OLDEST_WITH_VHDS = (1, 37)
"""The oldest Envoy that virtual hosts as resources of their own were tried with."""


def takes_virtual_hosts(node: base_pb2.Node) -> bool:
    """Whether the client is known to take virtual hosts as resources of their own (VHDS)."""
    if node.user_agent_name != "envoy" or not node.HasField("user_agent_build_version"):
        return False
    version = node.user_agent_build_version.version
    return (version.major_number, version.minor_number) >= OLDEST_WITH_VHDS
