"""The "invalid when" of Istio's reference, DR-1 to DR-114, and where this project differs."""

import pytest

from tests.crds.specs import decoded, told

POLICY = "spec.trafficPolicy."


def rule(spec: str) -> list[str]:
    return [line.replace("spec.", "") for line in told(decoded("DestinationRule", spec))]


def policy(text: str) -> list[str]:
    found = decoded("DestinationRule", f"{{host: a, trafficPolicy: {{{text}}}}}")
    return [line.replace(POLICY, "") for line in told(found)]


@pytest.mark.parametrize(
    "text",
    [
        "loadBalancer: {simple: LEAST_CONN, warmup: {duration: 30s, minimumPercent: 0}}",
        "loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {}}}",
        "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}",
        "loadBalancer: {consistentHash: {httpCookie: {name: a, ttl: 0s, attributes: [{name: b}]}}}",
        "loadBalancer: {consistentHash: {httpQueryParameterName: a, ringHash: {}}}",
        "connectionPool: {tcp: {maxConnections: 1, idleTimeout: 0s, tcpKeepalive: {time: 1s}}}",
        "connectionPool: {http: {http2KeepAlive: {interval: 1s, timeout: 1s}}}",
        "connectionPool: {tcp: {}, http: {}}",
        "outlierDetection: {consecutive5xxErrors: 0, interval: 1s, maxEjectionPercent: 100}",
        "outlierDetection: {splitExternalLocalOriginErrors: true,"
        " consecutiveLocalOriginFailures: 5, outlierDetectionHttpErrorCodes: [500]}",
        "retryBudget: {percent: 20, minRetryConcurrency: 3}",
        "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]",
        "tls: {}",
    ],
)
def test_good_policies(text: str) -> None:
    assert policy(text) == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["empty spec.trafficPolicy"]),
        # load balancer
        ("loadBalancer: {simple: FAST}", ["bad-enum loadBalancer.simple"]),
        ("loadBalancer: {simple: RANDOM, consistentHash: {}}", ["one-of loadBalancer"]),
        ("loadBalancer: {consistentHash: {httpHeaderName: a, useSourceIp: true}}",
         ["one-of loadBalancer.consistentHash"]),
        ("loadBalancer: {consistentHash: {ringHash: {}, maglev: {}}}",
         ["one-of loadBalancer.consistentHash"]),
        ("loadBalancer: {consistentHash: {httpCookie: {attributes: [{}, {name: a}, {name: a}]}}}",
         ["no-name loadBalancer.consistentHash.httpCookie.name",
          "duplicate loadBalancer.consistentHash.httpCookie.attributes[2].name",
          "no-name loadBalancer.consistentHash.httpCookie.attributes"]),
        ("loadBalancer: {consistentHash: {minimumRingSize: 5}}",
         ["~deprecated loadBalancer.consistentHash.minimumRingSize"]),
        ("loadBalancer: {consistentHash: {minimumRingSize: 5, ringHash: {}}}",
         ["one-of loadBalancer.consistentHash.minimumRingSize"]),
        ("loadBalancer: {consistentHash: {ringHash: {minimumRingSize: 8388609}}}",
         ["out-of-range loadBalancer.consistentHash.ringHash.minimumRingSize"]),
        ("loadBalancer: {consistentHash: {maglev: {tableSize: 65536}}}",
         ["bad-table-size loadBalancer.consistentHash.maglev.tableSize"]),
        ("loadBalancer: {consistentHash: {maglev: {tableSize: 5000011}}}",
         ["bad-table-size loadBalancer.consistentHash.maglev.tableSize"]),
        ("loadBalancer: {consistentHash: {maglev: {tableSize: 1}}}",
         ["bad-table-size loadBalancer.consistentHash.maglev.tableSize"]),
        ("loadBalancer: {warmupDurationSecs: 1us}", ["too-short loadBalancer.warmupDurationSecs"]),
        ("loadBalancer: {simple: RANDOM, warmupDurationSecs: 1s}", ["~no-effect loadBalancer"]),
        ("loadBalancer: {warmup: {}}", ["no-duration loadBalancer.warmup.duration"]),
        ("loadBalancer: {warmup: {duration: 0s, minimumPercent: 101, aggression: 0}}",
         ["too-short loadBalancer.warmup.duration",
          "out-of-range loadBalancer.warmup.minimumPercent",
          "out-of-range loadBalancer.warmup.aggression"]),
        ("loadBalancer: {localityLbSetting: {}, zoneAwareLbSetting: {enabled: true}}",
         [ "~not-translated loadBalancer.zoneAwareLbSetting", "one-of loadBalancer"]),
        ("loadBalancer: {localityLbSetting: {"
         "distribute: [{from: a/*, to: {a/b: 60, '*/b': 0}}, {from: a, to: {b: 100}}],"
         " failover: [{from: a, to: b}]}}",
         [ "one-of loadBalancer.localityLbSetting",
          'bad-locality loadBalancer.localityLbSetting.distribute[0].to["*/b"]',
          'out-of-range loadBalancer.localityLbSetting.distribute[0].to["*/b"]',
          "bad-sum loadBalancer.localityLbSetting.distribute[0].to"]),
        ("loadBalancer: {zoneAwareLbSetting: {minClusterSize: 0, failover: [{from: a/b, to: a/b}],"
         " failoverPriority: [topology.kubernetes.io/zone=a, b]}}",
         ["~not-translated loadBalancer.zoneAwareLbSetting",
          "bad-locality loadBalancer.zoneAwareLbSetting.failover[0].from",
          "bad-locality loadBalancer.zoneAwareLbSetting.failover[0].to",
          "bad-locality loadBalancer.zoneAwareLbSetting.failover[0]",
          "one-of loadBalancer.zoneAwareLbSetting.failoverPriority[0]",
          "out-of-range loadBalancer.zoneAwareLbSetting.minClusterSize"]),
        ("loadBalancer: {localityLbSetting: {failoverPriority: [topology.istio.io/subzone]}}",
         []),
        ("loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}",
         []),
        ("tls: {mode: SIMPLE, credentialName: a}", []),
        ("loadBalancer: {simple: RANDOM, backendUtilization: {}}",
         ["~not-translated loadBalancer.backendUtilization", "one-of loadBalancer"]),
        # connection pool
        ("connectionPool: {}", ["empty connectionPool"]),
        ("connectionPool: {tcp: {maxConnections: -1, connectTimeout: 0s, idleTimeout: 1us,"
         " maxConnectionDuration: 0s, tcpKeepalive: {time: 0s, interval: 0s}}}",
         ["out-of-range connectionPool.tcp.maxConnections",
          "too-short connectionPool.tcp.connectTimeout",
          "too-short connectionPool.tcp.maxConnectionDuration",
          "too-short connectionPool.tcp.idleTimeout",
          "too-short connectionPool.tcp.tcpKeepalive.time",
          "too-short connectionPool.tcp.tcpKeepalive.interval"]),
        ("connectionPool: {http: {http1MaxPendingRequests: -1, http2MaxRequests: -1,"
         " maxRequestsPerConnection: -1, maxRetries: -1, maxConcurrentStreams: -1,"
         " idleTimeout: 0s, h2UpgradePolicy: UPGRADE, useClientProtocol: true,"
         " http2KeepAlive: {timeout: 0s}}}",
         ["out-of-range connectionPool.http.http1MaxPendingRequests",
          "out-of-range connectionPool.http.http2MaxRequests",
          "out-of-range connectionPool.http.maxRequestsPerConnection",
          "out-of-range connectionPool.http.maxRetries",
          "out-of-range connectionPool.http.maxConcurrentStreams",
          "too-short connectionPool.http.idleTimeout",
          "one-of connectionPool.http.h2UpgradePolicy",
          "no-duration connectionPool.http.http2KeepAlive.interval",
          "too-short connectionPool.http.http2KeepAlive.timeout"]),
        # outlier detection
        ("outlierDetection: {consecutiveErrors: 5}",
         ["~unsupported outlierDetection.consecutiveErrors"]),
        ("outlierDetection: {consecutiveLocalOriginFailures: 5, interval: 0s,"
         " baseEjectionTime: 0s, maxEjectionPercent: 101, minHealthPercent: -1,"
         " outlierDetectionHttpErrorCodes: [99]}",
         ["no-effect outlierDetection.consecutiveLocalOriginFailures",
          "too-short outlierDetection.interval",
          "too-short outlierDetection.baseEjectionTime",
          "out-of-range outlierDetection.maxEjectionPercent",
          "out-of-range outlierDetection.minHealthPercent",
          "out-of-range outlierDetection.outlierDetectionHttpErrorCodes[0]"]),
        # TLS
        ("tls: {mode: MUTUAL}",
         ["no-certificate tls.clientCertificate",
          "no-certificate tls.privateKey"]),
        ("tls: {mode: MUTUAL, clientCertificate: a, privateKey: b}", []),
        ("tls: {mode: MUTUAL, clientCertificate: a, privateKey: a}",
         ["~key-shown tls.privateKey"]),
        ("tls: {mode: SIMPLE, credentialName: 'configmap://a/b', caCrl: c}",
         ["one-of tls.caCrl", "bad-credential tls.credentialName"]),
        ("tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: a, subjectAltNames: [b]}",
         ["one-of tls.caCertificates", "one-of tls.subjectAltNames"]),
        ("tls: {mode: SIMPLE, insecureSkipVerify: true}", []),
        # tunnel and the rest
        ("tunnel: {protocol: GET, targetHost: a_b}, proxyProtocol: {version: V2}",
         ["one-of spec.trafficPolicy",
          "bad-protocol tunnel.protocol", "bad-host tunnel.targetHost",
          "bad-port tunnel.targetPort"]),
        ("tunnel: {targetHost: 10.0.0.1, targetPort: 80}", []),
        ("retryBudget: {percent: 101}", ["out-of-range retryBudget.percent"]),
        ("portLevelSettings: [{}]",
         ["no-port portLevelSettings[0].port", "empty portLevelSettings[0]"]),
        ("portLevelSettings: [{port: {number: 70000}, tls: {mode: SIMPLE}}]",
         [          "~impossible-port portLevelSettings[0].port.number"]),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_bad_policies(text: str, problems: list[str]) -> None:
    assert policy(text) == problems


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{host: a}", []),
        ("{host: '*.a'}", []),
        ("{}", ["bad-host host"]),
        ("{host: 10.0.0.1}", ["bad-host host"]),
        ("{host: a, subsets: [{name: v1, labels: {version: v1}}]}", []),
        ("{host: a, subsets: [{name: v1, labels: {version: '-'}}, {name: v1}, {}]}",
         ['bad-label subsets[0].labels["version"]', "bad-name subsets[2].name",
          "duplicate subsets[1].name"]),
        ("{host: a, subsets: [{name: v1, trafficPolicy: {}}]}",
         ["empty subsets[0].trafficPolicy"]),
        ("{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [.]}",
         []),
        ("{host: a, workloadSelector: {}, exportTo: ['*']}",
         ["~no-labels workloadSelector.matchLabels",
          "bad-export exportTo[0]"]),
        ("{host: a, workloadSelector: {matchLabels: {a: '*'}}}",
         ['bad-label workloadSelector.matchLabels["a"]']),
    ],
)  # fmt: skip
def test_rules(spec: str, problems: list[str]) -> None:
    assert rule(spec) == problems


def test_istio_s_quirks_of_destination_rules_are_mended_or_told() -> None:
    """C-3: `maglev: {}` has Envoy's table. C-4: `warmup` wins over its older form, and never has no
    aggression. C-5: a port that cannot be is told.
    """
    assert policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}") == []
    twice = "loadBalancer: {warmupDurationSecs: 1s, warmup: {duration: 1s, aggression: 0}}"
    assert policy(twice) == [
        "out-of-range loadBalancer.warmup.aggression",
        "~warmup-twice loadBalancer.warmupDurationSecs",
    ]
    port = "portLevelSettings: [{port: {number: 70000}, tls: {mode: SIMPLE}}]"
    assert policy(port) == ["~impossible-port portLevelSettings[0].port.number"]
