import copy
import time
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.decode import decode
from heddle.local.addresses import PROXY_PORT_SUBNETS, Allocation, Subnets
from heddle.local.expand import Expanded, expand
from webhook import raw

SHOP = """
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {
  selector: {app: web}, ports: [{name: http, port: 80, targetPort: web, appProtocol: http}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {
  replicas: 2, selector: {matchLabels: {app: web}}, template: {
    metadata: {labels: {app: web, version: v1}, annotations: {a: b}},
    spec: {serviceAccountName: web, containers: [
      {name: web, image: web, ports: [{name: web, containerPort: 8080}]}]}}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web, namespace: shop},
 spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}}
"""

Raw = Mapping[str, object]


def objects(text: str) -> list[Raw]:
    return list(yaml.safe_load_all(text))


def expanded(text: str, **options: object) -> Expanded:
    subnets = options.pop("subnets", Subnets())
    assert isinstance(subnets, Subnets)
    readiness = options.pop("readiness", {})
    assert isinstance(readiness, dict)
    return expand(objects(text), Allocation(subnets=subnets), readiness)


def of_kind(result: Expanded, kind: str) -> list[Raw]:
    return [o for o in result.objects if o.get("kind") == kind]


def name(raw_object: Raw) -> str:
    return raw.text(raw.metadata(raw_object).get("name"))


def address(pod: Raw) -> str:
    return raw.text(raw.mapping(pod.get("status")).get("podIP"))


def codes(result: Expanded) -> list[str]:
    return [problem.code for problem in result.problems]


def deployment(labels: str = "app: web", replicas: str = "1", container: str = "name: web") -> str:
    return f"""
{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web, namespace: shop}}, spec: {{
  replicas: {replicas}, selector: {{matchLabels: {{app: web}}}}, template: {{
    metadata: {{labels: {{{labels}}}}}, spec: {{containers: [{{{container}}}]}}}}}}}}
"""


def service(spec: str = "ports: [{port: 80}]", selector: str = "app: web") -> str:
    return f"""
{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop}},
 spec: {{selector: {{{selector}}}, {spec}}}}}
"""


# --- pods ---


def test_a_deployment_becomes_pods_that_run() -> None:
    pods = of_kind(expanded(SHOP), "Pod")
    assert len(pods) == 2
    for pod in pods:
        labels, metadata = raw.labels(pod), raw.metadata(pod)
        template_hash = labels["pod-template-hash"]
        assert labels == {"app": "web", "version": "v1", "pod-template-hash": template_hash}
        assert name(pod).startswith(f"web-{template_hash}-")
        assert raw.annotations(pod) == {"a": "b"}
        (owner,) = raw.objects(metadata["ownerReferences"])
        assert (owner["kind"], owner["name"]) == ("ReplicaSet", f"web-{template_hash}")
        assert raw.spec(pod)["serviceAccountName"] == "web"
        assert raw.mapping(pod["status"])["phase"] == "Running"


def test_names_uids_and_addresses_are_each_pods_own() -> None:
    pods = of_kind(expanded(deployment(replicas="50")), "Pod")
    assert len({name(pod) for pod in pods}) == 50
    assert len({raw.text(raw.metadata(pod)["uid"]) for pod in pods}) == 50
    assert len({address(pod) for pod in pods}) == 50


def test_another_template_makes_other_pods_and_more_replicas_keep_those_there() -> None:
    one, two = (of_kind(expanded(deployment(replicas=n)), "Pod") for n in ("1", "2"))
    other = of_kind(expanded(deployment(container="name: web, image: new")), "Pod")
    assert one[0] in two
    assert name(other[0]) != name(one[0])
    assert raw.metadata(other[0])["uid"] != raw.metadata(one[0])["uid"]


def test_without_an_account_a_pod_has_the_default_one() -> None:
    (pod,) = of_kind(expanded(deployment()), "Pod")
    assert raw.spec(pod)["serviceAccountName"] == "default"


def test_a_stateful_set_numbers_its_pods() -> None:
    text = deployment(replicas="2").replace("Deployment", "StatefulSet")
    assert sorted(map(name, of_kind(expanded(text), "Pod"))) == ["web-0", "web-1"]


@pytest.mark.parametrize("kind", ["ReplicaSet", "DaemonSet"])
def test_other_workloads_have_pods_too(kind: str) -> None:
    (pod,) = of_kind(expanded(deployment().replace("Deployment", kind)), "Pod")
    assert name(pod).startswith("web-")


def test_a_written_pod_is_completed_in_its_place() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a}]}}"
    result = expanded(text)
    pod = result.objects[0]
    assert raw.metadata(pod)["namespace"] == "default"
    assert address(pod).startswith("10.201.")


def test_no_replicas_is_no_pods() -> None:
    assert of_kind(expanded(deployment(replicas="0")), "Pod") == []


# --- addresses ---


def test_the_same_input_gives_the_same_output_in_any_order() -> None:
    given_objects = objects(SHOP)
    one = expand(given_objects, Allocation())
    two = expand(given_objects[::-1], Allocation())
    assert sorted(map(repr, one.objects)) == sorted(map(repr, two.objects))
    assert one.allocation == two.allocation


