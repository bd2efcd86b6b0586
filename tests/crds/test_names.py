import pytest

from crds.names import (
    gateway_fault,
    host_fault,
    is_dns_label,
    is_ip,
    is_subnet,
    is_token,
    label_fault,
    regex_fault,
    regex_groups,
)


@pytest.mark.parametrize("host", ["a", "a.b", "A.b", "a-1.b.", "*", "*.a", "*-x.a", "x" * 63])
def test_hosts(host: str) -> None:
    assert host_fault(host) is None


@pytest.mark.parametrize(
    "host",
    ["", "-a", "a-", "a..b", "a_b", "*a", "a.*", "1.2.3.4", "a.1", "x" * 64, "a." * 128, "é"],
)
def test_no_hosts(host: str) -> None:
    assert host_fault(host)


def test_wildcards_can_be_refused() -> None:
    assert host_fault("*.a", wildcard=False)


@pytest.mark.parametrize(
    ("name", "value"), [("a", ""), ("a/b", "c"), ("app.kubernetes.io/name", "x_1.2-3"), ("A", "B")]
)
def test_labels(name: str, value: str) -> None:
    assert label_fault(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "a"), ("/a", "b"), ("a/", "b"), ("a b", "c"), ("a", "-b"), ("a", "x" * 64)],
)
def test_no_labels(name: str, value: str) -> None:
    assert label_fault(name, value)


@pytest.mark.parametrize("name", ["mesh", "gw", "ns/gw", "./gw", "gw.ns.svc.cluster.local"])
def test_gateways(name: str) -> None:
    assert gateway_fault(name) is None


@pytest.mark.parametrize("name", ["", "/", "a/", "/b", "a/b/c", "A/b", "*", "a b"])
def test_no_gateways(name: str) -> None:
    assert gateway_fault(name)


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("", "is empty"),
        ("(", "missing )"),
        ("(?=a)", "RE2"),
        (r"(a)\1", "RE2"),
        ("a" * 1025, "1024"),
        ("\ud800", "RE2"),
    ],
)
def test_no_expressions(pattern: str, part: str) -> None:
    assert part in str(regex_fault(pattern))


def test_expressions() -> None:
    assert regex_fault("a" * 1024) is None
    assert regex_groups("(a)(?:b)(c)") == 2


def test_addresses() -> None:
    assert is_ip("10.0.0.1")
    assert is_ip("::1")
    assert not is_ip("10.0.0.256")
    assert not is_ip("fe80::1%eth0")
    assert is_subnet("10.0.0.1/8")
    assert is_subnet("::/0")
    assert not is_subnet("10.0.0.0/33")
    assert not is_subnet("fe80::1%eth0")


def test_small_names() -> None:
    assert is_dns_label("a-1")
    assert not is_dns_label("A")
    assert is_token("x-Header_1")
    assert not is_token("x y")
