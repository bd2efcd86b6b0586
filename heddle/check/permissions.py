"""Who may do what: whoever installs, and the control plane's account. The API server is asked."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crds.kinds import KINDS, NETWORKING, SECURITY, plural
from heddle.authority_secret import ROOTS, SECRET
from heddle.check.cluster import Cluster
from heddle.check.verdict import Category, Check, Verdict, When, judged, skipped
from heddle.leader import LEASE
from heddle.status_replicas import CONFIG_MAP
from sources.errors import ApiError
from sources.resource import REVIEWS, SELF_REVIEWS
from webhook import raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that one may do; `name` is of the one object, if it is not for all."""

    verb: str
    group: str = ""
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {what}{named}" + (f" in {self.namespace}" if self.namespace else "")

    @property
    def attributes(self) -> Mapping[str, str]:
        """As a review asks for it."""
        main, _, sub = self.resource.partition("/")
        given = {
            "verb": self.verb,
            "group": self.group,
            "resource": main,
            "subresource": sub,
            "namespace": self.namespace,
            "name": self.name,
        }
        return {name: value for name, value in given.items() if value}


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_INSTALLED: Sequence[tuple[str, str, bool]] = (
    ("", "namespaces", False),
    ("apiextensions.k8s.io", "customresourcedefinitions", False),
    (_RBAC, "clusterroles", False),
    (_RBAC, "clusterrolebindings", False),
    (_ADMISSION, "mutatingwebhookconfigurations", False),
    (_ADMISSION, "validatingwebhookconfigurations", False),
    ("", "serviceaccounts", True),
    ("", "services", True),
    ("", "configmaps", True),
    ("", "secrets", True),
    ("apps", "deployments", True),
    ("policy", "poddisruptionbudgets", True),
    ("networking.k8s.io", "networkpolicies", True),
    (_RBAC, "roles", True),
    (_RBAC, "rolebindings", True),
)
"""Group, kind, and whether it is in our namespace: what the charts have."""


def to_install(namespace: str) -> Iterable[Right]:
    """What helm does for whoever installs the charts."""
    for group, resource, inside in _INSTALLED:
        where = namespace if inside else ""
        yield Right(verb="create", group=group, resource=resource, namespace=where)


def to_serve(namespace: str) -> Iterable[Right]:
    """What the control plane does in every cluster."""
    for resource in ("namespaces", "nodes", "services", "pods"):
        yield from _reads("", resource)
    yield from _reads("discovery.k8s.io", "endpointslices")
    for group, kind in sorted(KINDS):
        if group in (NETWORKING, SECURITY):
            yield from _reads(group, plural(kind))
            yield Right(verb="patch", group=group, resource=f"{plural(kind)}/status")
    yield Right(verb="create", group="events.k8s.io", resource="events")
    yield Right(verb="create", group="authentication.k8s.io", resource="tokenreviews")
    for verb in ("get", "update"):
        yield Right(verb=verb, resource="secrets", name=SECRET, namespace=namespace)
    for verb in ("create", "patch"):
        yield Right(verb=verb, resource="configmaps", name=ROOTS)
    for verb in ("get", "patch"):
        yield Right(verb=verb, resource="configmaps", name=CONFIG_MAP, namespace=namespace)
    for verb in ("get", "create", "update"):
        group = "coordination.k8s.io"
        yield Right(verb=verb, group=group, resource="leases", name=LEASE, namespace=namespace)


def _reads(group: str, resource: str) -> Iterable[Right]:
    for verb in ("list", "watch"):
        yield Right(verb=verb, group=group, resource=resource)


async def _installing(cluster: Cluster) -> Verdict:
    wanted = tuple(to_install(cluster.namespace))
    return _judged("you may not", wanted, await _answers(cluster, wanted))


async def _serving(cluster: Cluster) -> Verdict:
    account = f"system:serviceaccount:{cluster.namespace}:{cluster.name}"
    wanted = tuple(to_serve(cluster.namespace))
    ask = Right(verb="create", group="authorization.k8s.io", resource="subjectaccessreviews")
    if not await _may(cluster, ask):
        return skipped(f"you may not ask what others may do ({ask})")
    allowed = await _answers(cluster, wanted, account)
    return _judged(f"account {cluster.name} may not", wanted, allowed)


async def _answers(cluster: Cluster, wanted: Sequence[Right], account: str = "") -> Sequence[bool]:
    """Of each, in the same order. Raises `ApiError`."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_may(cluster, each, account)) for each in wanted]
    except* ApiError as errors:
        failures = errors.exceptions
    else:
        return [each.result() for each in asked]
    raise failures[0]


def _judged(who: str, wanted: Sequence[Right], allowed: Sequence[bool]) -> Verdict:
    return judged(f"{who} {right}" for right, may in zip(wanted, allowed, strict=True) if not may)


async def _may(cluster: Cluster, right: Right, account: str = "") -> bool:
    """Whether we may do this, or the account, if one is given."""
    resource, kind = SELF_REVIEWS, "SelfSubjectAccessReview"
    spec: dict[str, object] = {"resourceAttributes": right.attributes}
    if account:
        resource, kind = REVIEWS, "SubjectAccessReview"
        _, _, namespace, _ = account.split(":")
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
        spec |= {"user": account, "groups": [*groups, "system:authenticated"]}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    found = await cluster.api.create(resource.collection(), body)
    return raw.mapping(found.get("status")).get("allowed") is True


CATEGORY = Category(
    name="permissions",
    title="Permissions",
    checks=(
        Check(
            anchor="may-install",
            title="you may make what the charts have",
            remedy="Install as somebody who may: making ClusterRoles also takes having all that "
            "they allow, so mostly `cluster-admin`.",
            judge=_installing,
            when=When.BEFORE,
        ),
        Check(
            anchor="may-serve",
            title="the control plane's account may do what it has to",
            remedy="`helm upgrade` puts the roles back (ClusterRole and Role of the chart, and "
            "their bindings). Without them the control plane waits, and its log says for what.",
            judge=_serving,
        ),
    ),
)