def test_addresses_stay_when_others_come_and_go() -> None:
    small = Subnets(pods="10.0.0.0/26", services="10.1.0.0/26")
    web = objects(deployment(replicas="5"))
    other = [
        {**o, "metadata": {"name": "other", "namespace": "shop"}}
        for o in objects(deployment(replicas="20"))
    ]
    first = expand(web, Allocation(subnets=small))
    both = expand([*other, *web], first.allocation)
    alone = expand(other, both.allocation)
    again = expand([*other, *web], alone.allocation)
    held = dict(both.allocation.pods)
    assert first.allocation.pods.items() <= held.items()
    assert alone.allocation.pods.items() <= held.items()
    assert len(set(again.allocation.pods.values())) == 25


def test_a_pod_that_follows_another_has_another_address() -> None:
    tiny = Subnets(pods="10.0.0.0/29")
    before = expand(objects(deployment()), Allocation(subnets=tiny))
    after = expand(objects(deployment(container="name: new")), before.allocation)
    assert not set(before.allocation.pods.values()) & set(after.allocation.pods.values())


def test_addresses_of_proxy_port_mode_are_loopback() -> None:
    for pod in of_kind(expanded(SHOP, subnets=PROXY_PORT_SUBNETS), "Pod"):
        first, second = address(pod).split(".")[:2]
        assert first == "127"
        assert 64 <= int(second) < 128


def test_a_full_subnet_is_a_problem_and_the_others_run() -> None:
    result = expanded(deployment(replicas="9"), subnets=Subnets(pods="10.0.0.0/29"))
    assert len(of_kind(result, "Pod")) == 5
    assert codes(result) == ["subnet-full"] * 4


def test_an_address_that_is_written_down_is_kept_and_given_to_nobody_else() -> None:
    pod = """
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: a}]},
 status: {podIP: 10.0.0.3}}
"""
    text = f"{pod}---{deployment(replicas='4')}"
    result = expanded(text, subnets=Subnets(pods="10.0.0.0/29"))
    assert result.allocation.pods["shop/a"] == "10.0.0.3"
    assert len(set(result.allocation.pods.values())) == 5


# --- services ---


def test_a_service_has_an_address_and_the_endpoints_of_its_pods() -> None:
    result = expanded(SHOP)
    (web,), (found,) = of_kind(result, "Service"), of_kind(result, "EndpointSlice")
    assert raw.text(raw.spec(web)["clusterIP"]).startswith("10.202.")
    assert raw.labels(found)["kubernetes.io/service-name"] == "web"
    assert found["ports"] == [
        {"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}
    ]
    endpoints = raw.objects(found["endpoints"])
    addresses = [item for e in endpoints for item in (e["addresses"] or [])]  # type: ignore[attr-defined]  # JSON
    assert sorted(addresses) == sorted(address(pod) for pod in of_kind(result, "Pod"))
    assert {raw.mapping(e["targetRef"])["kind"] for e in endpoints} == {"Pod"}


@pytest.mark.parametrize("spec", ["clusterIP: None", "type: ExternalName, externalName: a.b"])
def test_no_virtual_address_where_none_is_wanted(spec: str) -> None:
    result = expanded(service(f"{spec}, ports: [{{port: 80}}]"))
    assert result.allocation.services == {}


def test_a_virtual_address_that_is_written_down_is_kept() -> None:
    result = expanded(service("clusterIP: 10.9.9.9, ports: [{port: 80}]"))
    assert result.allocation.services == {"shop/web": "10.9.9.9"}


def test_a_service_without_selector_has_the_endpoints_that_are_written_down() -> None:
    result = expanded(service().replace("selector: {app: web},", ""))
    assert of_kind(result, "EndpointSlice") == []
    assert codes(result) == []


def test_pods_of_another_namespace_are_not_selected() -> None:
    other = deployment().replace("namespace: shop", "namespace: other")
    assert codes(expanded(f"{service()}---{other}")) == ["no-endpoints"]


def test_a_pod_that_is_not_ready_is_an_endpoint_that_is_not_ready() -> None:
    text = f"{service()}---{deployment()}"
    (pod,) = of_kind(expanded(text), "Pod")
    (found,) = of_kind(expanded(text, readiness={f"shop/{name(pod)}": False}), "EndpointSlice")
    (endpoint,) = raw.objects(found["endpoints"])
    assert raw.mapping(endpoint["conditions"])["ready"] is False


def test_a_service_may_publish_pods_that_are_not_ready() -> None:
    text = f"{service('publishNotReadyAddresses: true, ports: [{port: 80}]')}---{deployment()}"
    (pod,) = of_kind(expanded(text), "Pod")
    (found,) = of_kind(expanded(text, readiness={f"shop/{name(pod)}": False}), "EndpointSlice")
    (endpoint,) = raw.objects(found["endpoints"])
    assert raw.mapping(endpoint["conditions"])["ready"] is True


def test_pods_with_a_port_at_different_numbers_are_in_different_slices() -> None:
    old = deployment("app: web, v: a", container="name: w, ports: [{name: web, containerPort: 1}]")
    new = deployment("app: web, v: b", container="name: w, ports: [{name: web, containerPort: 2}]")
    new = new.replace("metadata: {name: web,", "metadata: {name: new,")
    result = expanded(f"{service('ports: [{port: 80, targetPort: web}]')}---{old}---{new}")
    found = of_kind(result, "EndpointSlice")
    ports = sorted(str(p["port"]) for s in found for p in raw.objects(s["ports"]))
    assert ports == ["1", "2"]
    assert len({name(s) for s in found}) == 2


def test_a_slice_holds_a_hundred_endpoints_at_most() -> None:
    found = of_kind(expanded(f"{service()}---{deployment(replicas='150')}"), "EndpointSlice")
    assert sorted(len(raw.objects(s["endpoints"])) for s in found) == [50, 100]


def test_everything_that_comes_out_can_be_decoded() -> None:
    for raw_object in expanded(SHOP).objects:
        assert decode(raw_object).problems == ()


# --- the rest ---


def test_everything_else_passes_through_as_the_very_same_object() -> None:
    given_objects = objects(SHOP)
    result = expand(given_objects, Allocation())
    others = [o for o in given_objects if o["kind"] != "Service"]
    assert all(any(o is out for out in result.objects) for o in others)


def test_what_is_only_named_is_there_too() -> None:
    result = expanded(deployment())
    (account,), (space,) = of_kind(result, "ServiceAccount"), of_kind(result, "Namespace")
    assert raw.metadata(account) == {"name": "default", "namespace": "shop"}
    assert raw.metadata(space) == {"name": "shop"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (service(), "no-endpoints"),
        (
            f"{service('ports: [{port: 80, targetPort: web}]')}---{deployment()}",
            "unknown-target-port",
        ),
        (service(selector="app: 1"), "bad-selector"),
        (deployment(replicas="many"), "bad-replicas"),
        (deployment(replicas="-1"), "bad-replicas"),
        (deployment(replicas="true"), "bad-replicas"),
        (deployment(replicas="1000000000"), "bad-replicas"),
        (deployment(labels="app: other"), "selector-mismatch"),
        (deployment(labels="app: web, version: 1"), "malformed-template"),
        (deployment(container="").replace("[{}]", "[]"), "malformed-template"),
        (deployment(container="1: a, b: c"), "malformed-template"),
        (deployment().replace("name: web, namespace", "namespace"), "no-name"),
        (
            deployment().replace("containers:", "serviceAccountName: a, containers:"),
            "unknown-service-account",
        ),
        ("{apiVersion: batch/v1, kind: Job, metadata: {name: a}}", "not-run"),
    ],
)
def test_what_is_wrong_is_said_once(text: str, code: str) -> None:
    assert codes(expanded(text)) == [code]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy") | JSON, max_size=2)
