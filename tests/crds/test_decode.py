import base64
from dataclasses import fields
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crds import core
from crds.convert import MAX_ITEMS
from crds.decode import decode, identify
from crds.kinds import KINDS
from crds.meta import Key
from crds.peer_authentication import Mode, MutualTLS, PeerAuthentication
from crds.scalars import Duration
from crds.virtual_service import VirtualService
from tests.crds.specs import NETWORKING, decoded, short, told

ROUTE = "route: [{destination: {host: a}}]"


def virtual_service(http: str) -> str:
    return f"hosts: [a]\nhttp:\n- {http}\n"


def test_an_object_becomes_a_value() -> None:
    found = decode(
        {
            "apiVersion": NETWORKING,
            "kind": "VirtualService",
            "metadata": {
                "name": "x",
                "labels": {"a": "b"},
                "creationTimestamp": "2025-01-01T00:00:00Z",
                "managedFields": [{}],
            },
            "spec": {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]},
            "status": {"anything": 1},
        }
    )
    assert found.problems == ()
    assert found.key == Key("networking.istio.io", "VirtualService", "default", "x")
    assert isinstance(found.object, VirtualService)
    assert found.object.hosts == ("a",)
    assert found.object.meta.labels == {"a": "b"}
    assert found.object.meta.created == "2025-01-01T00:00:00Z"
    assert isinstance(hash(found.object), int)


def _raw(key: Key) -> dict[str, object]:
    return {"apiVersion": NETWORKING, "kind": key.kind, "metadata": {"name": key.name}}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_all_served_versions_are_read(version: str) -> None:
    spec = virtual_service(ROUTE)
    assert told(decoded("VirtualService", spec, api_version=f"networking.istio.io/{version}")) == []


def test_another_version_is_an_error_that_names_those_served() -> None:
    found = decoded("VirtualService", virtual_service(ROUTE), api_version="networking.istio.io/v2")
    assert told(found) == ["unknown-version apiVersion"]
    assert "networking.istio.io/v1, " in found.problems[0].message
    pod = decoded("Pod", "{}", api_version="v2")
    assert pod.problems[0].message == "Pod is served as v1"


@pytest.mark.parametrize("kind", ["Deployment", "Widget", "ClusterRole"])
def test_another_kind_is_no_problem(kind: str) -> None:
    found = decode({"apiVersion": "a/v1", "kind": kind, "metadata": {"name": "X_y"}})
    assert (found.key, found.object, found.problems) == (None, None, ())
    found = decode({"apiVersion": "a/v1", "kind": kind, "metadata": {"name": "x"}})
    assert found.key == Key("a", kind, "" if kind == "ClusterRole" else "default", "x")
    assert (found.object, found.problems) == (None, ())


def test_a_kustomization_without_metadata_is_no_problem() -> None:
    raw = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    assert decode(raw).problems == ()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"])
@pytest.mark.parametrize(
    ("metadata", "problem"),
    [({}, "no-name metadata.name"), ({"name": "My_App"}, "bad-name metadata.name")],
)
def test_a_workload_without_identity_is_an_error(
    kind: str, metadata: dict[str, str], problem: str
) -> None:
    """Its pods would be missing without a word."""
    found = identify({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata})
    assert found.key is None
    assert [short(each) for each in found.problems] == [problem]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"apiVersion": None}, "no-type apiVersion"),
        ({"apiVersion": 1}, "no-type apiVersion"),
        ({"apiVersion": "a/b/c"}, "bad-api-version apiVersion"),
        ({"apiVersion": "/v1"}, "bad-api-version apiVersion"),
        ({"kind": ""}, "no-type kind"),
        ({"kind": "a\n"}, "no-type kind"),
        ({"metadata": None}, "no-name metadata.name"),
        ({"metadata": []}, "no-name metadata.name"),
        ({"metadata": {"name": True}}, "wrong-type metadata.name"),
        ({"metadata": {"name": "X"}}, "bad-name metadata.name"),
        ({"metadata": {"name": "x" * 300}}, "bad-name metadata.name"),
        ({"metadata": {"name": "x", "namespace": "A"}}, "bad-name metadata.namespace"),
        ({"metadata": {"name": "x", "namespace": 1}}, "wrong-type metadata.namespace"),
    ],
)
def test_an_object_without_identity_is_an_error(change: dict[str, object], problem: str) -> None:
    raw = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, **change}
    found = identify(raw)
    assert found.key is None
    assert [short(each) for each in found.problems] == [problem]


