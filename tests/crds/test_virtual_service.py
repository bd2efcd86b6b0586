"""The "invalid when" of Istio's reference, VS-1 to VS-114, and where this project differs."""

import pytest

from tests.crds.specs import decoded, told

TO_A = "route: [{destination: {host: a}}]"


def http(rule: str, hosts: str = "[a]") -> list[str]:
    """What is told of one HTTP rule, its path left out."""
    return stripped(f"{{hosts: {hosts}, http: [{{{rule}}}]}}", "spec.http[0].")


def stripped(spec: str, prefix: str = "spec.") -> list[str]:
    return [line.replace(prefix, "") for line in told(decoded("VirtualService", spec))]


@pytest.mark.parametrize(
    "rule",
    [
        TO_A,
        f"{TO_A}, match: [{{uri: {{prefix: ''}}, headers: {{a: {{}}, ':path': {{regex: '*'}}}}}}]",
        f"{TO_A}, match: [{{queryParams: {{a: {{}}}}, withoutHeaders: {{b: {{regex: '*'}}}}}}]",
        "redirect: {uri: /b, redirectCode: 308}",
        "match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: /b, scheme: https, port: 443}",
        "directResponse: {status: 599, body: {string: sorry}}",
        "route: [{destination: {host: a}, weight: 0}]",
        "route: [{destination: {host: a.b, port: {number: 80}, subset: v1}, weight: 90},"
        " {destination: {host: b}, weight: 10}]",
        f"{TO_A}, rewrite: {{uriRegexRewrite: {{match: '/(a)/(b)', rewrite: '/\\2\\\\/\\1'}}}}",
        f"{TO_A}, retries: {{attempts: 2, retryOn: '5xx, 503,reset', backoff: 25ms}}",
        f"{TO_A}, retries: {{attempts: 0}}",
        f"{TO_A}, fault: {{delay: {{fixedDelay: 1s, percentage: {{value: 0.0001}}}}}}",
        f"{TO_A}, fault: {{abort: {{grpcStatus: UNAVAILABLE, percentage: {{value: 0}}}}}}",
        f"{TO_A}, mirror: {{host: b}}, mirrorPercentage: {{value: 50}}",
        f"{TO_A}, mirrors: [{{destination: {{host: b}}, percentage: {{value: 50}}}}]",
        f"{TO_A}, corsPolicy: {{allowOrigins: [{{exact: a}}], allowMethods: [GET, '*'],"
        " allowHeaders: ['*', x-a], maxAge: 1h}",
        f"{TO_A}, headers: {{request: {{set: {{Host: b, x-a: 'a b'}}, remove: [x-b]}}}}",
        f"{TO_A}, timeout: 1.5s",
        f"{TO_A}, rewrite: {{authority: b}}",
        f"{TO_A}, rewrite: {{authority: b}}, headers: {{response: {{set: {{x-a: b}}}}}}",
    ],
)
def test_good_rules(rule: str) -> None:
    assert http(rule) == []


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        ("name: a", ["no-action spec.http[0]"]),
        (f"{TO_A}, redirect: {{uri: /}}", ["one-of spec.http[0]"]),
        (f"{TO_A}, directResponse: {{status: 200}}", ["one-of spec.http[0]"]),
        ("redirect: {uri: /}, fault: {abort: {httpStatus: 500}}", ["one-of fault"]),
        ("directResponse: {status: 200}, rewrite: {uri: /}", ["one-of rewrite"]),
        # match
        (f"{TO_A}, match: [{{uri: {{regex: ''}}}}]", ["bad-regex match[0].uri.regex"]),
        (f"{TO_A}, match: [{{uri: {{regex: '(?!a)'}}}}]", ["bad-regex match[0].uri.regex"]),
        (f"{TO_A}, match: [{{scheme: {{prefix: ''}}}}]", ["empty-prefix match[0].scheme.prefix"]),
        (f"{TO_A}, match: [{{method: {{regex: '('}}}}]", ["bad-regex match[0].method.regex"]),
        (f"{TO_A}, match: [{{authority: {{regex: '['}}}}]", ["bad-regex match[0].authority.regex"]),
        (f"{TO_A}, match: [{{headers: {{'a b': {{}}}}}}]", ['bad-header match[0].headers["a b"]']),
        (f"{TO_A}, match: [{{headers: {{':host': {{}}}}}}]",
         ['bad-header match[0].headers[":host"]']),
        (f"{TO_A}, match: [{{headers: {{'@request.auth.claims.a': {{exact: b}}}}}}]",
         ['bad-header match[0].headers["@request.auth.claims.a"]']),
        (f"{TO_A}, match: [{{withoutHeaders: {{a: {{regex: '('}}}}}}]",
         ['bad-regex match[0].withoutHeaders["a"].regex']),
        (f"{TO_A}, match: [{{queryParams: {{a: {{prefix: ''}}}}}}]",
         ['empty-prefix match[0].queryParams["a"].prefix']),
        (f"{TO_A}, match: [{{queryParams: {{'': {{}}}}}}]",
         ['bad-parameter match[0].queryParams[""]']),
        (f"{TO_A}, match: [{{port: 70000}}]", ["bad-port match[0].port"]),
        (f"{TO_A}, match: [{{sourceLabels: {{a: '-'}}}}]",
         ['bad-label match[0].sourceLabels["a"]']),
        (f"{TO_A}, match: [{{sourceNamespace: A}}]", ["bad-namespace match[0].sourceNamespace"]),
        # destinations
        ("route: [{}]", ["no-destination route[0].destination"]),
        ("route: [{destination: {}}]", ["bad-host route[0].destination.host"]),
        ("route: [{destination: {host: '*'}}]", ["bad-host route[0].destination.host"]),
        ("route: [{destination: {host: a_b}}]", ["bad-host route[0].destination.host"]),
        ("route: [{destination: {host: a, subset: A}}]",
         ["bad-subset route[0].destination.subset"]),
        ("route: [{destination: {host: a, port: {}}}]",
         ["bad-port route[0].destination.port.number"]),
        ("route: [{destination: {host: a}, weight: -1}]", ["out-of-range route[0].weight"]),
        ("route: [{destination: {host: a}}, {destination: {host: b}}]", ["no-weight route"]),
        ("route: [{destination: {host: a}, weight: 2147483647},"
         " {destination: {host: a}, weight: 2147483647},"
         " {destination: {host: b}, weight: 2147483647}]", ["out-of-range route"]),
        # redirect, direct response, rewrite
        ("redirect: {redirectCode: 302}", ["empty redirect"]),
        ("redirect: {uri: /, prefixRewrite: /}", ["one-of redirect"]),
        ("redirect: {scheme: ftp}", ["bad-scheme redirect.scheme"]),
        ("redirect: {uri: /, redirectCode: 304}", ["bad-redirect-code redirect.redirectCode"]),
        ("redirect: {uri: /, redirectCode: 300}", ["bad-redirect-code redirect.redirectCode"]),
        ("redirect: {port: 0}", ["bad-port redirect.port"]),
        ("match: [{uri: {exact: /a}}], redirect: {prefixRewrite: /}",
         ["no-prefix redirect.prefixRewrite"]),
        ("directResponse: {status: 600}", ["bad-status directResponse.status"]),
        ("directResponse: {}", ["bad-status directResponse.status"]),
        (f"directResponse: {{status: 200, body: {{string: '{'x' * (2 << 20)}'}}}}",
         ["too-large directResponse.body"]),
        (f"directResponse: {{status: 200, body: {{bytes: '{'AAAA' * 50_000}'}}}}",
         ["~large-body directResponse.body"]),
        (f"{TO_A}, rewrite: {{}}", ["empty rewrite"]),
        (f"{TO_A}, rewrite: {{uri: /, uriRegexRewrite: {{match: a, rewrite: b}}}}",
         ["one-of rewrite"]),
        (f"{TO_A}, rewrite: {{uriRegexRewrite: {{match: '('}}}}",
         ["empty rewrite.uriRegexRewrite.rewrite", "bad-regex rewrite.uriRegexRewrite.match"]),
        (f"{TO_A}, rewrite: {{uriRegexRewrite: {{match: '(a)', rewrite: '\\2'}}}}",
         ["bad-reference rewrite.uriRegexRewrite.rewrite"]),
        (f"{TO_A}, rewrite: {{authority: a}}, headers: {{request: {{add: {{host: b}}}}}}",
         ["duplicate rewrite.authority"]),
        # timeout, retries
        (f"{TO_A}, timeout: 0s", ["too-short timeout"]),
        (f"{TO_A}, timeout: 1.5ms", ["too-fine timeout"]),
        (f"{TO_A}, timeout: -1s", ["too-short timeout"]),
        (f"{TO_A}, retries: {{attempts: -1}}", ["out-of-range retries.attempts"]),
        (f"{TO_A}, retries: {{retryOn: 5xx}}", ["no-attempts retries.attempts"]),
        (f"{TO_A}, retries: {{attempts: 1, perTryTimeout: 1us}}",
         ["too-short retries.perTryTimeout"]),
        (f"{TO_A}, retries: {{attempts: 1, retryOn: '5xx,,600'}}",
         ["bad-condition retries.retryOn"] * 2),
        # fault, mirror, cors
        (f"{TO_A}, fault: {{}}", ["empty fault"]),
        (f"{TO_A}, fault: {{delay: {{}}, abort: {{}}}}",
         ["empty fault.delay", "empty fault.abort"]),
        (f"{TO_A}, fault: {{delay: {{exponentialDelay: 1s}}}}",
         ["unsupported fault.delay.exponentialDelay"]),
        (f"{TO_A}, fault: {{delay: {{fixedDelay: 1s, percentage: {{value: 0.00001}}}}}}",
         ["out-of-range fault.delay.percentage.value"]),
        (f"{TO_A}, fault: {{delay: {{fixedDelay: 1s, percent: 101}}}}",
         ["out-of-range fault.delay.percent"]),
        (f"{TO_A}, fault: {{abort: {{http2Error: a}}}}", ["unsupported fault.abort.http2Error"]),
        (f"{TO_A}, fault: {{abort: {{httpStatus: 600}}}}", ["bad-status fault.abort.httpStatus"]),
        (f"{TO_A}, fault: {{abort: {{grpcStatus: unavailable}}}}",
         ["bad-grpc-status fault.abort.grpcStatus"]),
        (f"{TO_A}, mirror: {{host: ''}}", ["bad-host mirror.host"]),
        (f"{TO_A}, mirror: {{host: b}}, mirrors: [{{}}]",
         ["one-of spec.http[0]", "no-destination mirrors[0].destination"]),
        (f"{TO_A}, mirrorPercent: 101", ["out-of-range mirrorPercent"]),
        (f"{TO_A}, mirrorPercentage: {{value: -1}}", ["out-of-range mirrorPercentage.value"]),
        (f"{TO_A}, corsPolicy: {{allowOrigins: [{{}}]}}", ["empty corsPolicy.allowOrigins[0]"]),
        (f"{TO_A}, corsPolicy: {{allowMethods: [get]}}", ["bad-method corsPolicy.allowMethods[0]"]),
        (f"{TO_A}, corsPolicy: {{allowHeaders: ['a b']}}",
         ["bad-header corsPolicy.allowHeaders[0]"]),
        (f"{TO_A}, corsPolicy: {{exposeHeaders: ['']}}",
         ["bad-header corsPolicy.exposeHeaders[0]"]),
        (f"{TO_A}, corsPolicy: {{maxAge: 1.5s}}", ["too-fine corsPolicy.maxAge"]),
        # headers
        (f"{TO_A}, headers: {{response: {{set: {{host: a}}}}}}",
         ['bad-header headers.response.set["host"]']),
        (f"{TO_A}, headers: {{request: {{remove: [host]}}}}",
         ["bad-header headers.request.remove[0]"]),
        (f"{TO_A}, headers: {{request: {{add: {{':path': a}}}}}}",
         ['bad-header headers.request.add[":path"]']),
        (f'{TO_A}, headers: {{request: {{set: {{a: "b\\n"}}}}}}',
         ['bad-header-value headers.request.set["a"]']),
        (f"{TO_A}, headers: {{request: {{set: {{a: '{'b' * 9000}'}}}}}}",
         ['bad-header-value headers.request.set["a"]']),
        (f"{TO_A}, headers: {{request: {{set: {{a: 100%}}}}}}",
         ['~percent-sign headers.request.set["a"]']),
        (f"{TO_A}, headers: {{request: {{set: {{host: a}}, add: {{':authority': b}}}}}}",
         ["duplicate headers.request"]),
        ("route: [{destination: {host: a}, headers: {request: {remove: ['']}}}]",
         ["bad-header route[0].headers.request.remove[0]"]),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
