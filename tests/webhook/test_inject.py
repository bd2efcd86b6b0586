import copy
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crds.mesh_config import CertificateSource, MeshConfig
from crds.proxy_config import ProxyConfig
from heddle.injection import having
from mesh.proxy import Mode
from tests.security_rows import guards
from tests.webhook.pods import MESH, namespace, pod, settings
from webhook import raw, sidecar
from webhook.inject import Injected, inject
from webhook.variables import expand

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ANNOTATIONS = st.dictionaries(
    st.sampled_from(
        [
            "proxy.istio.io/config",
            "sidecar.istio.io/inject",
            "sidecar.istio.io/interceptionMode",
            "sidecar.istio.io/nativeSidecar",
            "sidecar.istio.io/proxyCPU",
            "sidecar.istio.io/status",
            "traffic.sidecar.istio.io/excludeInboundPorts",
            "traffic.sidecar.istio.io/includeOutboundIPRanges",
        ]
    ),
    st.text(max_size=12)
    | st.sampled_from(["true", "NONE", "80", "10.0.0.0/8", "{concurrency: 1}"]),
)
PODS = st.fixed_dictionaries(
    {},
    optional={
        "metadata": JSON
        | st.fixed_dictionaries(
            {}, optional={"name": JSON, "labels": JSON, "annotations": ANNOTATIONS | JSON}
        ),
        "spec": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "containers": JSON
                | st.lists(
                    st.fixed_dictionaries(
                        {"name": JSON},
                        optional={"env": JSON, "ports": JSON, "securityContext": JSON},
                    ),
                    max_size=2,
                ),
                "initContainers": JSON,
                "volumes": JSON,
                "hostNetwork": JSON,
                "securityContext": JSON,
            },
        ),
    },
)


def names(result: Injected, kind: str) -> list[object]:
    return [item.get("name") for item in raw.objects(raw.spec(result.pod).get(kind))]


def inits(result: Injected) -> tuple[Mapping[str, object], ...]:
    return tuple(raw.objects(raw.spec(result.pod).get("initContainers")))


def proxy(result: Injected) -> dict[str, object]:
    found = [c for c in raw.containers(result.pod) if c.get("name") == sidecar.PROXY]
    return dict(found[0])


def test_our_init_containers_come_before_the_authors() -> None:
    given_pod = pod(spec={"initContainers": [{"name": "migrate"}]})
    result = inject(given_pod, MESH, settings())
    assert names(result, "initContainers") == ["heddle-init", "istio-proxy", "migrate"]


def test_injecting_again_changes_nothing() -> None:
    once = inject(pod(), MESH, settings())
    twice = inject(once.pod, MESH, settings())
    assert twice.pod == once.pod
    assert twice.skipped == "it has a sidecar already"


def test_a_copied_status_annotation_does_not_keep_the_sidecar_away() -> None:
    result = inject(pod(annotations={"sidecar.istio.io/status": "{}"}), MESH, settings())
    assert sidecar.PROXY in names(result, "initContainers")


def test_equal_pods_give_equal_bytes_whatever_the_order_of_their_settings() -> None:
    given_pod = pod(annotations={"sidecar.istio.io/logLevel": "debug"})
    texts = {json.dumps(inject(given_pod, MESH, settings()).pod) for _ in range(2)}
    assert len(texts) == 1


@guards("C9")
def test_only_the_sidecar_mounts_the_token() -> None:
    result = inject(pod(spec={"initContainers": [{"name": "migrate"}]}), MESH, settings())
    mounting = [
        container.get("name")
        for container in raw.containers(result.pod)
        for mount in raw.objects(container.get("volumeMounts"))
        if mount.get("name") == sidecar.TOKEN_VOLUME
    ]
    assert mounting == [sidecar.PROXY]


@guards("C9")
def test_nothing_but_the_init_container_has_a_privilege() -> None:
    result = inject(pod(), MESH, settings())
    contexts = {
        c.get("name"): raw.mapping(c.get("securityContext")) for c in raw.containers(result.pod)
    }
    envoy, init = contexts["istio-proxy"], contexts["heddle-init"]
    assert envoy["capabilities"] == {"drop": ["ALL"]}
    assert (envoy["runAsUser"], envoy["runAsNonRoot"]) == (1337, True)
    assert envoy["readOnlyRootFilesystem"] is True
    assert envoy["allowPrivilegeEscalation"] is False
    assert init["capabilities"] == {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}
    assert (init["privileged"], init["allowPrivilegeEscalation"]) == (False, False)


def test_the_bootstrap_arrives_as_it_was_made_once_the_kubelet_has_filled_it_in() -> None:
    args = proxy(inject(pod(), MESH, settings()))["args"]
    assert isinstance(args, list)
    text = expand(args[args.index("--config-yaml") + 1], {"POD_NAME": "p", "POD_NAMESPACE": "n"})
    assert json.loads(text) == {
        "node": {"id": "sidecar~p.n", "cluster": "web.shop"},
        "admin": {"address": "127.0.0.1", "note": "costs $5, $(NOTHING) more"},
    }


def test_the_namespace_object_names_the_namespace_of_a_pod_that_does_not_yet() -> None:
    bare = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}
    result = inject(bare, namespace("orders", istio_injection="enabled"), settings())
    assert "web.orders" in json.dumps(proxy(result)["args"])