def test_what_is_no_mapping_is_no_object() -> None:
    assert [short(each) for each in identify([1]).problems] == ["wrong-type"]


@pytest.mark.parametrize(
    ("http", "problem"),
    [
        ("{rout: []}", "~unknown-field spec.http[0].rout"),
        ("{1: a}", '~unknown-field spec.http[0]["a int"]'),
        ("{'a.b c': 1}", '~unknown-field spec.http[0]["a.b c"]'),
        ("{timeout: 5}", "wrong-type spec.http[0].timeout"),
        ("{timeout: soon}", "bad-duration spec.http[0].timeout"),
        ("{timeout: []}", "wrong-type spec.http[0].timeout"),
        ("{name: 1}", "wrong-type spec.http[0].name"),
        ("{name: !!binary YQ==}", "wrong-type spec.http[0].name"),
        ("{match: {}}", "wrong-type spec.http[0].match"),
        ("{match: [null]}", "null-entry spec.http[0].match[0]"),
        ("{match: [3]}", "wrong-type spec.http[0].match[0]"),
        ("{match: [{headers: []}]}", "wrong-type spec.http[0].match[0].headers"),
        ("{match: [{headers: {a: null}}]}", "null-entry spec.http[0].match[0].headers.a"),
        ("{match: [{headers: {1.5: {}}}]}", 'wrong-type spec.http[0].match[0].headers["a float"]'),
        ("{match: [{ignoreUriCase: 'true'}]}", "wrong-type spec.http[0].match[0].ignoreUriCase"),
        ("{match: [{port: -1}]}", "out-of-range spec.http[0].match[0].port"),
        ("{match: [{port: 1.5}]}", "wrong-type spec.http[0].match[0].port"),
        ("{match: [{port: true}]}", "wrong-type spec.http[0].match[0].port"),
        ("{match: [{port: http}]}", "wrong-type spec.http[0].match[0].port"),
        ("{match: [{port: .nan}]}", "wrong-type spec.http[0].match[0].port"),
        ("{match: [{uri: {exact: a, regex: b}}]}", "one-of spec.http[0].match[0].uri"),
        ("{corsPolicy: {unmatchedPreflights: forward}}",
         "bad-enum spec.http[0].corsPolicy.unmatchedPreflights"),
        ("{corsPolicy: {unmatchedPreflights: 1}}",
         "bad-enum spec.http[0].corsPolicy.unmatchedPreflights"),
        ("{mirrorPercentage: {value: .inf}}", "wrong-type spec.http[0].mirrorPercentage.value"),
        ("{mirrorPercentage: {value: true}}", "wrong-type spec.http[0].mirrorPercentage.value"),
        ("{match: [{gateways: [1, a]}]}", "wrong-type spec.http[0].match[0].gateways[0]"),
        ("{mirrorPercentage: {value: x}}", "wrong-type spec.http[0].mirrorPercentage.value"),
        ("{mirrorPercent: 1, mirror_percent: 2}", "duplicate-field spec.http[0].mirror_percent"),
        ("{directResponse: {status: 200, body: {bytes: '*'}}}",
         "bad-base64 spec.http[0].directResponse.body.bytes"),
        ("{directResponse: {status: 200, body: {bytes: 1}}}",
         "wrong-type spec.http[0].directResponse.body.bytes"),
        ('{name: "\\ud800"}', "bad-text spec.http[0].name"),
    ],
)  # fmt: skip
def test_each_fault_has_its_path(http: str, problem: str) -> None:
    assert problem in told(decoded("VirtualService", virtual_service(http)))


def test_a_slip_in_a_name_gets_a_hint() -> None:
    (problem,) = decoded("VirtualService", virtual_service(f"{ROUTE}\n  timout: 1s")).problems
    assert problem.message.endswith("did you mean `timeout`?")