def test_bad_rules(rule: str, problems: list[str]) -> None:
    assert http(rule) == [problem.replace("spec.http[0].", "") for problem in problems]


@pytest.mark.parametrize(
    ("hosts", "problems"),
    [
        ("[a, b.c, '*.d', 10.0.0.1]", []),
        ("['*']", ["bad-host hosts[0]"]),
        ("[a_b]", ["bad-host hosts[0]"]),
        ("['*x']", ["bad-host hosts[0]"]),
        ("[a.1]", ["bad-host hosts[0]"]),
        ("[a, a]", ["duplicate hosts[1]"]),
        ("[a.b, '*.b']", ["duplicate hosts[0]"]),
        ("['*.b', '*.a.b']", ["duplicate hosts[1]"]),
    ],
)
def test_hosts(hosts: str, problems: list[str]) -> None:
    assert stripped(f"{{hosts: {hosts}, http: [{{{TO_A}}}]}}") == problems


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{hosts: [a]}", ["no-rules spec"]),
        ("{}", ["~no-rules spec"]),
        (f"{{http: [{{{TO_A}}}]}}", []),
        (f"{{http: [{{{TO_A}}}], gateways: [mesh]}}", ["no-hosts gateways"]),
        (f"{{tcp: [{{{TO_A}}}]}}", ["no-hosts tcp"]),
        (f"{{hosts: ['*'], gateways: [gw], http: [{{{TO_A}}}]}}", []),
        ("{hosts: ['*'], gateways: [gw], http: [{route: [{destination: {host: a}}],"
         " match: [{headers: {'@request.auth.claims.a': {exact: b}}}]}]}",
         []),
        ("{hosts: ['*'], gateways: [gw], http: [{route: [{destination: {host: a}}],"
         " match: [{withoutHeaders: {'@request.auth.claims[a': {exact: b}}}]}]}",
         ['bad-header http[0].match[0].withoutHeaders["@request.auth.claims[a"]']),
        (f"{{hosts: [a], gateways: ['/'], http: [{{{TO_A}}}]}}",
         ["bad-gateway gateways[0]"]),
        ("{http: [{delegate: {name: a}}]}",
         ["no-hosts http[0].delegate"]),
        (f"{{hosts: [a], http: [{{{TO_A}}}], exportTo: [., shop]}}", ["duplicate exportTo[1]"]),
        (f"{{hosts: [a], http: [{{{TO_A}}}], exportTo: [b, b]}}", ["duplicate exportTo[1]"]),
        (f"{{hosts: [a], http: [{{{TO_A}}}], exportTo: ['*', b]}}", ["bad-export exportTo[0]"]),
        (f"{{hosts: [a], http: [{{{TO_A}}}], exportTo: ['~']}}", ["bad-export exportTo[0]"]),
        (f"{{hosts: [a], http: [{{{TO_A}}}], exportTo: [B]}}", ["bad-export exportTo[0]"]),
    ],
)  # fmt: skip
def test_objects(spec: str, problems: list[str]) -> None:
    assert stripped(spec) == problems


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        (f"tcp: [{{{TO_A}, match: [{{port: 80}}]}}]", []),
        ("tcp: [{}]", ["no-destination tcp[0].route"]),
        (f"tcp: [{{{TO_A}, match: [{{destinationSubnets: [x], port: 70000, gateways: ['']}}]}}]",
         ["bad-subnet tcp[0].match[0].destinationSubnets[0]",
          "bad-port tcp[0].match[0].port",
          "bad-gateway tcp[0].match[0].gateways[0]"]),
        (f"tls: [{{{TO_A}, match: [{{sniHosts: [a]}}]}}]", []),
        (f"tls: [{{{TO_A}}}]", ["empty tls[0].match"]),
        (f"tls: [{{{TO_A}, match: [{{}}]}}]",
         ["empty tls[0].match[0].sniHosts"]),
        (f"tls: [{{{TO_A}, match: [{{sniHosts: [b_]}}]}}]",
         ["bad-host tls[0].match[0].sniHosts[0]",
          "bad-sni tls[0].match[0].sniHosts[0]"]),
    ],
)  # fmt: skip
def test_rules_below_http(rule: str, problems: list[str]) -> None:
    assert stripped(f"{{hosts: [a], {rule}}}") == problems


def test_sni_may_be_covered_by_a_wildcard() -> None:
    rule = f"tls: [{{{TO_A}, match: [{{sniHosts: ['*.x.b', x.b]}}]}}]"
    assert stripped(f"{{hosts: ['*.b'], {rule}}}") == []


def test_an_address_is_no_server_name() -> None:
    """Istio takes it with a warning, and so do we: the object's other rules work."""
    rule = f"tls: [{{{TO_A}, match: [{{sniHosts: [10.0.0.1]}}]}}]"
    assert stripped(f"{{hosts: [10.0.0.1], {rule}}}") == ["~bad-sni tls[0].match[0].sniHosts[0]"]


def test_a_wildcard_in_sni_stands_for_whole_labels() -> None:
    """Envoy takes no other, and would refuse the listener."""
    rule = f"tls: [{{{TO_A}, match: [{{sniHosts: ['*-x.b']}}]}}]"
    assert stripped(f"{{hosts: ['*.b'], {rule}}}") == ["bad-sni tls[0].match[0].sniHosts[0]"]
