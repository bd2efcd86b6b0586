"""Random small meshes: few names, so that objects meet, clash and refer to each other often."""

import json
import os
from collections.abc import Mapping

import yaml
from hypothesis import strategies as st

from crds.decode import decode
from crds.kinds import Object
from crds.meta import Key
from tests import gateway_objects, http_rules, security_objects, traffic_policies
from tests.gateway_objects import BINDINGS
from tests.meshes import destination_rule, virtual_service
from tests.random_services import (
    NAMESPACES,
    SUBSETS,
    external_names,
    names,
    namespaces,
    nodes,
    pods,
    service_entries,
    services,
    slices,
    workload_entries,
)

HOSTS = (
    "a",
    "b.shop.svc.cluster.local",
    "a.bank.svc.cluster.local",
    "*.shop.svc.cluster.local",
    "b.bank",
    "x.example.com",
    "*",
)
POLICIES = (
    "outlierDetection: {}",
    "outlierDetection: {}, "
    "loadBalancer: {localityLbSetting: {failoverPriority: [app, version=v1]}}",
    "loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {eu: 70, us: 30}}]}}",
    "loadBalancer: {simple: RANDOM}",
    "loadBalancer: {simple: PASSTHROUGH}",
    "tls: {mode: SIMPLE, caCertificates: /etc/roots.pem}",
    "tls: {mode: MUTUAL, clientCertificate: /etc/cert.pem, privateKey: /etc/key.pem}",
    "tls: {mode: MUTUAL, credentialName: b}",
    "tls: {mode: ISTIO_MUTUAL}",
    "proxyProtocol: {version: V2}, retryBudget: {percent: 10}",
    "tunnel: {targetHost: x.example.com, targetPort: 443}",
)
CREATED = ("", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")

_BELOW_HTTP = (
    ", tcp: [{match: [{sourceNamespace: shop}], route: [{destination: {host: b}}]}]",
    ", tcp: [{match: [{destinationSubnets: [10.0.0.0/16]}], route: [{destination: {host: a}}]}]",
)


def _destination() -> st.SearchStrategy[str]:
    hosts = st.sampled_from([host for host in HOSTS if "*" not in host] + ["nowhere"])
    subset = st.sampled_from(["", *SUBSETS])
    return st.builds(
        lambda h, s: f"{{host: {h}" + (f", subset: {s}}}" if s else "}"), hosts, subset
    )


def examples(number: int) -> int:
    """How many examples a property is tried with: so many, or FUZZ times that."""
    return number * int(os.environ.get("FUZZ", "1"))


def virtual_services() -> st.SearchStrategy[str]:
    """A VirtualService with up to two rules, some of which ask who the client is, or a delegate, or
    delegate to one.
    """
    matches = st.sampled_from(
        [
            "",
            "match: [{uri: {prefix: /a}}], ",
            "match: [{sourceNamespace: shop}], ",
            "match: [{sourceLabels: {app: a}}], ",
            "match: [{port: 80}], ",
            "match: [{gateways: [edge]}], ",
        ]
    )
    rule = st.builds(
        lambda match, first, second: (
            f"{{{match}route: [{{destination: {first}, weight: 50}}, "
            f"{{destination: {second}, weight: 50}}]}}"
        ),
        matches,
        _destination(),
        _destination(),
    )
    delegated = st.builds(
        lambda match, name, namespace: (
            f"{{{match}delegate: {{name: {name}, namespace: {namespace}}}}}"
        ),
        matches,
        names,
        namespaces,
    )
    rich = http_rules.rules(_destination().map(_read))
    hosts = st.sampled_from(
        [
            *([host] for host in HOSTS if host != "*"),
            ["10.0.0.1", "a"],
            ["10.0.0.2", "x.example.com", "*.shop.svc.cluster.local"],
        ]
    )
    exports = st.sampled_from(["", ", exportTo: [.]", ", exportTo: [bank]"])
    with_hosts = st.builds(
        lambda named, rules, more, export, bound: (
            f"{{hosts: {named}, http: [{', '.join(rules)}]{more}{export}"
            f"{bound.replace('HOST', named[-1])}}}"
        ),
        hosts,
        st.lists(st.one_of(rule, delegated, rich), min_size=1, max_size=2),
        st.sampled_from(["", *_BELOW_HTTP]),
        exports,
        st.sampled_from(BINDINGS),
    )
    with_names = st.builds(
        lambda host, port, where: (
            f"{{hosts: ['{host}'], tls: [{{match: [{{sniHosts: ['{host}']{port}}}], "
            f"route: [{{destination: {where}}}]}}]}}"
        ),
        st.sampled_from([host for host in HOSTS if host != "*"]),
        st.sampled_from(["", ", port: 80", ", sourceLabels: {app: a}"]),
        _destination(),
    )
    delegates = st.builds(
        lambda rules, export: f"{{http: [{', '.join(rules)}]{export}}}",
        st.lists(st.one_of(rule, rich), min_size=1, max_size=2),
        exports,
    )
    spec = st.one_of(with_hosts, with_hosts, with_names, delegates)
    return st.builds(virtual_service, names, spec, namespaces, st.sampled_from(CREATED))


def destination_rules() -> st.SearchStrategy[str]:
    """A DestinationRule with some of the subsets, of which some have a policy of their own."""
    few = st.sampled_from(POLICIES).map(lambda text: _read(f"{{{text}}}"))
    policies = st.one_of(few, few, traffic_policies.policies())
    own: st.SearchStrategy[http_rules.Fields] = st.one_of(
        st.just({}), policies.map(lambda policy: {"trafficPolicy": policy})
    )
    subsets = st.lists(
        st.builds(
            lambda name, more: {**more, "name": name, "labels": {"version": name}},
            st.sampled_from(SUBSETS),
            own,
        ),
        max_size=2,
        unique_by=lambda subset: subset["name"],
    )
    scopes = st.sampled_from(
        ({}, {"exportTo": ["."]}, {"workloadSelector": {"matchLabels": {"app": "a"}}})
    )
    spec = st.builds(
        lambda host, chosen, policy, scope: json.dumps(
            {**scope, **policy, "host": host, "subsets": chosen}, ensure_ascii=False
        ),
        st.sampled_from(HOSTS[:-1]),
        subsets,
        own,
        scopes,
    )
    return st.builds(destination_rule, names, spec, namespaces, st.sampled_from(CREATED))


def _read(text: str) -> Mapping[str, object]:
    """As fast as it goes: most of a property's time is spent reading YAML."""
    read: Mapping[str, object] = yaml.load(text, yaml.CSafeLoader)
    return read


def sidecars() -> st.SearchStrategy[str]:
    """A Sidecar of a namespace, or of the mesh, for all workloads or for some."""
    hosts = st.sampled_from(
        ["./*", "*/*", "bank/*", "shop/b.shop.svc.cluster.local", "*/*.example.com", "~/*"]
    )
    egress = st.one_of(
        st.builds(lambda host: f"[{{hosts: ['{host}']}}]", hosts),
        st.builds(
            lambda port, own, protocol, first, rest: (
                f"[{{port: {{number: {port}, protocol: {protocol}, name: x}}, {own}"
                f"hosts: ['{first}']}}, {{hosts: ['{rest}', '~shop/c.shop.svc.cluster.local']}}]"
            ),
            st.sampled_from([80, 90, 8090]),
            st.sampled_from(
                ["", "captureMode: NONE, ", "bind: 127.0.0.2, ", "bind: 10.0.0.1, ", "bind: '::', "]
            ),
            st.sampled_from(["HTTP", "TCP", "TLS", "HTTP_PROXY"]),
            hosts,
            hosts,
        ),
    )
    selector = st.sampled_from(["", "workloadSelector: {labels: {app: a}}, "])
    policy = st.sampled_from(
        [
            "",
            ", outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
            ", outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: "
            "{host: b.bank.svc.cluster.local, subset: v1, port: {number: 90}}}",
            ", outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: "
            "{host: a, port: {number: 80}}}",
        ]
    )
    ingress = st.sampled_from(
        [
            "",
            ", inboundConnectionPool: {tcp: {maxConnections: 7}}",
            ", ingress: [{port: {number: 80, protocol: HTTP}, defaultEndpoint: '127.0.0.1:7000'}]",
            ", ingress: [{port: {number: 8080, protocol: TCP}, defaultEndpoint: '0.0.0.0:7000'}, "
            "{port: {number: 8081, protocol: TCP}, bind: 10.6.0.1, captureMode: NONE, "
            "defaultEndpoint: 'unix:///a'}]",
            ", ingress: [{port: {number: 8080, protocol: HTTPS}, defaultEndpoint: '127.0.0.1:80', "
            "tls: {mode: SIMPLE, credentialName: a}}, {port: {number: 8081, protocol: TLS}, "
            "tls: {mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /r}}]",
        ]
    )

    def sidecar(
        name: str, namespace: str, chosen: str, listeners: str, more: str, created: str
    ) -> str:
        when = f", creationTimestamp: '{created}'" if created else ""
        return (
            "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n"
            f"metadata: {{name: {name}, namespace: {namespace}{when}}}\n"
            f"spec: {{{chosen}egress: {listeners}{more}}}\n"
        )

    return st.builds(
        sidecar,
        names,
        st.sampled_from([*NAMESPACES, "istio-system"]),
        selector,
        egress,
        st.builds("".join, st.tuples(policy, ingress)),
        st.sampled_from(CREATED),
    )


def peer_authentications() -> st.SearchStrategy[str]:
    """A PeerAuthentication of a namespace, of one of its apps or of the mesh."""

    def made(name: str, namespace: str, mode: str, selector: str, port: str) -> str:
        return (
            "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{mtls: {{mode: {mode}}}{selector}{port if selector else ''}}}\n"
        )

    modes = st.sampled_from(["UNSET", "DISABLE", "PERMISSIVE", "STRICT"])
    ports = modes.map(lambda mode: f", portLevelMtls: {{8080: {{mode: {mode}}}}}")
    selectors = names.map(lambda name: f", selector: {{matchLabels: {{app: {name}}}}}")
    return st.builds(
        made,
        names,
        st.one_of(namespaces, st.just("istio-system")),
        modes,
        st.one_of(st.just(""), selectors),
        st.one_of(st.just(""), ports),
    )


def authorization_policies() -> st.SearchStrategy[str]:
    """An AuthorizationPolicy about who calls."""

    def made(name: str, namespace: str, action: str, source: str) -> str:
        return (
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{action: {action}, selector: {{matchLabels: {{app: {name}}}}}, "
            f"rules: [{{from: [{{source: {{{source}}}}}]}}]}}\n"
        )

    sources = ("namespaces: [shop]", "notNamespaces: [shop]", "principals: ['*']")
    places = st.one_of(namespaces, st.just("istio-system"))
    actions = st.sampled_from(["ALLOW", "DENY"])
    return st.builds(made, names, places, actions, st.sampled_from(sources))


def parsed(text: str) -> tuple[Key, Object]:
    """The one object in YAML text."""
    decoded = decode(_read(text))
    assert decoded.key is not None
    assert decoded.object is not None, decoded.problems
    return decoded.key, decoded.object


def every() -> st.SearchStrategy[str]:
    """An object of any kind."""
    return st.one_of(
        services(),
        virtual_services(),
        destination_rules(),
        pods(),
        nodes(),
        slices(),
        service_entries(),
        workload_entries(),
        external_names(),
        sidecars(),
        peer_authentications(),
        authorization_policies(),
        gateway_objects.gateways(namespaces, st.sampled_from(CREATED)),
        gateway_objects.secrets(namespaces),
        security_objects.policies(),
        security_objects.routes_by_claims(namespaces),
    )


def steps() -> st.SearchStrategy[tuple[str, bool]]:
    """An object that is applied, or deleted if the second value says so."""
    return st.tuples(every(), st.sampled_from([False, False, False, True]))


def stepped(objects: Mapping[Key, Object], step: tuple[str, bool]) -> dict[Key, Object]:
    """The objects after a step."""
    key, made = parsed(step[0])
    after = dict(objects)
    if step[1]:
        after.pop(key, None)
    else:
        after[key] = made
    return after
