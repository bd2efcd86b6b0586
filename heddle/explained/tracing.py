"""`trace` and `authz check` as plain values: questions are the parameters of a command or a URL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from crds.authorization_policy import AuthorizationPolicy, is_dry_run
from crds.meta import Key
from explain.authorization import Verdict
from explain.call import Call
from explain.errors import Unexplained
from explain.inbound import Arrival, identity, judged
from explain.request import Asked, Request, Tls
from explain.step import Step
from explain.trace import address_of, trace
from heddle.explained.situation import Situation
from mesh.inbound import inbound_ports
from mesh.protection import protection_of
from mesh.proxy import Proxy
from mesh.source import Source
from translator.server_tls import ALPN_HTTP

_PORTS: Final = {"http": 80, "https": 443, "tcp": 0, "tls": 443}
_FORMS: Final = "http://HOST[:PORT][/PATH], https://..., tcp://HOST:PORT or tls://HOST[:PORT]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call in a user's words. `url` says where to and how."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)


def headers_of(given: Iterable[str]) -> Mapping[str, str]:
    """`name: value`, or `name=value`, as a mapping. Raises `ValueError`."""
    found: dict[str, str] = {}
    for each in given:
        mark = min((each.find(c) for c in ":=" if c in each), default=-1)
        if mark <= 0:
            raise ValueError(f"{each!r} is no header: write `name: value`")
        found[each[:mark].strip().lower()] = each[mark + 1 :].strip()
    return found


def headers_text(headers: Mapping[str, str]) -> str:
    """A line each, which `headers_of` reads."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def traced(situation: Situation, source: str, called: Called) -> Mapping[str, object]:
    """The way of a call. Raises `ValueError` for a question that has no answer."""
    proxy = situation.proxy(source)
    asked = asked_of(situation, proxy, called)
    try:
        found = trace(situation.mesh, proxy, situation.proxies, asked)
    except Unexplained as error:
        raise ValueError(f"the configuration has what a trace does not know: {error}") from None
    return {
        "from": f"{proxy.name}.{proxy.namespace}",
        "to": f"{called.method} {called.url}" if asked.http else called.url,
        "ok": found.ok,
        "verdict": found.verdict,
        "steps": [_step(situation, each) for each in found.steps],
    }


def _step(situation: Situation, step: Step) -> Mapping[str, object]:
    return {
        "at": step.at,
        "name": step.name,
        "says": step.says,
        "ok": step.ok,
        "causes": situation.causes(step.causes),
        "problems": situation.problems(step.problems),
    }


def asked_of(situation: Situation, proxy: Proxy, called: Called) -> Asked:
    """The call as Envoy gets it. Raises `ValueError` if its URL says not where to."""
    parts = urlsplit(called.url if "//" in called.url else f"http://{called.url}")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{called.url!r} has no usable port") from None
    host, known = parts.hostname, _PORTS.get(parts.scheme)
    if not host or known is None or not (port or known):
        raise ValueError(f"{called.url!r} says not where to: write {_FORMS}")
    bracketed = f"[{host}]" if ":" in host else host
    headers = dict(called.headers)
    tail = f"?{parts.query}" if parts.query else ""
    tls = parts.scheme in ("https", "tls")
    request = Request(
        authority=headers.pop("host", f"{bracketed}:{port}" if port else bracketed),
        path=(parts.path or "/") + tail,
        method=called.method.upper(),
        scheme="https" if parts.scheme == "https" else "http",
        headers=headers,
        address=address_of(situation.mesh, proxy, host),
        connects=port or known,
    )
    # What is within TLS, a sidecar does not see; a gateway may be where it ends. Whoever speaks it
    # himself is taken to have the certificate that he is asked for.
    http = parts.scheme in ("http", "https")
    own = Tls(sni=host, alpn=ALPN_HTTP if http else (), shows=True)
    return Asked(request=request, http=http, tls=(own,) if tls else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who calls a pod, and what for. No `source`: only the policies are asked for; `plaintext`: the
    caller comes without its certificate. `port` 0: the first of the pod.
    """

    source: str = ""
    port: int = 0
    path: str = "/"
    method: str = "GET"
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    plaintext: bool = False
    tcp: bool = False


def checked(situation: Situation, at: str, peer: Peer) -> Mapping[str, object]:
    """The policies of a pod, and what they say of a call. Raises `ValueError`."""
    proxy = situation.proxy(at)
    policies = protection_of(situation.mesh, proxy).policies
    answer: dict[str, object] = {
        "pod": f"{proxy.name}.{proxy.namespace}",
        "policies": [_policy(situation, each) for each in policies],
    }
    if not peer.source:
        return answer
    try:
        verdict = judged(situation.mesh, proxy, _arrival(situation, proxy, peer))
    except Unexplained as error:
        raise ValueError(f"the policies have what is not known here: {error}") from None
    return {**answer, **_verdict(situation, verdict)}


def _policy(situation: Situation, policy: AuthorizationPolicy) -> Mapping[str, object]:
    (cause,) = situation.causes([Source(object=_key(policy))])
    return {
        **cause,
        "action": policy.action.value,
        "rules": len(policy.rules),
        "dry_run": is_dry_run(policy),
    }


def _key(policy: AuthorizationPolicy) -> Key:
    meta = policy.meta
    return Key("security.istio.io", "AuthorizationPolicy", meta.namespace, meta.name)


def _arrival(situation: Situation, proxy: Proxy, peer: Peer) -> Arrival:
    outside = peer.source in ("outside", "-")
    caller = None if outside else situation.proxy(peer.source)
    ports = [each.number for each in inbound_ports(situation.mesh, proxy)]
    if not (peer.port or ports):
        raise ValueError(f"{proxy.name}.{proxy.namespace} has no port of a service: say --port")
    mutual = caller is not None and not peer.plaintext
    call = Call(
        http=not peer.tcp,
        peer=identity(situation.mesh, caller) if caller is not None and mutual else "",
        port=peer.port or ports[0],
        method=peer.method.upper(),
        host=peer.host or proxy.name,
        path=peer.path,
        headers=peer.headers,
    )
    return Arrival(call=call, mutual=mutual)


def _verdict(situation: Situation, verdict: Verdict) -> Mapping[str, object]:
    return {
        "decision": verdict.decision.value,
        "why": verdict.why,
        "decided_by": situation.causes(verdict.decided_by),
        "rules": [
            {
                **situation.causes([each.source])[0],
                "action": each.action,
                "matched": each.matched,
                "why": each.why,
                "dry_run": each.rehearsed,
            }
            for each in verdict.rules
        ],
    }
