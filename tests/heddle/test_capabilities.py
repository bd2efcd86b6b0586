"""Who gets virtual hosts one by one: only a client that is known to take them."""

import pytest
from envoy.config.core.v3 import base_pb2

from heddle.capabilities import takes_virtual_hosts


def node(name: str, major: int, minor: int) -> base_pb2.Node:
    made = base_pb2.Node(id="n", user_agent_name=name)
    made.user_agent_build_version.version.major_number = major
    made.user_agent_build_version.version.minor_number = minor
    return made


@pytest.mark.parametrize(
    ("client", "takes"),
    [
        (node("envoy", 1, 40), True),
        (node("envoy", 1, 37), True),
        (node("envoy", 2, 0), True),
        (node("envoy", 1, 36), False),
        (node("gRPC Python", 1, 85), False),
        (base_pb2.Node(id="n", user_agent_name="envoy"), False),
        (base_pb2.Node(id="n"), False),
    ],
    ids=["pinned", "floor", "later", "older", "gRPC", "no version", "says nothing"],
)
def test_virtual_hosts_of_their_own(client: base_pb2.Node, takes: bool) -> None:
    assert takes_virtual_hosts(client) is takes
