"""The injector's settings, as an administrator writes them."""

import pytest
import yaml

from crds.problem import Problem, Severity
from tests.webhook.pods import MESH, pod, settings
from webhook import raw
from webhook.inject import Injected, inject
from webhook.settings import InjectSettings, RootSource
from webhook.values import NO_VALUES, injection_values, with_values

ALL = """
policy: disabled
rootsFrom: CLUSTER_TRUST_BUNDLE
cni: {enabled: true}
global:
  imagePullPolicy: Always
  imagePullSecrets: [regcred]
  multiCluster: {clusterName: east}
  network: one
  proxy_init: {image: "init:1", resources: {requests: {cpu: 1m}}}
  proxy:
    image: "envoy:1"
    resources: {limits: {memory: 1Gi}}
    logLevel: info
    componentLogLevel: "http:debug"
    concurrency: 4
    drainDuration: 20s
    terminationDrainDuration: 7s
    includeIPRanges: 10.0.0.0/8
    excludeIPRanges: 10.1.0.0/16
    includeInboundPorts: "*"
    excludeInboundPorts: "9000"
    includeOutboundPorts: "80"
    excludeOutboundPorts: "81"
    startupProbe: {failureThreshold: 9}
sidecarInjectorWebhook:
  neverInjectSelector: [{matchLabels: {role: database}}]
  alwaysInjectSelector: [{matchExpressions: [{key: team, operator: Exists}]}]
  rewriteAppHTTPProbe: false
  injectedAnnotations: {note: hello}
  nativeSidecars: false
"""


def read(text: str) -> tuple[InjectSettings, tuple[Problem, ...]]:
    values, problems = injection_values(yaml.safe_load(text))
    errors = [each for each in problems if each.severity is Severity.ERROR]
    return with_values(settings(), NO_VALUES if errors else values), problems


def injected(text: str, **labels: str) -> Injected:
    made, problems = read(text)
    assert problems == ()
    return inject(pod(labels=labels), MESH, made)


def test_nothing_said_changes_nothing() -> None:
    assert read("{}") == (settings(), ())


def test_all_of_it_is_read() -> None:
    made, problems = read(ALL)
    assert problems == ()
    assert (made.by_default, made.redirects, made.native_sidecar) == (False, False, False)
    assert (made.roots, made.cluster_id, made.network) == (
        RootSource.CLUSTER_TRUST_BUNDLE,
        "east",
        "one",
    )
    assert (made.init_image, made.init_resources) == ("init:1", {"requests": {"cpu": "1m"}})
    assert made.resources == {"limits": {"memory": "1Gi"}}
    assert (made.image_pull_policy, made.image_pull_secrets) == ("Always", ("regcred",))
    assert (made.concurrency, made.drain_seconds, made.termination_drain_seconds) == (4, 20, 7)
    assert made.startup_seconds == 9
    assert made.injected_annotations == {"note": "hello"}
    assert made.never[0].selects({"role": "database"})
    assert made.always[0].selects({"team": "a"})
    assert made.default_annotations == {
        "sidecar.istio.io/proxyImage": "envoy:1",
        "sidecar.istio.io/logLevel": "info",
        "sidecar.istio.io/componentLogLevel": "http:debug",
        "sidecar.istio.io/rewriteAppHTTPProbers": "false",
        "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/8",
        "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.1.0.0/16",
        "traffic.sidecar.istio.io/includeInboundPorts": "*",
        "traffic.sidecar.istio.io/excludeInboundPorts": "9000",
        "traffic.sidecar.istio.io/includeOutboundPorts": "80",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "81",
    }


def test_a_default_is_what_a_pod_has_that_says_nothing() -> None:
    made = injected("global: {proxy: {image: 'envoy:1', excludeInboundPorts: '9000'}}")
    proxy = raw.containers(made.pod)[1]
    assert proxy["image"] == "envoy:1"
    # The control plane has to know of the port, or clients would offer mutual TLS to it.
    name = "traffic.sidecar.istio.io/excludeInboundPorts"
    assert raw.annotations(made.pod)[name] == "9000"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("global: {proxy: {logLevel: loud}}", "global.proxy.logLevel"),
        ("global: {proxy: {includeIPRanges: everything}}", "global.proxy.includeIPRanges"),
        ("global: {proxy: {drainDuration: soon}}", "global.proxy"),
        ("global: {proxy: {resources: []}}", "global.proxy.resources"),
        (
            "global: {proxy: {startupProbe: {failureThreshold: 0}}}",
            "global.proxy.startupProbe.failureThreshold",
        ),
        ("policy: sometimes", "policy"),
        (
            "sidecarInjectorWebhook: {neverInjectSelector: [{matchExpressions: [{operator: In}]}]}",
            "sidecarInjectorWebhook.neverInjectSelector[0].matchExpressions[0].key",
        ),
        (
            "sidecarInjectorWebhook: {alwaysInjectSelector:"
            " [{matchExpressions: [{key: a, operator: In}]}]}",
            "sidecarInjectorWebhook.alwaysInjectSelector[0].matchExpressions[0].values",
        ),
    ],
)
def test_what_cannot_be_is_an_error_at_its_place(text: str, path: str) -> None:
    _, problems = read(text)
    assert [(each.path, each.severity) for each in problems] == [(path, Severity.ERROR)]


def test_a_name_that_is_none_is_a_warning() -> None:
    _, problems = read("global: {proxy: {imgae: x}}")
    assert [(each.path, each.severity) for each in problems] == [
        ("global.proxy.imgae", Severity.WARNING)
    ]
