"""What the control plane may do in a cluster: no more than it does."""

from collections.abc import Iterator

import pytest

from crds.kinds import KINDS, plural
from crds.unsupported import UNSUPPORTED
from tests.charts.helm import Helm, Object, the
from webhook import raw

READ = ("list", "watch")
NO_GATEWAYS = ("--set", "gatewaySecrets.allNamespaces=false")

Rule = tuple[str, str, str, str]
"""Group, resource, name (empty: any), verb."""


def rules(role: Object) -> Iterator[Rule]:
    """Each single thing that is allowed."""
    for rule in raw.objects(role["rules"]):
        for group in words(rule["apiGroups"]):
            for resource in words(rule["resources"]):
                for name in words(rule.get("resourceNames", [""])):
                    for verb in words(rule["verbs"]):
                        yield group, resource, name, verb


def words(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(word) for word in value]


@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
def test_nothing_is_allowed_by_a_wildcard(helm: Helm, kind: str) -> None:
    for rule in rules(the(helm.objects(), kind)):
        assert not [part for part in rule if "*" in part]


@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
def test_it_cannot_give_itself_more(helm: Helm, kind: str) -> None:
    for group, resource, _, verb in rules(the(helm.objects(), kind)):
        assert group != "rbac.authorization.k8s.io"
        assert verb not in {"escalate", "bind", "impersonate", "approve"}
        assert (resource, verb) not in {("pods", "create"), ("serviceaccounts/token", "create")}


@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
def test_it_deletes_only_what_it_has_made(helm: Helm, kind: str) -> None:
    deleted = {r[1:3] for r in rules(the(helm.objects(), kind)) if r[3] == "delete"}
    names = {"ClusterRole": {("configmaps", "heddle-ca-root-cert")}, "Role": {("leases", "")}}
    assert deleted == names[kind]


def test_every_kind_of_the_mesh_can_be_read_and_told_about(helm: Helm) -> None:
    allowed = set(rules(the(helm.objects(), "ClusterRole")))
    for group, kind in (*KINDS, *UNSUPPORTED):
        if group.endswith(".istio.io"):
            resource = plural(kind)
            assert {(group, resource, "", verb) for verb in READ} <= allowed
            assert (group, f"{resource}/status", "", "patch") in allowed
            assert {verb for g, r, _, verb in allowed if (g, r) == (group, resource)} == set(READ)


def test_secrets_are_out_of_reach_where_gateways_have_none(helm: Helm) -> None:
    objects = helm.objects(*NO_GATEWAYS)
    assert [r for r in rules(the(objects, "ClusterRole")) if r[1] == "secrets"] == []
    named = {r[2] for r in rules(the(objects, "Role")) if r[1] == "secrets" and r[3] != "create"}
    assert named == {"heddle-ca", "cacerts"}


def test_secrets_elsewhere_are_only_read(helm: Helm) -> None:
    verbs = {r[3] for r in rules(the(helm.objects(), "ClusterRole")) if r[1] == "secrets"}
    assert verbs == set(READ)


@pytest.mark.parametrize(
    "kind", ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
)
def test_only_its_own_webhooks_are_written(helm: Helm, kind: str) -> None:
    objects = helm.objects("--set", "revision=canary,revisionTags={prod}")
    allowed = {r[2] for r in rules(the(objects, "ClusterRole")) if r[1] == kind and r[3] == "patch"}
    there = {
        raw.text(raw.metadata(item)["name"])
        for item in objects
        if f"{item['kind']}s".lower() == kind
    }
    assert allowed == there


def test_nobody_else_s_certificate_makes_it_write_webhooks(helm: Helm) -> None:
    settings = "webhook.certificate.from=cert-manager,webhook.certificate.issuerRef.name=x"
    role = the(helm.objects("--set", settings), "ClusterRole")
    assert [r for r in rules(role) if r[0] == "admissionregistration.k8s.io"] == []
