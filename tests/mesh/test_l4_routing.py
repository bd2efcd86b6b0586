"""Rules below HTTP: which of them a client obeys, and where a connection goes by them."""

import pytest

from mesh.l4_routing import L4Rule, at_address, first_for, l4_rules
from mesh.routing import Target
from mesh.scope import Scope
from mesh.services import Port, Protocol
from tests.meshes import mesh_of, service, virtual_service
from tests.semantics import covers
from tests.translator.inputs import target

SHOP = Scope("shop", labels=frozenset({("app", "web")}))
TO = "route: [{destination: {host: reviews}}]"
TO_AUDIT = "route: [{destination: {host: audit}}]"
SNI = "sniHosts: [reviews.com]"


def rules(spec: str, protocol: Protocol = Protocol.TCP) -> tuple[L4Rule, ...]:
    text = service("reviews") + service("audit")
    mesh = mesh_of(text + virtual_service("v", f"{{hosts: [reviews, reviews.com], {spec}}}"))
    (found,) = mesh.virtual_services.objects.values()
    return l4_rules(mesh, SHOP, found, Port(number=80, name="", protocol=protocol, target=80))


def hosts(rule: L4Rule) -> list[str]:
    return [each.host.partition(".")[0] for each in rule.targets if isinstance(each, Target)]


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ("{port: 80}", True),
        ("{port: 81}", False),
        ("{sourceLabels: {app: web}}", True),
        ("{sourceLabels: {app: api}}", False),
        ("{sourceNamespace: shop}", True),
        ("{sourceNamespace: bank}", False),
        ("{gateways: [mesh]}", True),
        ("{gateways: [gw]}", False),
        ("{gateways: [mesh], sourceNamespace: bank}", False),
        ("{destinationSubnets: [10.0.0.0/8]}", True),
        ("{port: 81}, {port: 80}", True),
    ],
)
@pytest.mark.parametrize("kind", ["tcp", "tls"])
@covers("S-12")
def test_which_rules_apply(kind: str, match: str, applies: bool) -> None:
    """All conditions of a match hold together: unlike for HTTP, the source counts also where the
    gateway is named."""
    if kind == "tls":
        match = match.replace("{", "{" + f"{SNI}, ", 1).replace(", {port", f", {{{SNI}, port")
    spoken = Protocol.TLS if kind == "tls" else Protocol.TCP
    assert bool(rules(f"{kind}: [{{match: [{match}], {TO}}}]", spoken)) is applies


@covers("C-11")
def test_a_source_subnet_makes_a_rule_that_never_applies() -> None:
    """What cannot be judged does not apply: a narrower rule must not become a wider one."""
    assert not rules(f"tcp: [{{match: [{{sourceSubnet: 10.0.0.0/8}}], {TO}}}]")


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        (Protocol.TCP, "reviews"),
        (Protocol.UNSPECIFIED, "reviews"),
        (Protocol.TLS, "audit"),
        (Protocol.HTTPS, "audit"),
    ],
)
@covers("S-49")
def test_tls_rules_are_for_ports_that_speak_tls(spoken: Protocol, expected: str) -> None:
    (rule,) = rules(f"tcp: [{{{TO}}}], tls: [{{match: [{{{SNI}}}], {TO_AUDIT}}}]", spoken)
    assert hosts(rule) == [expected]


def test_rules_after_one_that_takes_everything_are_left_out() -> None:
    first, second = rules(
        f"tcp: [{{match: [{{destinationSubnets: [10.1.0.0/16]}}], {TO_AUDIT}}}, {{{TO}}}, "
        f"{{{TO_AUDIT}}}]"
    )
    assert (hosts(first), first.subnets) == (["audit"], ("10.1.0.0/16",))
    assert (hosts(second), second.subnets) == (["reviews"], ())


def test_each_match_of_a_rule_is_one_of_its_own() -> None:
    both = f"{{{SNI}, destinationSubnets: [10.1.2.3/16]}}, {{{SNI}}}"
    first, second = rules(f"tls: [{{match: [{both}], {TO}}}]", Protocol.TLS)
    assert (first.sni_hosts, first.subnets) == (("reviews.com",), ("10.1.0.0/16",))
    assert (second.sni_hosts, second.subnets) == (("reviews.com",), ())
    assert first.targets is second.targets


V1, V2, V3 = ((target(name),) for name in ("v1", "v2", "v3"))


@pytest.mark.parametrize(
    ("address", "left"),
    [("10.1.0.1", [V1]), ("10.2.0.1", [V2, V3]), ("fd00::1", [V3])],
)
def test_at_an_address_subnets_are_decided(address: str, left: list[tuple[Target, ...]]) -> None:
    given = (
        L4Rule(targets=V1, subnets=("10.1.0.0/16",)),
        L4Rule(targets=V2, subnets=("10.0.0.0/8",), sni_hosts=("a",)),
        L4Rule(targets=V3),
        L4Rule(targets=V1),
    )
    found = at_address(given, address)
    assert [rule.targets for rule in found] == left
    assert not any(rule.subnets for rule in found)


def test_at_an_address_no_rule_may_be_left() -> None:
    assert at_address((L4Rule(targets=V1, subnets=("10.1.0.0/16",)),), "10.2.0.1") == ()


@pytest.mark.parametrize(
    ("host", "addresses", "expected"),
    [
        ("a.com", (), V1),
        ("b.com", (), V3),
        ("b.com", ("10.1.0.1",), V2),
        ("c.org", ("10.9.0.1", "10.1.0.1"), V2),
    ],
)
def test_who_asks_for_a_host_names_it_in_tls_too(
    host: str, addresses: tuple[str, ...], expected: tuple[Target, ...]
) -> None:
    given = (
        L4Rule(targets=V1, sni_hosts=("a.com",)),
        L4Rule(targets=V2, subnets=("10.1.0.0/16",)),
        L4Rule(targets=V3),
    )
    assert first_for(given, host, addresses).targets == expected
