"""What a cluster would make of a folder: pods, addresses, sidecars, endpoints, rollouts."""

from collections.abc import Mapping

import pytest

from crds.meta import Key
from heddle.injection import PORT, SERVER_NAME, inject_settings
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster
from sources.events import Applied, Deleted, Event, Moved, Problems, Synced
from tests.heddle.events import applied
from webhook import raw

NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {%s}}
    spec: {containers: [{name: app, image: "app:%s"}]}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec: {hosts: [web]}
"""


def deployment(replicas: int = 1, annotations: str = "", tag: str = "1") -> str:
    return DEPLOYMENT % (replicas, annotations, tag)


def cluster(*, started: bool = True) -> LocalCluster:
    settings = inject_settings(host=SERVER_NAME, port=PORT)
    return LocalCluster(settings, Subnets(), started=started)


def shop(*more: str) -> list[Event]:
    return applied("\n---\n".join((NAMESPACE, SERVICE, *more)))


def endpoints(events: list[Event]) -> dict[str, bool]:
    """The addresses in the EndpointSlices of these events, and whether they are ready."""
    found = {}
    for event in events:
        if isinstance(event, Applied) and event.key.kind == "EndpointSlice":
            for endpoint in raw.objects(event.raw.get("endpoints")):
                conditions = raw.mapping(endpoint.get("conditions"))
                addresses = endpoint.get("addresses")
                assert isinstance(addresses, list)
                found[str(addresses[0])] = conditions.get("ready") is True
    return found


def containers(pod: Mapping[str, object]) -> list[str]:
    spec = raw.spec(pod)
    every = (*raw.objects(spec.get("initContainers")), *raw.objects(spec.get("containers")))
    return [str(container["name"]) for container in every]


def test_a_deployment_becomes_injected_pods() -> None:
    made = cluster()
    made.apply(shop(deployment(replicas=2)))
    assert len(made.pods()) == 2
    for name, pod in made.pods().items():
        assert name.startswith("shop/web-")
        assert "istio-proxy" in containers(pod.raw)
        assert pod.facts.address


def test_a_services_endpoints_are_its_pods() -> None:
    made = cluster()
    found = endpoints(made.apply(shop(deployment(replicas=2))))
    assert found == {pod.facts.address: True for pod in made.pods().values()}


def test_every_pod_is_told_from_what_it_was_made() -> None:
    made = cluster()
    made.apply(shop(deployment()))
    assert set(made.owners().values()) == {"shop/web"}


def test_a_service_has_an_address_under_its_full_name() -> None:
    made = cluster()
    made.apply(shop())
    assert list(made.names({})) == ["web.shop.svc.cluster.local"]


HEADLESS = """
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: tcp, port: 5432}]}
"""
STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, image: "app:1"}]}
"""
OTHER_NAME = """
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: shop}
spec: {type: ExternalName, externalName: %s}
"""


def test_the_pods_of_a_headless_service_have_names_of_their_own() -> None:
    made = cluster()
    made.apply(shop(HEADLESS, STATEFUL))
    found = made.names({})
    addresses = sorted(pod.facts.address for pod in made.pods().values())
    assert found["db.shop.svc.cluster.local"] == tuple(addresses)
    assert found["db-1.db.shop.svc.cluster.local"] == (made.pods()["shop/db-1"].facts.address,)


def test_a_pod_that_is_not_ready_has_no_name_yet() -> None:
    made = cluster(started=False)
    made.apply(shop(HEADLESS, STATEFUL))
    assert "db.shop.svc.cluster.local" not in made.names({})


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("api.example.com", ("1.1.1.1",)),
        ("second.shop.svc.cluster.local.", ("1.1.1.1",)),
        ("first.shop.svc.cluster.local", None),
        ("unknown.example.com", None),
    ],
)
def test_an_external_name_is_found_where_it_leads(
    target: str, address: tuple[str, ...] | None
) -> None:
    made = cluster()
    made.apply(shop(OTHER_NAME % ("first", target), OTHER_NAME % ("second", "api.example.com")))
    found = made.names({"api.example.com": ("1.1.1.1",)})
    assert found.get("first.shop.svc.cluster.local") == address


def test_what_is_not_expanded_passes_through() -> None:
    events = [*applied(ROUTE), Synced()]
    assert cluster().apply(events) == events


def test_the_same_again_says_nothing_but_where_it_is() -> None:
    made = cluster()
    made.apply(shop(deployment()))
    assert {type(event) for event in made.apply(shop(deployment()))} <= {Moved}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (deployment(annotations='sidecar.istio.io/inject: "false"'), "inject"),
        (deployment(annotations="sidecar.istio.io/proxyCPU: lots"), "refused"),
    ],
    ids=["opted-out", "refused"],
)
def test_why_a_pod_has_no_sidecar_is_known(text: str, reason: str) -> None:
    made = cluster()
    made.apply(shop(text))
    ((name, why),) = made.skipped.items()
    assert name.startswith("shop/web-")
    assert reason in why


def test_a_pod_whose_injection_is_refused_does_not_run() -> None:
    """Without its sidecar it would be outside of the mesh, and nobody would notice."""
    made = cluster()
    events = made.apply(shop(deployment(annotations="sidecar.istio.io/proxyCPU: lots")))
    assert made.pods() == {}
    (told,) = [event for event in events if isinstance(event, Problems)]
    assert "proxyCPU" in str(told.problems[0])
    made.apply(shop(deployment()))
    assert len(made.pods()) == 1


