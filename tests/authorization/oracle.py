"""What policies say of a call, straight from Istio's description and without any of our code's
help but the types: a second opinion on the translation.

`None` is a question that a TCP connection cannot answer; it drops out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network

from crds.authorization_policy import (
    Action,
    AuthorizationPolicy,
    Condition,
    Operation,
    Rule,
    Source,
)
from explain.call import Call

Test = Callable[[str], bool]


def allowed(policies: Sequence[AuthorizationPolicy], call: Call) -> bool:
    """Whether the call goes through."""
    real = [p for p in policies if p.meta.annotations.get("istio.io/dry-run") != "true"]
    refusing = [p for p in real if p.action in (Action.DENY, Action.CUSTOM)]
    if any(matches(policy, call) for policy in refusing):
        return False
    allowing = [p for p in real if p.action is Action.ALLOW]
    return not allowing or any(matches(policy, call) for policy in allowing)


def matches(policy: AuthorizationPolicy, call: Call) -> bool:
    """Whether one of its rules is about the call."""
    return any(_rule(rule, policy, call) for rule in policy.rules)


def _rule(rule: Rule, policy: AuthorizationPolicy, call: Call) -> bool:
    sources = [_source(f.source, policy.meta.namespace, call) for f in rule.from_ if f.source]
    operations = [_operation(t.operation, call) for t in rule.to if t.operation]
    conditions = [_condition(c, policy.meta.namespace, call) for c in rule.when]
    answers = (*(a for each in (*sources, *operations) for a in each), *conditions)
    if policy.action is Action.ALLOW and None in answers:
        return False
    fits = (
        not sources or any(_all(each) for each in sources),
        not operations or any(_all(each) for each in operations),
        _all(conditions),
    )
    return all(fits)


def _all(answers: Iterable[bool | None]) -> bool:
    return all(answer is not False for answer in answers)


def _field(
    values: Sequence[str], not_values: Sequence[str], test: Test | None
) -> list[bool | None]:
    """The answer of a field and of its negation, less what is not given; no `test`: no answer."""
    answers: list[bool | None] = []
    if values:
        answers.append(any(test(value) for value in values) if test else None)
    if not_values:
        answers.append(not any(test(value) for value in not_values) if test else None)
    return answers


def _source(s: Source, own: str, call: Call) -> list[bool | None]:
    tests = _peer_tests(own, call)
    request = tests["request"] if call.http else None
    return [
        *_field(s.principals, s.not_principals, tests["principal"]),
        *_field(s.request_principals, s.not_request_principals, request),
        *_field(s.namespaces, s.not_namespaces, tests["namespace"]),
        *_field(s.service_accounts, s.not_service_accounts, tests["account"]),
        *_field(s.ip_blocks, s.not_ip_blocks, tests["direct"]),
        *_field(s.remote_ip_blocks, s.not_remote_ip_blocks, tests["remote"]),
        *_field(s.trust_domains, s.not_trust_domains, tests["domain"]),
    ]


def _peer_tests(own: str, call: Call) -> dict[str, Test]:
    parsed = re.fullmatch(r"spiffe://([^/]+)/ns/([^/]+)/sa/([^/]+)", call.peer)
    domain, namespace, account = parsed.groups() if parsed else ("", "", "")
    token = f"{call.claims['iss']}/{call.claims['sub']}" if call.claims else ""
    who = f"{namespace}/{account}"
    return {
        "principal": lambda value: bool(call.peer) and glob(value, call.peer[len("spiffe://") :]),
        "request": lambda value: bool(token) and glob(value, token),
        "namespace": lambda value: bool(parsed) and glob(value, namespace),
        "account": lambda value: who == (value if "/" in value else f"{own}/{value}"),
        "direct": lambda value: within(value, call.peer_address),
        "remote": lambda value: within(value, call.remote_address),
        "domain": lambda value: bool(parsed) and glob(value, domain),
    }


def _operation(o: Operation, call: Call) -> list[bool | None]:
    def of_request(test: Test) -> Test | None:
        return test if call.http else None

    return [
        *_field(o.hosts, o.not_hosts, of_request(lambda value: same_host(value, call.host))),
        *_field(o.ports, o.not_ports, lambda value: int(value) == call.port),
        *_field(o.methods, o.not_methods, of_request(lambda value: glob(value, call.method))),
        *_field(o.paths, o.not_paths, of_request(lambda value: same_path(value, call.path))),
    ]


def _condition(condition: Condition, own: str, call: Call) -> bool | None:
    answers = _field(condition.values, condition.not_values, _attribute(condition.key, own, call))
    return None if None in answers else all(answers)


def _attribute(key: str, own: str, call: Call) -> Test | None:
    """The test of a condition's attribute; none where there is no request to look at."""
    base, _, rest = key.partition("[")
    names = rest.removesuffix("]").split("][") if rest else []
    if base.startswith("request.") and not call.http:
        return None
    peers = _peer_tests(own, call)
    known: dict[str, Test] = {
        "source.ip": peers["direct"],
        "remote.ip": peers["remote"],
        "source.namespace": peers["namespace"],
        "source.serviceAccount": peers["account"],
        "source.principal": peers["principal"],
        "source.trustDomain": peers["domain"],
        "request.auth.principal": peers["request"],
        "request.auth.audiences": lambda value: _claims(value, call, ["aud"]),
        "request.auth.presenter": lambda value: _claims(value, call, ["azp"]),
        "request.auth.claims": lambda value: _claims(value, call, names),
        "request.headers": lambda value: (
            names[0] in call.headers and glob(value, call.headers[names[0]])
        ),
        "destination.ip": lambda value: within(value, call.address),
        "destination.port": lambda value: int(value) == call.port,
        "connection.sni": lambda value: glob(value, call.sni),
    }
    return known[base]


def _claims(value: str, call: Call, names: Sequence[str]) -> bool:
    found: object = call.claims
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    each = found if isinstance(found, list) else [found]
    return any(isinstance(one, str) and glob(value, one) for one in each)


def glob(pattern: str, text: str) -> bool:
    """Exact, `prefix*`, `*suffix`, or `*` for anything that is there."""
    if pattern == "*":
        return text != ""
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return pattern == text


def same_host(pattern: str, host: str) -> bool:
    """Without regard to case, to a port that only the call names, and to the root's dot."""
    pattern, host = pattern.lower(), host.lower()
    bare = re.sub(r"\.?(:[0-9]+)?$", "", host)
    return glob(pattern, host) or glob(pattern, bare)


def same_path(pattern: str, path: str) -> bool:
    """Templates: `{*}` is one segment, `{**}` any number of them."""
    path = path.partition("?")[0]
    if "{" not in pattern:
        return glob(pattern, path)
    parts = (
        "[^/]+" if part == "{*}" else ".*" if part == "{**}" else re.escape(part)
        for part in re.split(r"(\{\*\*?\})", pattern)
    )
    return re.fullmatch("".join(parts), path) is not None


def within(block: str, address: str) -> bool:
    """Whether an address lies in a block."""
    return ip_address(address) in ip_network(block, strict=False)