def test_without_a_namespace_object_the_pods_own_wish_counts() -> None:
    wish = {"sidecar.istio.io/inject": "true"}
    assert inject(pod(), None, settings()).skipped is not None
    assert inject(pod(labels=wish), None, settings()).skipped is None


def test_a_mesh_wide_mode_is_written_on_the_pod() -> None:
    result = inject(pod(), MESH, settings(mode=Mode.NONE))
    assert raw.annotations(result.pod)["sidecar.istio.io/interceptionMode"] == "NONE"
    assert names(result, "initContainers") == ["istio-proxy"]


def test_a_refused_pod_is_left_as_it_was() -> None:
    bad = pod(annotations={"sidecar.istio.io/interceptionMode": "SOMETIMES"})
    result = inject(bad, MESH, settings())
    assert result.refused
    assert result.pod == bad


@hypothesis_settings(max_examples=300, deadline=None)
@given(PODS, JSON | st.just(MESH))
def test_no_pod_raises_and_none_is_changed_in_place(
    given_pod: dict[str, object], where: object
) -> None:
    before = copy.deepcopy(given_pod)
    result = inject(given_pod, where if isinstance(where, dict) else None, settings())
    assert given_pod == before
    if result.refused or result.skipped is not None:
        assert result.pod == given_pod
    else:
        assert sidecar.PROXY in [c.get("name") for c in raw.containers(result.pod)]
        assert inject(result.pod, MESH, settings()).pod == result.pod


@pytest.mark.parametrize(
    ("source", "volume"),
    [
        (CertificateSource.SPIRE, "workload-socket"),
        (CertificateSource.POD_CERTIFICATE, "heddle-certificate"),
    ],
)
def test_only_the_sidecar_mounts_what_its_certificate_comes_from(
    source: CertificateSource, volume: str
) -> None:
    """An application that had it could be its workload without its sidecar."""
    chosen = having(settings(), MeshConfig(certificate_source=source))
    spec = inject(pod(), MESH, chosen).pod["spec"]
    containers = [
        *raw.objects(raw.mapping(spec).get("containers")),
        *raw.objects(raw.mapping(spec).get("initContainers")),
    ]
    mounting = {
        raw.text(each.get("name"))
        for each in containers
        for mount in raw.objects(each.get("volumeMounts"))
        if mount.get("name") == volume
    }
    assert mounting == {"istio-proxy"}


def test_a_volume_of_the_authors_is_in_the_way_only_where_its_name_is_needed() -> None:
    mine = pod(spec={"volumes": [{"name": "workload-socket", "emptyDir": {}}]})
    assert not inject(mine, MESH, settings()).refused
    assert inject(
        mine, MESH, having(settings(), MeshConfig(certificate_source=CertificateSource.SPIRE))
    ).refused


def _captures(result: Injected) -> tuple[bool, bool]:
    """Whether the pod says that its questions are captured, and whether it sees to it."""
    init = [each for each in inits(result) if each.get("name") == sidecar.INIT]
    program = str(init[0]["args"]) if init else ""
    says = raw.annotations(result.pod).get("heddle.io/dns-capture") == "true"
    return says, "REDIRECT --to-ports 15053" in program


@pytest.mark.parametrize(
    ("default", "annotations", "changes", "wanted"),
    [
        (True, {}, {}, True),
        (False, {}, {}, False),
        (True, {"ISTIO_META_DNS_CAPTURE": "false"}, {}, False),
        (False, {"ISTIO_META_DNS_CAPTURE": "true"}, {}, True),
        (True, {}, {"mode": Mode.NONE}, False),
        (True, {}, {"redirects": False}, False),
    ],
    ids=["default", "no default", "pod refuses", "pod asks", "proxy port", "by a CNI plugin"],
)
def test_questions_are_captured_where_the_pod_or_else_the_mesh_says_so(
    default: bool, annotations: dict[str, str], changes: dict[str, object], wanted: bool
) -> None:
    """What the pod says is what it does: the control plane sends names to those that say so."""
    asking = pod(annotations={"proxy.istio.io/config": json.dumps({"proxyMetadata": annotations})})
    metadata = {"ISTIO_META_DNS_CAPTURE": str(default).lower()}
    config = MeshConfig(default_config=ProxyConfig(proxy_metadata=metadata))
    result = inject(asking, MESH, having(settings(**changes), config))
    assert _captures(result) == (wanted, wanted)
    assert result.problems == ()


@pytest.mark.parametrize("value", ["text", {"NAME": ["list"]}, []], ids=repr)
def test_metadata_of_another_form_refuses_the_pod(value: object) -> None:
    bad = pod(annotations={"proxy.istio.io/config": json.dumps({"proxyMetadata": value})})
    assert inject(bad, MESH, settings()).refused


def test_a_variable_that_nothing_reads_is_told_of() -> None:
    given = {"proxyMetadata": {"OTHER": "x"}}
    told = inject(
        pod(annotations={"proxy.istio.io/config": json.dumps(given)}), MESH, settings()
    ).problems
    assert [each.path for each in told] == [
        'metadata.annotations["proxy.istio.io/config"].proxyMetadata[OTHER]'
    ]
    empty = pod(annotations={"proxy.istio.io/config": "proxyMetadata:"})
    assert inject(empty, MESH, settings()).problems == ()
