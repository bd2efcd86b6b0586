"""Framing by hand gives what protobuf gives."""

import subprocess
import sys

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tests.xds.resources import cluster
from tests.xds.rules import rules
from xds.resource import framed_absence, framed_nonce, framed_removals, framed_type, resource
from xds.types import CDS, VHDS


@pytest.mark.parametrize("size", [0, 1, 127, 128, 20_000, 3_000_000])
def test_a_response_is_a_join_of_framed_resources(size: int) -> None:
    first, second = resource(CDS, "a", bytes(size)), cluster("b")
    body = framed_type(CDS) + first.framed + second.framed + framed_nonce("7")
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(body)
    assert (response.type_url, response.nonce) == (CDS, "7")
    assert [(r.name, r.version) for r in response.resources] == [
        ("a", first.version),
        ("b", second.version),
    ]
    assert response.resources[0].resource.value == bytes(size)
    assert response.resources[1].resource.Is(cluster_pb2.Cluster.DESCRIPTOR)


def test_the_message_is_recovered_from_the_frame() -> None:
    assert cluster_pb2.Cluster.FromString(cluster("b").message_bytes).name == "b"
    assert resource(CDS, "empty", b"").message_bytes == b""


def test_removals_are_the_removed_resources_of_a_response() -> None:
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(framed_removals(("a", "é")))
    assert list(response.removed_resources) == ["a", "é"]


@rules("X-120")
def test_an_absent_virtual_host_is_named_and_has_no_resource() -> None:
    body = framed_type(VHDS) + framed_absence("80/nobody")
    (entry,) = discovery_pb2.DeltaDiscoveryResponse.FromString(body).resources
    assert (entry.name, list(entry.aliases)) == ("80/nobody", ["80/nobody"])
    assert not entry.HasField("resource")


@rules("X-62")
def test_another_process_gives_the_same_version() -> None:
    script = (
        "from xds.resource import resource\n"
        "from envoy.config.cluster.v3 import cluster_pb2 as c\n"
        "m = c.Cluster(name='a')\n"
        "for i in reversed(range(50)): m.metadata.filter_metadata[f'k{i}']['x'] = i\n"
        "print(resource('t', 'a', m).version)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    message = cluster_pb2.Cluster(name="a")
    for number in range(50):
        message.metadata.filter_metadata[f"k{number}"]["x"] = number
    assert seen == {resource("t", "a", message).version + "\n"}
