"""Random policies and calls over few values, so that they meet often."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from crds.meta import Meta
from explain.call import Call

DOMAIN = "cluster.local"
PEERS = (
    "",
    f"spiffe://{DOMAIN}/ns/shop/sa/a",
    f"spiffe://{DOMAIN}/ns/shop/sa/a.b",
    f"spiffe://{DOMAIN}/ns/shop/sa/axb",
    f"spiffe://{DOMAIN}/ns/bank/sa/a",
    "spiffe://other.test/ns/shop/sa/a",
)
_PRINCIPALS = (
    "*",
    f"{DOMAIN}/ns/shop/sa/a.b",
    f"{DOMAIN}/ns/shop/*",
    "*/sa/a",
    "other.test/ns/shop/sa/a",
    "other.test*",
)
_NAMESPACES = ("*", "shop", "sh*", "*nk", "s.op")
_ACCOUNTS = ("a", "a.b", "bank/a")
_DOMAINS = ("*", DOMAIN, "other*", "*.test")
_REQUESTS = ("*", "https://x.test/me", "https://x.test/*", "*/me", "https://x*", "x/y/me", "*me")
_BLOCKS = ("10.0.0.0/8", "10.0.0.9", "192.168.0.0/16", "2001:db8::/32", "127.0.0.0/24")
_HOSTS = ("*", "reviews", "REVIEWS", "rev*", "*.test", "x.test", "x.test:80")
_PORTS = ("8080", "9090")
_METHODS = ("*", "GET", "P*", "*T")
_PATHS = ("*", "/a", "/a*", "*.html", "/a/{*}", "/a/{**}", "/{*}/b", "/a/{*}/c/{**}")
_CONDITIONS = {
    "request.headers[x-user]": ("*", "me", "m*", "*e"),
    "source.ip": _BLOCKS,
    "remote.ip": _BLOCKS,
    "source.namespace": _NAMESPACES,
    "source.serviceAccount": _ACCOUNTS,
    "source.principal": _PRINCIPALS,
    "source.trustDomain": _DOMAINS,
    "request.auth.principal": _REQUESTS,
    "request.auth.audiences": ("one", "t*"),
    "request.auth.presenter": ("app",),
    "request.auth.claims[group]": ("dev", "*"),
    "request.auth.claims[realm][role]": ("admin",),
    "destination.ip": ("10.0.0.1", "10.1.0.0/16"),
    "destination.port": _PORTS,
    "connection.sni": ("*", "x.test", "*.test"),
}


def _some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Often none."""
    listed = st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
    return st.one_of(st.just(()), st.just(()), st.just(()), st.builds(tuple, listed))


sources = st.builds(
    Source,
    principals=_some(_PRINCIPALS),
    not_principals=_some(_PRINCIPALS),
    request_principals=_some(_REQUESTS),
    not_request_principals=_some(_REQUESTS),
    namespaces=_some(_NAMESPACES),
    not_namespaces=_some(_NAMESPACES),
    service_accounts=_some(_ACCOUNTS),
    not_service_accounts=_some(_ACCOUNTS),
    ip_blocks=_some(_BLOCKS),
    not_ip_blocks=_some(_BLOCKS),
    remote_ip_blocks=_some(_BLOCKS),
    not_remote_ip_blocks=_some(_BLOCKS),
    trust_domains=_some(_DOMAINS),
    not_trust_domains=_some(_DOMAINS),
)
operations = st.builds(
    Operation,
    hosts=_some(_HOSTS),
    not_hosts=_some(_HOSTS),
    ports=_some(_PORTS),
    not_ports=_some(_PORTS),
    methods=_some(_METHODS),
    not_methods=_some(_METHODS),
    paths=_some(_PATHS),
    not_paths=_some(_PATHS),
)


def _given(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.builds(tuple, st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))


def _conditions(key: str, values: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """Conditions with at least one value."""
    with_values = st.builds(
        Condition, key=st.just(key), values=_given(values), not_values=_some(values)
    )
    without = st.builds(Condition, key=st.just(key), not_values=_given(values))
    return st.one_of(with_values, without)


conditions = st.one_of(*(_conditions(key, values) for key, values in _CONDITIONS.items()))


def _up_to_two(each: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.builds(tuple, st.lists(each, max_size=2))


rules = st.builds(
    Rule,
    from_=_up_to_two(st.builds(From, source=sources)),
    to=_up_to_two(st.builds(To, operation=operations)),
    when=_up_to_two(conditions),
)


def _policies(actions: Sequence[Action], least: int) -> st.SearchStrategy[AuthorizationPolicy]:
    dry = st.sampled_from([{}, {}, {}, {"istio.io/dry-run": "true"}])
    meta = st.builds(
        Meta,
        namespace=st.sampled_from(["shop", "bank"]),
        name=st.sampled_from(["p", "q", "r"]),
        annotations=dry,
    )
    return st.builds(
        AuthorizationPolicy,
        meta=meta,
        action=st.sampled_from(actions),
        rules=st.builds(tuple, st.lists(rules, min_size=least, max_size=2)),
    )


policies = st.one_of(_policies([Action.ALLOW, Action.AUDIT], 0), _policies([Action.DENY], 1))


_CLAIMS: tuple[Mapping[str, object], ...] = (
    {},
    {"iss": "https://x.test", "sub": "me", "aud": "one", "group": "dev"},
    {"iss": "https://x.test", "sub": "y/me", "aud": ["one", "two"], "azp": "app"},
    {"iss": "x", "sub": "y/me", "realm": {"role": ["admin", "dev"]}, "group": ["ops"]},
    {"iss": "x/y", "sub": "me"},
)

calls = st.builds(
    Call,
    http=st.sampled_from([True, True, True, False]),
    peer=st.sampled_from(PEERS),
    peer_address=st.sampled_from(["10.0.0.9", "192.168.1.1", "2001:db8::1"]),
    remote_address=st.sampled_from(["10.0.0.9", "203.0.113.5"]),
    port=st.sampled_from([8080, 9090]),
    sni=st.sampled_from(["", "x.test"]),
    method=st.sampled_from(["GET", "POST"]),
    host=st.sampled_from(["reviews", "Reviews", "x.test", "x.test:80", "X.TEST.", "y.test:81"]),
    path=st.sampled_from(["/", "/a", "/a/b", "/a/b/c/d", "/a.html", "/a?x=/b", "/x/b", "/a/"]),
    headers=st.sampled_from([{}, {"x-user": "me"}, {"x-user": "you"}]),
    claims=st.sampled_from(_CLAIMS),
)
