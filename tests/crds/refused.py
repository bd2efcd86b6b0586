"""Specs that no API server shall take, and where it says so: one at least for each rule in CEL."""

import yaml

from tests.crds.cluster import DEFINITIONS
from tests.crds.corpus import Raw, as_json


def refused(kind: str, spec: str) -> Raw:
    return as_json(
        {
            "apiVersion": f"{DEFINITIONS[kind]['spec']['group']}/v1",
            "kind": kind,
            "metadata": {"name": "x", "namespace": "shop"},
            "spec": yaml.safe_load(spec),
        }
    )


REFUSED: tuple[tuple[str, str, str], ...] = (
    # VirtualService
    ("VirtualService", "{gateways: [g], http: [{route: [{destination: {host: a}}]}]}", "gateways"),
    (
        "VirtualService",
        "{tls: [{match: [{sniHosts: [a]}], route: [{destination: {host: a}}]}]}",
        "tls",
    ),
    ("VirtualService", "{tcp: [{route: [{destination: {host: a}}]}]}", "tcp"),
    ("VirtualService", "{hosts: [a]}", ""),
    ("VirtualService", "{http: [{delegate: {name: d}}]}", "http"),
    ("VirtualService", "{hosts: ['*'], http: [{route: [{destination: {host: a}}]}]}", "hosts"),
    ("VirtualService", "{hosts: [a], http: [{}]}", "http[0]"),
    (
        "VirtualService",
        "{hosts: [a], exportTo: ['*', b], http: [{delegate: {name: d}}]}",
        "exportTo",
    ),
    ("VirtualService", "{hosts: [a], exportTo: [B], http: [{delegate: {name: d}}]}", "exportTo[0]"),
    (
        "VirtualService",
        "{hosts: [a], http: [{route: [{destination: {host: a}}], redirect: {uri: /}}]}",
        "http[0]",
    ),
    ("VirtualService", "{hosts: [a], http: [{redirect: {uri: /}, rewrite: {uri: /}}]}", "http[0]"),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, mirror: {host: a}, "
        "mirrors: [{destination: {host: a}}]}]}",
        "http[0]",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, mirrorPercent: 1, mirror_percent: 1}]}",
        "http[0]",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, timeout: 0s}]}",
        "http[0].timeout",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, timeout: soon}]}",
        "http[0].timeout",
    ),
    ("VirtualService", "{hosts: [a], http: [{redirect: {redirectCode: 301}}]}", "http[0].redirect"),
    (
        "VirtualService",
        "{hosts: [a], http: [{redirect: {uri: /a, prefixRewrite: /b}}]}",
        "http[0].redirect",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{redirect: {uri: /a, redirectCode: 305}}]}",
        "http[0].redirect.redirectCode",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, rewrite: {}}]}",
        "http[0].rewrite",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, "
        "rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}}]}",
        "http[0].rewrite",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, retries: {retryOn: 5xx}}]}",
        "http[0].retries",
    ),
    ("VirtualService", "{hosts: [a], http: [{delegate: {name: d}, fault: {}}]}", "http[0].fault"),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, fault: {abort: {}}}]}",
        "http[0].fault.abort",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{match: [{uri: {exact: /, prefix: /}}], delegate: {name: d}}]}",
        "http[0].match[0].uri",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{route: [{destination: {host: a, port: {number: 70000}}}]}]}",
        "http[0].route[0].destination.port.number",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{redirect: {port: 80, derivePort: FROM_REQUEST_PORT}}]}",
        "http[0].redirect",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{directResponse: {status: 200, body: {string: a, bytes: YQ==}}}]}",
        "http[0].directResponse.body",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, "
        "fault: {delay: {fixedDelay: 1s, exponentialDelay: 1s}}}]}",
        "http[0].fault.delay",
    ),
    (
        "VirtualService",
        "{hosts: [a], http: [{delegate: {name: d}, "
        "fault: {abort: {httpStatus: 500, grpcStatus: INTERNAL, http2Error: a}}}]}",
        "http[0].fault.abort",
    ),
    # DestinationRule
    ("DestinationRule", "{host: ''}", "host"),
    ("DestinationRule", "{host: a, trafficPolicy: {}}", "trafficPolicy"),
    (
        "DestinationRule",
        "{host: a, exportTo: ['*'], workloadSelector: {matchLabels: {a: b}}}",
        "exportTo",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {}, zoneAwareLbSetting: {}}}}",
        "trafficPolicy.loadBalancer",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: "
        "{distribute: [{from: a, to: {b: 100}}], failover: [{from: a, to: b}]}}}}",
        "trafficPolicy.loadBalancer.localityLbSetting",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {consistentHash: "
        "{useSourceIp: true, ringHash: {}, minimumRingSize: 5}}}}",
        "trafficPolicy.loadBalancer.consistentHash.minimumRingSize",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: "
        "{simple: RANDOM, consistentHash: {}, backendUtilization: {}}}}",
        "trafficPolicy.loadBalancer",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a, "
        "httpCookie: {name: a}, useSourceIp: true, httpQueryParameterName: a}}}}",
        "trafficPolicy.loadBalancer.consistentHash",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {consistentHash: {ringHash: {}, maglev: {}}}}}",
        "trafficPolicy.loadBalancer.consistentHash",
    ),
    (
        "DestinationRule",
        "{host: a, subsets: [{name: v1, trafficPolicy: {portLevelSettings: "
        "[{port: {number: 80}, loadBalancer: {simple: RANDOM, consistentHash: {}}}]}}]}",
        "subsets[0].trafficPolicy.portLevelSettings[0].loadBalancer",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {loadBalancer: {warmup: {duration: 1s, aggression: 0}}}}",
        "trafficPolicy.loadBalancer.warmup.aggression",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {connectionPool: {}}}",
        "trafficPolicy.connectionPool",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {connectionPool: {tcp: {idleTimeout: -1s}}}}",
        "trafficPolicy.connectionPool.tcp.idleTimeout",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {connectionPool: {http: "
        "{h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}}",
        "trafficPolicy.connectionPool.http.h2UpgradePolicy",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 1}}}",
        "trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {tunnel: {targetHost: a, targetPort: 1}, proxyProtocol: {}}}",
        "trafficPolicy",
    ),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {tls: {credentialName: a, caCertificates: b}}}",
        "trafficPolicy.tls",
    ),
    ("DestinationRule", "{host: a, trafficPolicy: {tls: {mode: MUTUAL}}}", "trafficPolicy.tls"),
    (
        "DestinationRule",
        "{host: a, trafficPolicy: {tls: "
        "{mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}}}",
        "trafficPolicy.tls",
    ),
    (
        "DestinationRule",
        "{host: a, subsets: [{name: v1, trafficPolicy: {portLevelSettings: "
        "[{port: {number: 80}, outlierDetection: {interval: 0s}}]}}]}",
        "subsets[0].trafficPolicy.portLevelSettings[0].outlierDetection.interval",
    ),
    # ServiceEntry, WorkloadEntry, WorkloadGroup
    ("ServiceEntry", "{ports: [{number: 80, name: http}]}", ""),
    (
        "ServiceEntry",
        "{hosts: [a.com], resolution: STATIC, endpoints: [{address: 1.1.1.1}], "
        "workloadSelector: {labels: {a: b}}}",
        "",
    ),
    ("ServiceEntry", "{hosts: [a.com], endpoints: [{address: 1.1.1.1}]}", "endpoints"),
    (
        "ServiceEntry",
        "{hosts: [a.com], resolution: DNS_ROUND_ROBIN, "
        "endpoints: [{address: a.b}, {address: b.b}]}",
        "endpoints",
    ),
    (
        "ServiceEntry",
        "{hosts: [a.com], resolution: DYNAMIC_DNS, ports: [{number: 80, name: h, protocol: HTTP}]}",
        "hosts",
    ),
    ("ServiceEntry", "{hosts: [a.com], resolution: DNS, addresses: [10.0.0.0/8]}", "addresses"),
    ("ServiceEntry", "{hosts: [a.com], ports: [{number: 0, name: http}]}", "ports[0].number"),
    ("WorkloadEntry", "{labels: {a: b}}", ""),
    ("WorkloadEntry", "{address: 'unix:///a', ports: {http: 80}}", "ports"),
    ("WorkloadEntry", "{address: 1.1.1.1, labels: {a: '*'}}", "labels.a"),
    ("WorkloadGroup", "{template: {}, probe: {}}", "probe"),
    ("WorkloadGroup", "{metadata: {}}", ""),
    # Gateway
    ("Gateway", "{servers: []}", "servers"),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*']}]}",
        "servers[0].tls",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: SIMPLE, credentialName: a, serverCertificate: b, privateKey: c}}]}",
        "servers[0].tls",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: ISTIO_MUTUAL, credentialName: a}}]}",
        "servers[0].tls",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: SIMPLE, credentialNames: [a, b, c]}}]}",
        "servers[0].tls.credentialNames",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: SIMPLE, tlsCertificates: "
        "[{serverCertificate: a, privateKey: b}, {serverCertificate: a, privateKey: b}, "
        "{serverCertificate: a, privateKey: b}]}}]}",
        "servers[0].tls.tlsCertificates",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: MUTUAL, credentialName: a, caCertificates: b, caCertCredentialName: c}}]}",
        "servers[0].tls",
    ),
    (
        "Gateway",
        "{servers: [{port: {number: 443, name: tls, protocol: HTTPS}, hosts: ['*'], "
        "tls: {mode: MUTUAL, credentialName: a, insecureSkipVerify: true}}]}",
        "servers[0].tls.insecureSkipVerify",
    ),
    # Sidecar
    ("Sidecar", "{workloadSelector: {labels: {a: b}}}", ""),
    ("Sidecar", "{egress: [{bind: 1.1.1.1, hosts: ['./*']}]}", "egress[0].bind"),
    ("Sidecar", "{egress: [{captureMode: NONE, hosts: ['./*']}]}", "egress[0].captureMode"),
    (
        "Sidecar",
        "{ingress: [{port: {number: 80, protocol: HTTP}, captureMode: NONE}]}",
        "ingress[0].defaultEndpoint",
    ),
    (
        "Sidecar",
        "{ingress: [{port: {number: 80, protocol: HTTP}, tls: {mode: PASSTHROUGH}}]}",
        "ingress[0].tls.mode",
    ),
    (
        "Sidecar",
        "{outboundTrafficPolicy: {egressProxy: {host: a, port: {number: 1}}}}",
        "outboundTrafficPolicy.egressProxy",
    ),
    (
        "Sidecar",
        "{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a}}}",
        "outboundTrafficPolicy.egressProxy.port",
    ),
    # PeerAuthentication, AuthorizationPolicy, RequestAuthentication
    ("PeerAuthentication", "{portLevelMtls: {80: {mode: STRICT}}}", "portLevelMtls"),
    (
        "PeerAuthentication",
        "{selector: {matchLabels: {a: b}}, portLevelMtls: {http: {mode: STRICT}}}",
        "portLevelMtls",
    ),
    ("PeerAuthentication", "{mtls: {mode: LOOSE}}", "mtls.mode"),
    (
        "AuthorizationPolicy",
        "{selector: {matchLabels: {a: b}}, targetRef: {kind: Service, name: a}}",
        "",
    ),
    ("AuthorizationPolicy", "{action: DENY}", "rules"),
    ("AuthorizationPolicy", "{action: CUSTOM, rules: [{}]}", "provider"),
    ("AuthorizationPolicy", "{provider: {name: a}}", "provider"),
    (
        "AuthorizationPolicy",
        "{rules: [{from: [{source: {serviceAccounts: [a], namespaces: [b]}}]}]}",
        "rules[0].from[0].source",
    ),
    ("AuthorizationPolicy", "{rules: [{from: [{source: {}}]}]}", "rules[0].from[0].source"),
    ("AuthorizationPolicy", "{rules: [{when: [{key: source.ip}]}]}", "rules[0].when[0]"),
    ("RequestAuthentication", "{jwtRules: [{audiences: [a]}]}", "jwtRules[0].issuer"),
    (
        "RequestAuthentication",
        "{jwtRules: [{issuer: a, jwksUri: 'https://a', jwks_uri: 'https://a'}]}",
        "jwtRules[0]",
    ),
    (
        "RequestAuthentication",
        "{jwtRules: [{issuer: a, presence: REQUIRED}]}",
        "jwtRules[0].presence",
    ),
)
"""Kind, spec, and the field below `spec` that the refusal names."""
