"""What a request says of itself, and what a policy is worth about it, at a real Envoy: hosts (P2),
doubled headers (P5), and headers that nobody outside may set (P8, C18).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from crds.authorization_policy import Action, AuthorizationPolicy, Condition, Rule
from tests.authorization.guarded import DOMAIN, Door, Guarded, guarded, request
from tests.authorization.test_verdicts import operation, policy
from tests.security_rows import guards

pytestmark = pytest.mark.envoy

PEER = f"spiffe://{DOMAIN}/ns/shop/sa/a"


def host(pattern: str) -> Rule:
    return operation(hosts=(pattern,))


def role(*values: str, but: Sequence[str] = ()) -> Rule:
    key = "request.headers[x-role]"
    return Rule(when=(Condition(key=key, values=values, not_values=tuple(but)),))


RULES: Mapping[str, Rule] = {
    "x.com": host("x.com"),
    "*.x.com": host("*.x.com"),
    "x.*": host("x.*"),
    "x.com:8080": host("x.com:8080"),
    "admin": role("admin"),
    "adm*": role("adm*"),
    "*min": role("*min"),
    "but admin": role(but=("admin",)),
}
SPOOFED = (
    "x-envoy-attempt-count",
    "x-envoy-auth-failure-mode-allowed",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
    "x-envoy-max-retries",
    "x-envoy-original-dst-host",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-istio-attributes",
)
OBEYED = (
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-max-retries",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-client-cert",
)
"""Those that would change what a sidecar does, or who a caller is."""


@pytest.fixture(scope="module")
def doors(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Door]]:
    """A port that denies, and one that allows, by each of the rules; a gateway's, a sidecar's."""
    ports = {
        f"{action} {name}": Guarded(policies=(_policy(action, rule),))
        for name, rule in RULES.items()
        for action in (Action.ALLOW, Action.DENY)
    }
    ports |= {"gateway": Guarded(edge=True), "sidecar": Guarded()}
    with guarded(envoy_binary, tmp_path_factory.mktemp("requests"), ports, SPOOFED) as found:
        yield found


def _policy(action: Action, rule: Rule) -> AuthorizationPolicy:
    return policy(rule, action=action)


def statuses(doors: Mapping[str, Door], rule: str, sent: bytes) -> tuple[int, int]:
    """What an ALLOW and what a DENY by the rule answer."""
    return doors[f"ALLOW {rule}"].ask(sent).status, doors[f"DENY {rule}"].ask(sent).status


MATCHES, OTHER = (200, 403), (403, 200)


@pytest.mark.parametrize(
    ("rule", "given", "found"),
    [
        *(
            ("x.com", each, MATCHES)
            for each in ("x.com", "X.COM", "x.com:80", "x.com.", "X.com.:8080", "x.com:65535")
        ),
        *(
            ("x.com", each, OTHER)
            for each in ("xacom", "y.x.com", "x.com.evil", "x.com-evil", "x.comm")
        ),
        *(("*.x.com", each, MATCHES) for each in ("a.x.com", "A.X.COM:443", "a.b.x.com.")),
        *(("*.x.com", each, OTHER) for each in ("x.com", "a.x.com.evil", "axxcom")),
        *(("x.*", each, MATCHES) for each in ("x.com", "X.ORG:80", "x.a.b")),
        *(("x.*", each, OTHER) for each in ("a.x.com", "xy.com")),
        *(("x.com:8080", each, MATCHES) for each in ("x.com:8080", "X.COM:8080")),
        *(("x.com:8080", each, OTHER) for each in ("x.com", "x.com:80", "x.com:80801")),
    ],
)
def test_p2_a_host_is_the_same_however_it_is_written(
    doors: Mapping[str, Door], rule: str, given: str, found: tuple[int, int]
) -> None:
    assert statuses(doors, rule, request(host=given)) == found


@pytest.mark.parametrize("hosts", [("other", "x.com"), ("x.com", "other"), ("x.com", "x.com")])
def test_p2_no_host_hides_another(doors: Mapping[str, Door], hosts: tuple[str, str]) -> None:
    sent = request(host=hosts[0], headers=(f"Host: {hosts[1]}",))
    assert statuses(doors, "x.com", sent) == (403, 403)


def test_p2_the_host_of_a_whole_url_counts(doors: Mapping[str, Door]) -> None:
    """A server behind sees the same one."""
    assert statuses(doors, "x.com", request("http://x.com/", host="other")) == MATCHES
    assert statuses(doors, "x.com", request("http://other/", host="x.com")) == OTHER


DOUBLED: tuple[tuple[str, ...], ...] = (
    ("user", "admin"),
    ("admin", "user"),
    ("", "admin"),
    ("admin", "admin"),
    ("user, admin",),
    ("admin,user",),
    ("user,\tadmin ,other",),
)


@pytest.mark.parametrize("values", [("admin",), *DOUBLED], ids=repr)
@pytest.mark.parametrize("rule", ["admin", "adm*", "*min"])
def test_p5_no_value_of_a_header_hides_another_from_a_deny(
    doors: Mapping[str, Door], rule: str, values: tuple[str, ...]
) -> None:
    sent = request(headers=[f"x-role: {each}" for each in values])
    assert doors[f"DENY {rule}"].ask(sent).status == 403
    assert doors["ALLOW but admin"].ask(sent).status == 403


@pytest.mark.parametrize("values", [(), ("user",), ("user", "other"), ("user, other",)], ids=repr)
@pytest.mark.parametrize("rule", ["admin", "adm*", "*min"])
def test_p5_values_are_not_mistaken(
    doors: Mapping[str, Door], rule: str, values: tuple[str, ...]
) -> None:
    sent = request(headers=[f"x-role: {each}" for each in values])
    assert statuses(doors, rule, sent) == OTHER
    assert doors["ALLOW but admin"].ask(sent).status == 200


@pytest.mark.parametrize("value", ["user, admin", "administrator", "admin,user"])
def test_p5_an_allow_asks_for_the_very_value(doors: Mapping[str, Door], value: str) -> None:
    assert doors["ALLOW admin"].ask(request(headers=[f"x-role: {value}"])).status == 403


@guards("C18")
@pytest.mark.parametrize("name", SPOOFED)
def test_p8_a_gateway_believes_no_header_of_a_stranger(
    doors: Mapping[str, Door], name: str
) -> None:
    """Although he calls from an address that could be thought of as internal."""
    seen = doors["gateway"].ask(request(headers=[f"{name}: 7"])).headers
    assert seen["seen-path"] == "/"
    assert seen.get(f"seen-{name}", "") != "7"


@guards("C18")
@pytest.mark.parametrize("peer", ["", PEER], ids=["plaintext", "mesh"])
def test_p8_a_sidecar_obeys_no_header_of_a_caller(doors: Mapping[str, Door], peer: str) -> None:
    heard = doors["sidecar"].ask(request(headers=[f"{name}: 7" for name in OBEYED]), peer=peer)
    assert heard.status == 200
    assert {name for name in OBEYED if heard.headers.get(f"seen-{name}", "") == "7"} == set()