def test_a_slip_at_the_top_gets_a_hint() -> None:
    raw = {**_raw(Key("", "VirtualService", "", "x")), "specs": {}}
    assert "~unknown-field specs" in [short(each) for each in decode(raw).problems]


def test_a_value_of_the_wrong_type_says_how_to_write_it() -> None:
    found = decoded("DestinationRule", "host: a\nsubsets: [{name: a, labels: {version: 1}}]")
    assert [str(each) for each in found.problems] == [
        "error[wrong-type] DestinationRule shop/x: spec.subsets[0].labels.version: "
        "must be a string, not a number: put it in quotes (got '1')"
    ]


def test_proto_json_s_leniency() -> None:
    text = base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("=")
    spec = virtual_service(
        "{match: null, timeout: 1m30s, mirror_percent: '5', mirrorPercentage: {value: 1},"
        f" mirror: {{host: b}}, directResponse: {{status: 200.0, body: {{bytes: {text}}}}}}}"
    )
    found = decoded("VirtualService", spec)
    assert isinstance(found.object, VirtualService)
    (route,) = found.object.http
    assert route.timeout == Duration(90_000_000_000)
    assert route.mirror_percent == 5
    assert route.direct_response is not None
    assert route.direct_response.status == 200
    assert route.direct_response.body is not None
    assert route.direct_response.body.bytes_ == b"\xff\xfe"


def test_too_many_items_are_refused() -> None:
    many = {"hosts": ["a"] * (MAX_ITEMS + 1), "http": [{"headers": {"request": {"set": {}}}}]}
    raw = {**_raw(Key("", "VirtualService", "", "x")), "spec": many}
    assert "too-many spec.hosts" in [short(each) for each in decode(raw).problems]
    selector = {str(number): "" for number in range(MAX_ITEMS + 1)}
    raw = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}
    found = decode({**raw, "spec": {"selector": selector}})
    assert [short(each) for each in found.problems] == ["too-many spec.selector"]


def test_kubernetes_objects_may_have_more_fields_than_are_read() -> None:
    raw = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {
            "serviceAccountName": "a",
            "nodeName": "n",
            "containers": [{"name": "app", "image": "i", "ports": [{"containerPort": 80}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}, {"ip": "::1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    found = decode(raw)
    assert found.problems == ()
    assert isinstance(found.object, core.Pod)
    assert found.object.service_account == "a"
    assert found.object.ready
    assert found.object.addresses == ("10.0.0.1", "::1")
    assert found.object.containers[0].ports[0].container_port == 80


def test_a_service_has_named_and_numbered_target_ports() -> None:
    spec = "{clusterIP: None, ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 8081}]}"
    found = decoded("Service", spec, api_version="v1").object
    assert isinstance(found, core.Service)
    assert [port.target_port for port in found.ports] == ["http", 8081]
    assert found.headless
    assert found.addresses == ()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("{clusterIPs: [10.0.0.1, 10.0.0.300]}", "bad-address spec.clusterIP"),
        ("{ports: [{port: 0}]}", "bad-port spec.ports[0].port"),
        ("{ports: [{port: 80, targetPort: 70000}]}", "bad-port spec.ports[0].targetPort"),
    ],
)
def test_a_service_that_envoy_would_refuse_is_an_error(spec: str, problem: str) -> None:
    assert told(decoded("Service", spec, api_version="v1")) == [problem]


def test_a_port_number_may_be_given_once_for_each_protocol() -> None:
    spec = "{ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}, {port: 53}]}"
    assert told(decoded("Service", spec, api_version="v1")) == ["~duplicate spec.ports[2].port"]


def test_any_mapping_will_do() -> None:
    found = decode(
        MappingProxyType(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": MappingProxyType({"name": "x"}),
                "spec": MappingProxyType({"selector": MappingProxyType({"a": "b"})}),
            }
        )
    )
    assert isinstance(found.object, core.Service)
    assert found.object.selector == {"a": "b"}


@pytest.mark.parametrize(
    ("slice_", "problems"),
    [
        ({"endpoints": [{"addresses": ["x"]}]}, ["bad-address endpoints[0].addresses"]),
        ({"endpoints": [{"addresses": ["x"]}], "addressType": "FQDN"}, []),
        ({"endpoints": [{"addresses": ["10.0.0.1", "::1"]}], "ports": [{"port": 80}, {}]}, []),
        ({"ports": [{"port": 70_000}]}, ["bad-port ports[0].port"]),
    ],
)
def test_endpoint_slices(slice_: dict[str, object], problems: list[str]) -> None:
    raw = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "x"}}
    found = decode({**raw, **slice_})
    assert told(found) == problems


