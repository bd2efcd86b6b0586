from crds.mesh_config import (
    CONNECT_TIMEOUT,
    DEFAULT_MESH_CONFIG,
    mesh_config,
)
from crds.outbound_policy import OutboundTrafficPolicyMode
from crds.scalars import Duration
from tests.crds.specs import short


def test_nothing_gives_istio_s_defaults() -> None:
    assert mesh_config({}) == (DEFAULT_MESH_CONFIG, ())
    assert DEFAULT_MESH_CONFIG.trust_domain == "cluster.local"
    assert DEFAULT_MESH_CONFIG.outbound_traffic_policy.mode == "ALLOW_ANY"


def test_what_is_set_counts() -> None:
    config, problems = mesh_config(
        {
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
            "rootNamespace": "root",
            "connectTimeout": "1s",
        }
    )
    assert problems == ()
    assert config.outbound_traffic_policy.mode is OutboundTrafficPolicyMode.REGISTRY_ONLY
    assert config.root_namespace == "root"
    assert config.connect_timeout == Duration(1_000_000_000)


def test_the_default_of_retries_is_checked_like_that_of_a_rule() -> None:
    config, problems = mesh_config(
        {"defaultHttpRetryPolicy": {"attempts": 1, "retryOn": "nothing"}}
    )
    assert [short(problem) for problem in problems] == [
        "bad-condition defaultHttpRetryPolicy.retryOn"
    ]
    config, problems = mesh_config({"defaultHttpRetryPolicy": {"attempts": 1}})
    assert problems == ()
    assert config.default_http_retry_policy is not None


def test_what_cannot_be_used_keeps_its_default() -> None:
    config, problems = mesh_config({"connectTimeout": 1, "rootNamespace": "r"})
    assert [short(problem) for problem in problems] == ["wrong-type connectTimeout"]
    assert (config.connect_timeout, config.root_namespace) == (CONNECT_TIMEOUT, "r")


def test_fields_of_istio_s_and_others_are_told_apart() -> None:
    _, problems = mesh_config({"accessLogFile": "a", "acessLog": "b"})
    found = [short(problem) for problem in problems]
    assert found == ["~not-translated accessLogFile", "~unknown-field acessLog"]


def test_the_default_traffic_policy_is_checked_like_a_rule_s() -> None:
    _, problems = mesh_config(
        {
            "defaultTrafficPolicy": {
                "connectionPool": {},
                "outlierDetection": {"consecutiveErrors": 1},
            }
        }
    )
    assert [f"{problem.code} {problem.path}" for problem in problems] == [
        "empty defaultTrafficPolicy.connectionPool",
        "unsupported defaultTrafficPolicy.outlierDetection.consecutiveErrors",
    ]


def _of_proxies(default: object) -> tuple[bool, list[str]]:
    config, problems = mesh_config({"defaultConfig": default})
    return config.captures_dns, [short(problem) for problem in problems]


def test_sidecars_are_asked_for_addresses_if_the_default_says_so() -> None:
    """By the variable of Istio's agent; that addresses are allocated is so anyway."""
    metadata = {"ISTIO_META_DNS_CAPTURE": "true", "ISTIO_META_DNS_AUTO_ALLOCATE": "true"}
    assert _of_proxies({"proxyMetadata": metadata}) == (True, [])
    assert _of_proxies({"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "0"}}) == (False, [])
    assert _of_proxies({"proxyMetadata": {}}) == (False, [])


def test_a_default_without_an_effect_is_told_of() -> None:
    metadata = {"ISTIO_META_DNS_AUTO_ALLOCATE": "false", "OTHER": "secret"}
    assert _of_proxies({"proxyMetadata": metadata, "tracing": {}, "trace": {}}) == (
        False,
        [
            "~not-translated defaultConfig.tracing",
            "~unknown-field defaultConfig.trace",
            "~not-translated defaultConfig.proxyMetadata[ISTIO_META_DNS_AUTO_ALLOCATE]",
            "~not-translated defaultConfig.proxyMetadata[OTHER]",
        ],
    )


def test_whether_sidecars_are_asked_for_addresses_is_true_or_false() -> None:
    captures, problems = _of_proxies({"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "yes"}})
    assert (captures, problems) == (
        False,
        ["bad-value defaultConfig.proxyMetadata[ISTIO_META_DNS_CAPTURE]"],
    )
    assert _of_proxies("text") == (False, ["wrong-type defaultConfig"])