META = JSON | st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(["m", "n"]) | JSON, "namespace": JSON, "labels": LABELS}
)
CONTAINERS = JSON | st.lists(st.fixed_dictionaries({"name": JSON, "ports": JSON}), max_size=2)
POD_SPEC = JSON | st.fixed_dictionaries({"containers": CONTAINERS})
SPEC = JSON | st.fixed_dictionaries(
    {},
    optional={
        "selector": LABELS | st.fixed_dictionaries({"matchLabels": LABELS | JSON}),
        "template": JSON | st.fixed_dictionaries({"metadata": META, "spec": POD_SPEC}),
        "replicas": st.integers(-1, 3) | JSON,
        "clusterIP": st.sampled_from(["None", ""]) | JSON,
        "ports": JSON
        | st.lists(
            st.fixed_dictionaries({"port": JSON}, optional={"targetPort": JSON}), max_size=2
        ),
        "containers": CONTAINERS,
    },
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["v1", "apps/v1", "batch/v1"]) | JSON,
        "kind": st.sampled_from(["Pod", "Service", "Deployment", "StatefulSet", "Namespace"])
        | JSON,
        "metadata": META,
        "spec": SPEC,
        "status": JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(OBJECTS, max_size=4))
def test_nothing_raises_and_nothing_is_changed_in_place(given_objects: list[Raw]) -> None:
    before = copy.deepcopy(given_objects)
    result = expand(given_objects, Allocation())
    again = expand(given_objects, result.allocation)
    assert given_objects == before
    assert again.allocation == result.allocation
    assert again.objects == result.objects


def numbered(number: int) -> list[Raw]:
    labels = {"app": f"web-{number}", "tier": "web"}
    metadata = {"name": f"web-{number}", "namespace": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": ports},
        },
    ]


def test_a_thousand_services_take_a_fraction_of_a_second() -> None:
    """Guards the index of pods by label; the bound is wide, for machines are slow at times."""
    given_objects = [o for number in range(1000) for o in numbered(number)]
    took: list[float] = []
    while not took or (took[-1] >= 1.0 and len(took) < 5):  # once it may meet much garbage
        started = time.process_time()
        result = expand(given_objects, Allocation())
        took.append(time.process_time() - started)
        assert codes(result) == []
    assert took[-1] < 1.0
    assert len(of_kind(result, "EndpointSlice")) == 1000