def test_a_pod_is_no_endpoint_before_it_is_ready() -> None:
    made = cluster(started=False)
    assert set(endpoints(made.apply(shop(deployment()))).values()) == {False}
    (name,) = made.pods()
    assert set(endpoints(made.became_ready({name: True})).values()) == {True}
    assert set(endpoints(made.became_ready({name: False})).values()) == {False}


def test_readiness_that_does_not_change_says_nothing() -> None:
    made = cluster(started=False)
    made.apply(shop(deployment()))
    ready = {name: True for name in made.pods()}
    assert made.became_ready(ready)
    assert made.became_ready(dict(ready)) == []


def test_an_edited_template_keeps_the_old_pods_until_the_new_ones_are_ready() -> None:
    made = cluster(started=False)
    made.apply(shop(deployment()))
    (old,) = made.pods()
    made.became_ready({old: True})
    before = made.pods()[old]
    made.apply(shop(deployment(tag="2")))
    (new,) = made.pods().keys() - {old}
    assert made.pods()[old].same_incarnation(before)
    made.became_ready({old: True, new: False})
    assert made.pods().keys() == {old, new}
    made.became_ready({old: True, new: True})
    assert made.pods().keys() == {new}


def test_old_pods_serve_until_the_new_ones_do() -> None:
    made = cluster(started=False)
    made.apply(shop(deployment()))
    (old,) = made.pods()
    made.became_ready({old: True})
    address = made.pods()[old].facts.address
    found = endpoints(made.apply(shop(deployment(tag="2"))))
    assert found[address] is True
    assert sorted(found.values()) == [False, True]


def test_a_deployment_that_goes_takes_its_pods_with_it() -> None:
    made = cluster()
    made.apply(shop(deployment()))
    (name,) = made.pods()
    events = made.apply([Deleted(Key("apps", "Deployment", "shop", "web"))])
    assert made.pods() == {}
    assert Deleted(Key("", "Pod", *name.split("/"))) in events


def test_a_deployment_that_goes_in_mid_rollout_leaves_no_pod() -> None:
    made = cluster(started=False)
    made.apply(shop(deployment()))
    (old,) = made.pods()
    made.became_ready({old: True})
    made.apply(shop(deployment(tag="2")))
    made.apply([Deleted(Key("apps", "Deployment", "shop", "web"))])
    assert made.pods() == {}


def test_an_address_stays_with_its_pod() -> None:
    made = cluster()
    made.apply(shop(deployment()))
    before = {name: pod.facts.address for name, pod in made.pods().items()}
    made.apply(applied(deployment(replicas=3).replace("web", "other")))
    after = {name: pod.facts.address for name, pod in made.pods().items()}
    assert before.items() <= after.items()
    assert len(set(after.values())) == 4


def test_problems_are_said_again_only_when_they_change() -> None:
    made = cluster()
    first = made.apply(shop())
    assert any(isinstance(event, Problems) and event.problems for event in first)
    assert not any(isinstance(event, Problems) for event in made.apply(shop()))
    solved = made.apply(shop(deployment()))
    assert Problems("the local cluster", ()) in solved


MESH_CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "%s"}
"""


def volumes(local: LocalCluster) -> set[str]:
    """The volumes of all pods."""
    return {
        raw.text(volume.get("name"))
        for pod in local.pods().values()
        for volume in raw.objects(raw.spec(pod.raw).get("volumes"))
    }


@pytest.mark.parametrize(
    ("source", "volume"), [("SPIRE", "workload-socket"), ("POD_CERTIFICATE", "heddle-certificate")]
)
def test_pods_have_what_the_source_of_their_certificates_needs(source: str, volume: str) -> None:
    """The setting is MeshConfig's; pods are made anew when it changes, and when it goes."""
    local = cluster()
    local.apply(shop(deployment()))
    assert volume not in volumes(local)
    (config,) = applied(MESH_CONFIG % f"certificateSource: {source}")
    said = local.apply([config])
    assert config in said
    assert volume in volumes(local)
    assert len(said) > 1
    assert local.apply([config]) == [config]
    assert isinstance(config, Applied)
    local.apply([Deleted(config.key)])
    assert volume not in volumes(local)


def test_a_mesh_config_with_errors_leaves_pods_as_they_are() -> None:
    local = cluster()
    local.apply(shop(deployment()))
    local.apply(applied(MESH_CONFIG % "certificateSource: SPIRE"))
    (broken,) = applied(MESH_CONFIG % "certificateSource: NOBODY")
    assert local.apply([broken]) == [broken]
    assert "workload-socket" in volumes(local)


def test_what_chooses_namespaces_of_a_cluster_is_told_of() -> None:
    """A folder is read as a whole."""
    local = cluster()
    text = MESH_CONFIG % ("discoverySelectors: [{matchLabels: {mesh: chosen}}]")
    local.apply(shop(deployment()))
    [told] = [each for each in local.apply(applied(text)) if isinstance(each, Problems)]
    assert [each.code for each in told.problems] == ["no-effect"]
    [told] = [
        each for each in local.apply(applied(MESH_CONFIG % "{}")) if isinstance(each, Problems)
    ]
    assert told.problems == ()
