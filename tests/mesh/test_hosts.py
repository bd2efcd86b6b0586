"""Names of hosts: what a short name means, what a wildcard covers."""

import pytest

from mesh import hosts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("reviews", "reviews.shop.svc.cluster.local"),
        ("Reviews", "reviews.shop.svc.cluster.local"),
        ("reviews.bank", "reviews.bank"),
        ("API.example.com", "api.example.com"),
        ("*", "*"),
        ("*.Example.com", "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("", ""),
    ],
)
def test_only_a_name_without_a_dot_is_short(written: str, meant: str) -> None:
    """istio-api.md S-1: a name with a dot is never completed."""
    assert hosts.resolve(written, "shop") == meant


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*", "a", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*-v1.example.com", "a-v1.example.com", True),
        ("*.com", "*.example.com", True),
    ],
)
def test_a_wildcard_stands_for_at_least_one_character(
    pattern: str, host: str, covered: bool
) -> None:
    assert hosts.matches(pattern, host) is covered


def test_the_longest_wildcard_is_the_most_specific() -> None:
    patterns = ["*", "*.com", "*.b.com", "*.a.com"]
    assert hosts.most_specific(patterns, "x.b.com") == ["*.b.com", "*.com", "*"]


def test_the_shortest_name_is_for_clients_of_the_same_namespace() -> None:
    assert hosts.aliases("a", "shop", own_namespace=True) == ("a", "a.shop.svc", "a.shop")
    assert hosts.aliases("a", "shop", own_namespace=False) == ("a.shop.svc", "a.shop")
