"""The hand-made reading and writing of delta discovery agrees with protobuf."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.any_pb2 import Any
from hypothesis import given
from hypothesis import strategies as st

from bench.wire import Garbled, acknowledgement, envelope

names = st.text(min_size=1, max_size=300)


@given(st.lists(names, max_size=5), st.lists(names, max_size=5), names)
def test_an_envelope_is_what_protobuf_reads(
    resources: list[str], removed: list[str], nonce: str
) -> None:
    response = discovery_pb2.DeltaDiscoveryResponse(
        system_version_info="7",
        resources=[
            discovery_pb2.Resource(name=name, resource=Any(value=name.encode()))
            for name in resources
        ],
        type_url="type.googleapis.com/x",
        removed_resources=removed,
        nonce=nonce,
    )
    head = envelope(response.SerializeToString())
    assert (head.type_url, head.nonce.decode()) == (response.type_url, nonce)
    assert (head.resources, head.removed) == (len(resources), len(removed))


def test_equal_responses_are_equal_but_for_the_nonce() -> None:
    """Proxies share what they decoded by this."""

    def rest(nonce: str) -> bytes:
        made = discovery_pb2.DeltaDiscoveryResponse(type_url="t", nonce=nonce)
        body = made.SerializeToString()
        start, end = envelope(body).nonce_at
        return body[:start] + body[end:]

    assert rest("1") == rest("4711")


def test_an_acknowledgement_is_what_protobuf_reads() -> None:
    request = discovery_pb2.DeltaDiscoveryRequest.FromString(acknowledgement("t", b"n"))
    assert request == discovery_pb2.DeltaDiscoveryRequest(type_url="t", response_nonce="n")


@pytest.mark.parametrize("body", [b"", b"\x22\x05ab", b"\x08\x01"], ids=["empty", "cut", "varint"])
def test_bytes_of_another_kind_are_refused(body: bytes) -> None:
    with pytest.raises(Garbled):
        envelope(body)
