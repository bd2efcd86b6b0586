"""Random HTTP rules with every field that they can have, as YAML in flow style (JSON)."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

Fields = Mapping[str, object]

NAMES = ("x-a", "X-B", "cookie", "end-user", ":path")
TEXTS = ("", "a", "A b", "%REQ(x-a)%", "100%", "%%", "ä", 'a,b;c="d"')
EXPRESSIONS = ("a|b", "/v[0-9]+/.*", ".*", "(?i)abc", "[^/]*", "/a/(.*)")
PATHS = ("/", "/a", "/a/", "/A/b", "/%20", "/a?b")
DURATIONS = ("1ms", "0.25s", "1h", "100h")
CODES = ("5xx", "reset,503", "gateway-error, 429", "connect-failure", "cancelled,unavailable")


def rules(destinations: st.SearchStrategy[Fields]) -> st.SearchStrategy[str]:
    """A rule that forwards, redirects or answers."""
    routed = st.builds(
        lambda route, rest: _with_one_host({**rest, "route": route}),
        _routes(destinations),
        _forwarding(destinations),
    )
    answered = st.builds(
        lambda action, rest: {**rest, **action}, st.one_of(_redirects(), _responses()), _shared()
    )
    return st.one_of(routed, answered).map(_flow)


def _with_one_host(rule: Fields) -> Fields:
    """Not both by `rewrite` and by `headers`: that is refused."""
    rewrite = rule.get("rewrite")
    if not isinstance(rewrite, dict) or "Host" not in json.dumps(rule.get("headers")):
        return rule
    rest = {name: value for name, value in rewrite.items() if name != "authority"}
    return {**rule, "rewrite": rest}


def matches() -> st.SearchStrategy[Fields]:
    """One block of `match`."""
    by_name = st.dictionaries(st.sampled_from(NAMES), _strings(presence=True), max_size=2)
    return some(
        name=st.just("block"),
        uri=_strings(PATHS),
        scheme=_strings(("http", "https")),
        method=_strings(("GET", "POST")),
        authority=_strings(("a", "a.shop")),
        headers=by_name,
        withoutHeaders=by_name,
        queryParams=st.dictionaries(st.sampled_from(("q", "ä")), _strings(presence=True)),
        port=st.sampled_from((80, 90)),
        sourceLabels=st.just({"app": "a"}),
        sourceNamespace=st.sampled_from(("shop", "bank")),
        gateways=st.just(["mesh"]),
        ignoreUriCase=st.booleans(),
        statPrefix=st.just("stat"),
    )


def some(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[Fields]:
    """An object with some of the fields, few at a time."""

    def chosen(names: list[str]) -> st.SearchStrategy[Fields]:
        return st.fixed_dictionaries({name: fields[name] for name in names})

    return st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=4).flatmap(chosen)


def together(*parts: st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    """One object with the fields of all."""
    return st.tuples(*parts).map(lambda each: {k: v for part in each for k, v in part.items()})


def _strings(
    values: tuple[str, ...] = ("a", "b c", "ä"), *, presence: bool = False
) -> st.SearchStrategy[Fields]:
    kinds = [
        st.builds(lambda value: {"exact": value}, st.sampled_from(values)),
        st.builds(lambda value: {"prefix": value}, st.sampled_from(values)),
        st.builds(lambda value: {"regex": value}, st.sampled_from(EXPRESSIONS)),
    ]
    return st.one_of(*kinds, *([st.just({})] if presence else []))


def _routes(destinations: st.SearchStrategy[Fields]) -> st.SearchStrategy[object]:
    one = st.builds(
        lambda to, weight, headers: {"destination": to, "weight": weight, "headers": headers},
        destinations,
        st.sampled_from((1, 50, 1_000_000_000)),
        _headers(),
    )
    return st.lists(one, min_size=1, max_size=3)


def _forwarding(destinations: st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    share = st.sampled_from((0, 0.0001, 50, 100)).map(lambda value: {"value": value})
    delay = st.builds(
        lambda time, part: {"fixedDelay": time, "percentage": part},
        st.sampled_from(DURATIONS),
        share,
    )
    abort = st.builds(
        lambda how, part: {**how, "percentage": part},
        st.sampled_from(({"httpStatus": 599}, {"grpcStatus": "DATA_LOSS"})),
        share,
    )
    retries = st.builds(
        lambda more, count: {**more, "attempts": count},
        some(
            perTryTimeout=st.sampled_from(DURATIONS),
            retryOn=st.sampled_from(CODES),
            retryRemoteLocalities=st.booleans(),
            retryIgnorePreviousHosts=st.booleans(),
            backoff=st.sampled_from(DURATIONS),
        ),
        st.integers(1, 5),
    )
    rewrites = st.one_of(
        st.builds(
            lambda path: {"uri": path, "authority": "new.example.com"}, st.sampled_from(PATHS)
        ),
        st.just({"uriRegexRewrite": {"match": "/a/(.*)", "rewrite": "/b/\\1"}}),
    )
    mirror = st.builds(
        lambda to, part: {"destination": to, "percentage": part}, destinations, share
    )
    own = some(
        timeout=st.sampled_from(DURATIONS),
        retries=retries,
        fault=st.one_of(delay.map(lambda d: {"delay": d}), abort.map(lambda a: {"abort": a})),
        mirrors=st.lists(mirror, max_size=2),
        rewrite=rewrites,
    )
    return together(own, _shared())


def _shared() -> st.SearchStrategy[Fields]:
    """Of every rule, whatever it does."""
    cors = some(
        allowOrigins=st.lists(_strings(("http://a", "*")), max_size=2),
        allowMethods=st.just(["GET", "PUT"]),
        allowHeaders=st.just(["x-a", "*"]),
        exposeHeaders=st.just(["x-b"]),
        maxAge=st.just("60s"),
        allowCredentials=st.booleans(),
        unmatchedPreflights=st.sampled_from(("FORWARD", "IGNORE")),
    )
    return some(
        name=st.sampled_from(("first", "second")),
        match=st.lists(matches(), min_size=1, max_size=2),
        headers=_headers(),
        corsPolicy=cors,
    )


def _headers() -> st.SearchStrategy[Fields]:
    values = st.sampled_from(TEXTS)
    plain = st.sampled_from(("x-a", "X-Set", "content-type"))
    changes = some(
        set=st.dictionaries(plain, values, max_size=2),
        add=st.dictionaries(plain, values, max_size=2),
        remove=st.lists(plain, max_size=2),
    )
    host = st.just({"set": {"Host": "other.example.com"}})
    return some(request=st.one_of(changes, host), response=changes)


def _redirects() -> st.SearchStrategy[Fields]:
    one = some(
        uri=st.sampled_from(PATHS),
        authority=st.just("new.example.com"),
        scheme=st.sampled_from(("http", "https")),
        redirectCode=st.sampled_from((301, 302, 303, 307, 308)),
    )
    port = st.sampled_from(({}, {"port": 443}, {"derivePort": "FROM_REQUEST_PORT"}))
    return st.builds(lambda some, more: {"redirect": {"uri": "/x", **some, **more}}, one, port)


def _responses() -> st.SearchStrategy[Fields]:
    bodies = st.sampled_from(({}, {"string": "%REQ(x)% ä"}, {"bytes": "AP8="}))
    return st.builds(
        lambda status, body: {"directResponse": {"status": status, "body": body}},
        st.sampled_from((200, 418, 599)),
        bodies,
    )


def _flow(rule: Fields) -> str:
    return json.dumps(rule, ensure_ascii=False)
