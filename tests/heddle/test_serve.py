"""The addresses that `heddle serve` is given."""

import pytest

from heddle.host_port import host_and_port
from heddle.serve import server_settings


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:15012", ("127.0.0.1", 15012)),
        ("localhost:0", ("localhost", 0)),
        (":15014", ("0.0.0.0", 15014)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_host_and_port(address: str, expected: tuple[str, int]) -> None:
    assert host_and_port(address) == expected


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", "a:b", "a:-1", "a:65536"])
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        host_and_port(address)


@pytest.mark.parametrize(
    ("given", "bound"),
    [(":15012", "[::]:15012"), ("127.0.0.1:15012", "127.0.0.1:15012"), ("[::1]:1", "[::1]:1")],
)
def test_without_a_host_the_proxies_are_served_at_all_addresses(given: str, bound: str) -> None:
    """So the chart asks for it; gRPC itself refuses an address without a host."""
    assert server_settings(given).address == bound
