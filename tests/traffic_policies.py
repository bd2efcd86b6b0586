"""Random traffic policies of DestinationRules with every field that they can have."""

from hypothesis import strategies as st

from tests.http_rules import DURATIONS, Fields, some, together

COUNTS = (0, 1, 1_000, 2_147_483_647)
PLACES = ("eu", "eu/north", "us/*", "*", "us/west/rack")


def policies() -> st.SearchStrategy[Fields]:
    """Of a host or of a subset, never empty."""
    ports = st.sampled_from((70, 80, 90)).map(lambda number: {"port": {"number": number}})
    ported = together(ports, _blocks().filter(bool))
    beside: st.SearchStrategy[Fields] = st.sampled_from(
        (
            {},
            {"proxyProtocol": {"version": "V2"}},
            {"proxyProtocol": {}},
            {"tunnel": {"targetHost": "x.example.com", "targetPort": 443}},
            {"tunnel": {"targetHost": "10.9.9.9", "targetPort": 443, "protocol": "POST"}},
        )
    )
    budget = some(
        percent=st.sampled_from((0, 12.5, 100)), minRetryConcurrency=st.sampled_from((0, 7))
    )
    own = some(portLevelSettings=st.lists(ported, max_size=2), retryBudget=budget)
    made = together(_blocks(), own, beside)
    return made.filter(lambda policy: any(value != [] for value in policy.values()))


def _blocks() -> st.SearchStrategy[Fields]:
    return some(
        loadBalancer=_load_balancers(),
        connectionPool=_pools(),
        outlierDetection=_outlier_detections(),
        tls=_tls(),
    )


def _load_balancers() -> st.SearchStrategy[Fields]:
    simple = st.sampled_from(
        ("RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST", "LEAST_CONN", "UNSPECIFIED")
    )
    how: st.SearchStrategy[Fields] = st.one_of(
        st.just({}),
        simple.map(lambda name: {"simple": name}),
        _hashes().map(lambda hashing: {"consistentHash": hashing}),
    )
    warmup = together(
        st.fixed_dictionaries({"duration": st.sampled_from(DURATIONS)}),
        some(
            minimumPercent=st.sampled_from((0, 0.5, 100)),
            aggression=st.sampled_from((0.001, 1, 1e6)),
        ),
    )
    near: st.SearchStrategy[Fields] = st.one_of(
        st.just({}),
        _localities().map(lambda setting: {"localityLbSetting": setting}),
        _zones().map(lambda setting: {"zoneAwareLbSetting": setting}),
    )
    more = some(warmup=warmup, warmupDurationSecs=st.sampled_from(DURATIONS))
    return together(how, near, more)


def _hashes() -> st.SearchStrategy[Fields]:
    cookie = together(
        st.just({"name": "c"}),
        some(
            path=st.sampled_from(("/", "/a b")),
            ttl=st.sampled_from(("0s", *DURATIONS)),
            attributes=st.just([{"name": "SameSite", "value": "Strict"}, {"name": "Secure"}]),
        ),
    )
    of = st.one_of(
        st.just({"httpHeaderName": "x-user"}),
        cookie.map(lambda each: {"httpCookie": each}),
        st.booleans().map(lambda value: {"useSourceIp": value}),
        st.just({"httpQueryParameterName": "ä"}),
    )
    how: st.SearchStrategy[Fields] = st.sampled_from(
        (
            {},
            {"minimumRingSize": 8_388_608},
            {"ringHash": {}},
            {"ringHash": {"minimumRingSize": 5_000}},
            {"maglev": {}},
            {"maglev": {"tableSize": 2}},
            {"maglev": {"tableSize": 4_999_999}},
        )
    )
    return together(of, how)


def _localities() -> st.SearchStrategy[Fields]:
    place = st.sampled_from(PLACES)
    split = st.builds(
        lambda start, one, other: {
            "from": start,
            "to": {one: 100} if one == other else {one: 1, other: 99},
        },
        place,
        place,
        place,
    )
    how = st.one_of(
        st.lists(split, max_size=2).map(lambda rules: {"distribute": rules}),
        _failovers(),
    )
    enabled = some(enabled=st.booleans())
    return together(how, enabled)


def _failovers() -> st.SearchStrategy[Fields]:
    labels = st.sampled_from(("app", "version=v1", "topology.istio.io/network"))
    return some(
        failover=st.just([{"from": "eu", "to": "us"}, {"from": "us", "to": "asia"}]),
        failoverPriority=st.lists(labels, max_size=3, unique=True),
    )


def _zones() -> st.SearchStrategy[Fields]:
    own = some(enabled=st.booleans(), minClusterSize=st.sampled_from((1, 6, 4_294_967_295)))
    return together(own, _failovers())


def _pools() -> st.SearchStrategy[Fields]:
    counts, times = st.sampled_from(COUNTS), st.sampled_from(DURATIONS)
    tcp = some(
        maxConnections=counts,
        connectTimeout=times,
        tcpKeepalive=some(probes=st.sampled_from((0, 9)), time=times, interval=times),
        maxConnectionDuration=times,
        idleTimeout=st.sampled_from(("0s", *DURATIONS)),
    )
    http = some(
        http1MaxPendingRequests=counts,
        http2MaxRequests=counts,
        maxRequestsPerConnection=counts,
        maxRetries=counts,
        idleTimeout=times,
        h2UpgradePolicy=st.sampled_from(("DEFAULT", "UPGRADE", "DO_NOT_UPGRADE")),
        maxConcurrentStreams=counts,
        http2KeepAlive=st.fixed_dictionaries({"interval": times, "timeout": times}),
    )
    clients = st.just({"useClientProtocol": True})
    return some(tcp=tcp, http=st.one_of(http, clients)).filter(bool)


def _outlier_detections() -> st.SearchStrategy[Fields]:
    counts = st.sampled_from((0, 1, 4_294_967_295))
    percent, times = st.sampled_from((0, 1, 100)), st.sampled_from(DURATIONS)
    split = counts.map(
        lambda number: {
            "splitExternalLocalOriginErrors": True,
            "consecutiveLocalOriginFailures": number,
        }
    )
    rest = some(
        consecutiveGatewayErrors=counts,
        consecutive5xxErrors=counts,
        interval=times,
        baseEjectionTime=times,
        maxEjectionPercent=percent,
        minHealthPercent=percent,
        outlierDetectionHttpErrorCodes=st.sampled_from(([100], [500, 503], [599, 599])),
    )
    return together(rest, st.one_of(st.just({}), split))


def _tls() -> st.SearchStrategy[Fields]:
    files = {"clientCertificate": "/etc/cert.pem", "privateKey": "/etc/key.pem"}
    mode = st.sampled_from(
        (
            {"mode": "DISABLE"},
            {"mode": "ISTIO_MUTUAL"},
            {"mode": "SIMPLE"},
            {"mode": "SIMPLE", "credentialName": "b"},
            {"mode": "MUTUAL", "credentialName": "a"},
            {"mode": "MUTUAL", **files},
        )
    )
    checked = some(
        caCertificates=st.just("/etc/roots.pem"),
        caCrl=st.just("/etc/crl.pem"),
        subjectAltNames=st.sampled_from((["x.example.com"], ["a", "ä"])),
        sni=st.sampled_from(("x.example.com", "x")),
    )
    named = checked.map(lambda fields: {k: v for k, v in fields.items() if k[:2] != "ca"})
    unchecked = st.just({"insecureSkipVerify": True})
    plain = together(mode, st.one_of(named, unchecked))
    rooted = together(mode.filter(lambda how: "credentialName" not in how), checked)
    return st.one_of(plain, rooted)
