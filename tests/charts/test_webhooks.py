"""Whom the webhooks' selectors choose: Istio's rules, as the injector itself has them."""

from itertools import product

import pytest

from crds.meta import Key
from tests.charts.helm import Helm, Object, container, name, of_kind, the
from tests.charts.selectors import called
from tests.webhook.pods import settings
from webhook import raw
from webhook.policy import SYSTEM_NAMESPACES, decide

INJECTION, INJECT, REVISION = "istio-injection", "sidecar.istio.io/inject", "istio.io/rev"
RULES = (None, "default", "canary", "prod")
CANARY = ("--set", "revision=canary")
EVERYWHERE = ("--set", "sidecarInjectorWebhook.enableNamespacesByDefault=true")


def labels(**given: str | None) -> dict[str, str]:
    names = {"injection": INJECTION, "inject": INJECT, "revision": REVISION}
    return {names[key]: value for key, value in given.items() if value is not None}


NAMESPACES = [
    labels(injection=injection, revision=revision)
    for injection, revision in product((None, "enabled", "disabled"), RULES)
]
PODS = [
    labels(inject=inject, revision=revision)
    for inject, revision in product((None, "true", "false"), RULES)
]


def injectors(helm: Helm, *arguments: str) -> tuple[Object, ...]:
    return of_kind(helm.objects(*arguments), "MutatingWebhookConfiguration")


def test_the_selectors_choose_whom_the_injector_injects(helm: Helm) -> None:
    """`heddle inject` decides by the same labels offline."""
    webhooks = injectors(helm)
    for namespace, pod in product(NAMESPACES, PODS):
        injected = skipped(namespace, pod, "default") is None
        assert bool(called(webhooks, namespace, pod)) == injected, (namespace, pod)


def skipped(namespace: dict[str, str], pod: dict[str, str], revision: str) -> str | None:
    key, chosen = Key("", "Pod", "shop", "web"), settings(revision=revision)
    return decide({"metadata": {"labels": pod}}, key, namespace, chosen).skipped


@pytest.mark.parametrize("arguments", [(), CANARY, EVERYWHERE], ids=" ".join)
def test_nobody_is_asked_twice_about_a_pod(helm: Helm, arguments: tuple[str, ...]) -> None:
    webhooks = injectors(helm, *arguments)
    for namespace, pod in product(NAMESPACES, PODS):
        assert len(called(webhooks, namespace, pod)) <= 1


@pytest.mark.parametrize("revision", ["canary", "prod"])
def test_revisions_and_tags_choose_who_names_them(helm: Helm, revision: str) -> None:
    made = injectors(helm, *CANARY, "--set", "revisionTags={prod}")
    webhooks = [item for item in made if tag(item) == (revision if revision == "prod" else None)]
    for namespace, pod in product(NAMESPACES, PODS):
        named = revision in (namespace.get(REVISION), pod.get(REVISION))
        wanted = named and INJECTION not in namespace and not skipped(namespace, pod, revision)
        assert bool(called(webhooks, namespace, pod)) == wanted, (namespace, pod)


def tag(configuration: Object) -> str | None:
    return raw.labels(configuration).get("istio.io/tag")


def test_a_tag_says_where_it_leads(helm: Helm) -> None:
    """Kiali, and people, read it."""
    made = injectors(helm, *CANARY, "--set", "revisionTags={prod}")
    assert {(tag(item), raw.labels(item)[REVISION]) for item in made} == {
        (None, "canary"),
        ("prod", "canary"),
    }


def test_the_tag_default_takes_over_the_default_revision(helm: Helm) -> None:
    """Then the default revision can be uninstalled."""
    old = injectors(helm, *EVERYWHERE)
    new = injectors(helm, *EVERYWHERE, *CANARY, "--set", "revisionTags={default}")
    for namespace, pod in product(NAMESPACES, PODS):
        if called(old, namespace, pod):
            assert called(new, namespace, pod), (namespace, pod)


def test_two_revisions_may_have_a_tag_while_it_moves(helm: Helm) -> None:
    """Helm never lets two releases own an object, and between two there must be no gap."""
    tags = "revisionTags={prod}"
    old, new = injectors(helm, "--set", tags), injectors(helm, *CANARY, "--set", tags)
    assert {name(item) for item in old} & {name(item) for item in new} == set()


@pytest.mark.parametrize("namespace", sorted({*SYSTEM_NAMESPACES, "heddle-system"}))
def test_injection_by_default_leaves_out(helm: Helm, namespace: str) -> None:
    webhooks = injectors(helm, *EVERYWHERE)
    assert called(webhooks, {"kubernetes.io/metadata.name": "shop"}, {}) != []
    assert called(webhooks, {"kubernetes.io/metadata.name": namespace}, {}) == []


def test_the_control_plane_s_own_pods_wait_for_nobody(helm: Helm) -> None:
    """Else nothing could start the first replica."""
    pod = raw.mapping(raw.spec(the(helm.objects(), "Deployment"))["template"])
    for namespace in NAMESPACES:
        assert called(injectors(helm, *EVERYWHERE), namespace, raw.labels(pod)) == []


@pytest.mark.parametrize(
    ("arguments", "label", "validated"),
    [
        ((), None, True),
        ((), "default", True),
        ((), "canary", False),
        (CANARY, None, False),
        (CANARY, "default", False),
        (CANARY, "canary", True),
        ((*CANARY, "--set", "revisionTags={prod}"), "prod", True),
        ((*CANARY, "--set", "revisionTags={default}"), None, True),
    ],
)
def test_each_object_is_validated_by_its_revision(
    helm: Helm, arguments: tuple[str, ...], label: str | None, validated: bool
) -> None:
    webhooks = of_kind(helm.objects(*arguments), "ValidatingWebhookConfiguration")
    assert len(called(webhooks, {}, labels(revision=label))) == validated


def test_the_webhooks_lead_to_the_port_that_serves_them(helm: Helm) -> None:
    objects = helm.objects()
    (port,) = [
        each
        for each in raw.objects(raw.spec(the(objects, "Service"))["ports"])
        if each["port"] == 443
    ]
    assert [
        each["containerPort"]
        for each in raw.objects(container(objects)["ports"])
        if each["name"] == port["targetPort"]
    ] == [15017]
