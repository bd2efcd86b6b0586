"""The control plane's pods: what they may do, and that the parts fit together."""

import pytest

from tests.charts.helm import Helm, Object, container, name, of_kind, pod, the
from webhook import raw


def test_it_passes_the_restricted_pod_security_standard(helm: Helm) -> None:
    spec, of = raw.spec(pod(helm.objects())), container(helm.objects())
    inside = raw.mapping(of["securityContext"])
    outside = raw.mapping(spec["securityContext"])
    assert outside == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert inside["allowPrivilegeEscalation"] is False
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(spec) == set()


def test_nothing_is_written_on_its_own_files(helm: Helm) -> None:
    assert (
        raw.mapping(container(helm.objects())["securityContext"])["readOnlyRootFilesystem"] is True
    )


def test_its_memory_is_bounded_and_its_cpu_is_not(helm: Helm) -> None:
    limits = raw.mapping(raw.mapping(container(helm.objects())["resources"])["limits"])
    assert set(limits) == {"memory"}


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_each_selector_finds_the_pods(helm: Helm, kind: str) -> None:
    objects = helm.objects()
    spec = raw.spec(the(objects, kind))
    selector = raw.mapping(spec.get("podSelector", spec.get("selector")))
    wanted = raw.strings(selector.get("matchLabels", selector))
    assert wanted
    assert wanted.items() <= raw.labels(pod(objects)).items()


def test_the_selectors_tell_revisions_apart(helm: Helm) -> None:
    """Both are installed while a mesh moves from one to the other."""
    canary = raw.labels(pod(helm.objects("--set", "revision=canary")))
    ours = raw.strings(raw.spec(the(helm.objects(), "Service"))["selector"])
    assert not ours.items() <= canary.items()


def test_a_selector_is_the_same_whatever_the_values(helm: Helm) -> None:
    """The API server takes no change of a Deployment's."""
    settings = ("--set", "kialiCompat.enabled=true,image.tag=2.0.0,revisionTags={prod}")
    plain, other = (
        raw.spec(the(helm.objects(*given), "Deployment"))["selector"] for given in ((), settings)
    )
    assert plain == other


def test_two_revisions_share_no_object(helm: Helm) -> None:
    def keys(*arguments: str) -> set[tuple[object, str]]:
        return {(item["kind"], name(item)) for item in helm.objects(*arguments)}

    assert keys() & keys("--set", "revision=canary") == set()


def test_every_port_that_is_named_is_there(helm: Helm) -> None:
    objects = helm.objects()
    of = container(objects)
    there = {each["name"] for each in raw.objects(of["ports"])}
    service = {
        each["targetPort"] for each in raw.objects(raw.spec(the(objects, "Service"))["ports"])
    }
    probes = {
        raw.mapping(raw.mapping(of[probe])["httpGet"])["port"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    ingress = raw.objects(raw.spec(the(objects, "NetworkPolicy"))["ingress"])
    allowed = {port["port"] for rule in ingress for port in raw.objects(rule["ports"])}
    assert service | probes == there == allowed


def test_the_autoscaler_alone_says_how_many_there_are(helm: Helm) -> None:
    scaled = helm.objects("--set", "autoscaling.enabled=true")
    assert "replicas" not in raw.spec(the(scaled, "Deployment"))
    assert raw.spec(the(helm.objects(), "Deployment"))["replicas"] == 2
    assert of_kind(helm.objects(), "HorizontalPodAutoscaler") == ()


def test_the_certificate_is_where_it_is_mounted(helm: Helm) -> None:
    """cert-manager writes the Secret that is mounted, for the name that the API server calls."""
    arguments = "webhook.certificate.from=cert-manager,webhook.certificate.issuerRef.name=x"
    objects = helm.objects("--set", f"revision=canary,{arguments}")
    certificate = raw.spec(the(objects, "Certificate"))
    (volume,) = raw.objects(raw.spec(pod(objects))["volumes"])
    assert raw.mapping(volume["secret"])["secretName"] == certificate["secretName"]
    webhook = raw.objects(the(objects, "ValidatingWebhookConfiguration")["webhooks"])[0]
    called = raw.mapping(raw.mapping(webhook["clientConfig"])["service"])
    assert certificate["dnsNames"] == [f"{called['name']}.{called['namespace']}.svc"]


def argument(of: Object, flag: str) -> str:
    given = of["args"]
    assert isinstance(given, list)
    (found,) = [each for each in given if each.startswith(f"--{flag}=")]
    return str(found).partition("=")[2]


def test_the_server_s_name_is_the_service_s(helm: Helm) -> None:
    """It stands on the certificate that proxies check before they show their token."""
    objects = helm.objects("--set", "revision=canary")
    service = the(objects, "Service")
    expected = f"{name(service)}.{raw.metadata(service)['namespace']}.svc"
    assert argument(container(objects), "server-name") == expected