def test_an_endpoint_is_ready_unless_it_says_no() -> None:
    assert core.Endpoint().ready
    assert not core.Endpoint(conditions=core.EndpointConditions(ready=False)).ready


def test_a_pod_with_a_bad_address_is_an_error() -> None:
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
    found = decode({**raw, "status": {"podIP": "x"}})
    assert told(found) == ["bad-address status.podIP"]
    pod = decode(raw).object
    assert isinstance(pod, core.Pod)
    assert (pod.addresses, pod.service_account, pod.ready) == ((), "default", False)


@pytest.mark.parametrize("kind", ["Namespace", "Node", "ServiceAccount", "ConfigMap"])
def test_objects_that_are_little_more_than_a_name(kind: str) -> None:
    found = decode({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}})
    assert found.object is not None
    assert found.problems == ()
    scoped = kind in ("Namespace", "Node")
    assert found.object.meta.namespace == ("" if scoped else "default")


SPEC_NAMES = sorted(
    {each.metadata.get("wire", each.name) for kind in KINDS.values() for each in fields(kind.type)}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**400, max_value=10**401)
    | st.floats()
    | st.text()
    | st.sampled_from(["a", "1s", "80", "*", "mesh", "", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            [*SPEC_NAMES, "exact", "regex", "match", "route", "destination", "host", "uri",
             "headers", "trafficPolicy", "loadBalancer", "simple", "portLevelSettings", "number"]
        )
        | st.text(max_size=5) | st.integers() | st.none() | st.tuples(st.booleans()),
        inner,
        max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@given(
    kind=st.sampled_from(sorted(KINDS)),
    spec=JSON,
    metadata=JSON | st.just({"name": "x"}),
    more=st.dictionaries(st.sampled_from(["status", "data", "ports", "endpoints", "x"]), JSON),
)
def test_no_input_makes_it_raise(
    kind: tuple[str, str], spec: object, metadata: object, more: dict[str, object]
) -> None:
    group, name = kind
    version = f"{group}/{KINDS[kind].versions[0]}".removeprefix("/")
    raw = {"apiVersion": version, "kind": name, "metadata": metadata, "spec": spec, **more}
    found = decode(raw)
    assert (found.object is None) == any(p.severity == "error" for p in found.problems)
    assert all(str(problem).encode() for problem in found.problems)


@given(JSON)
def test_no_value_at_the_top_makes_it_raise(raw: object) -> None:
    identify(raw)


def test_nesting_of_any_depth_does_no_harm() -> None:
    deep: object = "a"
    for _ in range(100_000):
        deep = {"exact": [deep]}
    raw = {**_raw(Key("", "VirtualService", "", "x")), "spec": {"hosts": deep, "http": [deep]}}
    assert decode(raw).object is None


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        ("telemetry.istio.io", "Telemetry", ["~unsupported-kind kind"]),
        ("apps", "Deployment", []),
        ("example.com", "Telemetry", []),
    ],
)
def test_a_kind_of_istio_s_that_is_not_read_is_told_of(
    group: str, kind: str, expected: list[str]
) -> None:
    """Nobody may rely on a policy that is not enforced."""
    found = decode({"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "x"}})
    assert (found.object, [short(problem) for problem in found.problems]) == (None, expected)
    assert all(problem.object == found.key for problem in found.problems)


def test_a_number_is_a_name_as_kubectl_has_it() -> None:
    spec = "{selector: {matchLabels: {app: a}}, portLevelMtls: {8080: {mode: STRICT}}}"
    found = decoded("PeerAuthentication", spec, api_version="security.istio.io/v1")
    assert isinstance(found.object, PeerAuthentication)
    assert found.object.port_level_mtls == {"8080": MutualTLS(mode=Mode.STRICT)}
