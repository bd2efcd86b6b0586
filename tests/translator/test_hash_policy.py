import pytest

from crds.destination_rule import Attribute, ConsistentHashLB, HTTPCookie
from crds.scalars import Duration
from mesh.destinations import NO_POLICY
from tests.translator.inputs import SECOND, hashing
from translator.hash_policy import consistent_hash, hash_policies


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (ConsistentHashLB(http_header_name="x-user"), "header"),
        (ConsistentHashLB(http_cookie=HTTPCookie(name="user")), "cookie"),
        (ConsistentHashLB(use_source_ip=True), "connection_properties"),
        (ConsistentHashLB(http_query_parameter_name="user"), "query_parameter"),
    ],
)
def test_what_is_hashed(settings: ConsistentHashLB, kind: str) -> None:
    (policy,) = hash_policies([hashing(settings)])
    assert policy.WhichOneof("policy_specifier") == kind


@pytest.mark.parametrize(
    "settings",
    [
        ConsistentHashLB(),
        ConsistentHashLB(use_source_ip=False),
        ConsistentHashLB(http_header_name="\n"),
        ConsistentHashLB(http_cookie=HTTPCookie()),
    ],
)
def test_nothing_to_hash(settings: ConsistentHashLB) -> None:
    assert hash_policies([hashing(settings)]) == []


def test_the_same_policy_of_two_destinations_counts_once() -> None:
    header = hashing(ConsistentHashLB(http_header_name="x-user"))
    address = hashing(ConsistentHashLB(use_source_ip=True))
    assert len(hash_policies([header, NO_POLICY, header, address])) == 2


def test_no_policy_asks_for_nothing() -> None:
    assert consistent_hash(NO_POLICY) is None
    assert hash_policies([NO_POLICY]) == []


def test_a_cookie_is_generated_only_with_a_lifetime() -> None:
    never = HTTPCookie(name="user")
    session = HTTPCookie(name="user", ttl=Duration(0))
    day = HTTPCookie(name="user", path="/", ttl=Duration(86_400 * SECOND.nanos))
    made = [
        hash_policies([hashing(ConsistentHashLB(http_cookie=c))]) for c in (never, session, day)
    ]
    cookies = [policy.cookie for (policy,) in made]
    assert [cookie.HasField("ttl") for cookie in cookies] == [False, True, True]
    assert cookies[2].ttl.seconds == 86_400
    assert cookies[2].path == "/"


def test_cookie_attributes() -> None:
    attributes = (
        Attribute(name="SameSite", value="Strict"),
        Attribute(),
        Attribute(name="x" * 5_000),
    )
    cookie = HTTPCookie(name="user", attributes=attributes)
    (policy,) = hash_policies([hashing(ConsistentHashLB(http_cookie=cookie))])
    assert [(one.name, one.value) for one in policy.cookie.attributes] == [("SameSite", "Strict")]
