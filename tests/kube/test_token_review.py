"""Identities of pods by the TokenReview of a real API server: we may ask that, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import pytest

from heddle.identity import PodIdentity
from heddle.injection import AUDIENCE
from heddle.token_review import ReviewAuthenticator
from sources.kubernetes import KubernetesApi
from tests.kube.accounts import Namespace, rule
from tests.kube.server import ISSUER, ApiServer
from xds.errors import NotReady, Unauthenticated

API_SERVER = ISSUER
"""The audience of tokens for the API server itself."""
_QUESTIONS = 20
REVIEW = rule("authentication.k8s.io", ["tokenreviews"], ["create"])


@pytest.fixture
async def plane(namespace: Namespace) -> AsyncIterator[KubernetesApi]:
    """A client that may review tokens and nothing else."""
    async with namespace.client_for("heddle") as api:
        await namespace.allow("heddle", REVIEW, everywhere=True)
        yield api


@pytest.fixture
async def pod(namespace: Namespace) -> Mapping[str, object]:
    return await namespace.admin.create(
        f"/api/v1/namespaces/{namespace.name}/pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "shop-1"},
            "spec": {"containers": [{"name": "app", "image": "app"}]},
        },
    )


def reviewing(api: KubernetesApi) -> ReviewAuthenticator:
    return ReviewAuthenticator(api.create, audience=AUDIENCE, clock=time.time)  # noqa: TID251 - real


def shown(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_pods_token_is_its_identity(
    plane: KubernetesApi, namespace: Namespace, pod: Mapping[str, object]
) -> None:
    token = await namespace.token("default", audience=AUDIENCE, pod=pod)
    found = await reviewing(plane)(shown(token), "")
    metadata = pod["metadata"]
    assert isinstance(metadata, dict)
    assert isinstance(found, PodIdentity)
    workload = found.workload
    assert (workload.namespace, workload.service_account) == (namespace.name, "default")
    assert (workload.pod_name, workload.pod_uid) == ("shop-1", metadata["uid"])


@pytest.mark.parametrize("audience", ["somebody-else", API_SERVER])
async def test_a_token_for_somebody_else_is_refused(
    plane: KubernetesApi, namespace: Namespace, pod: Mapping[str, object], audience: str
) -> None:
    token = await namespace.token("default", audience=audience, pod=pod)
    with pytest.raises(Unauthenticated):
        await reviewing(plane)(shown(token), "")


async def test_a_token_of_no_pod_is_refused(plane: KubernetesApi, namespace: Namespace) -> None:
    token = await namespace.token("default", audience=AUDIENCE)
    with pytest.raises(Unauthenticated):
        await reviewing(plane)(shown(token), "")


async def test_the_token_of_a_deleted_pod_is_refused(
    plane: KubernetesApi, namespace: Namespace, pod: Mapping[str, object], server: ApiServer
) -> None:
    """Its signature and its times are good: only the API server knows. That remembers its answers
    for ten seconds, so each question has a token of its own, and hears of deletions as any
    informer does: not at once."""
    first, *others = [
        await namespace.token("default", audience=AUDIENCE, pod=pod) for _ in range(_QUESTIONS)
    ]
    assert await reviewing(plane)(shown(first), "")
    await asyncio.to_thread(
        server.kubectl, "delete", "pod", "shop-1", "-n", namespace.name, "--now"
    )
    answers = [await accepted(plane, token) for token in others]
    assert answers[-1] is False
    assert answers == sorted(answers, reverse=True), "refused once, refused for good"


async def accepted(plane: KubernetesApi, token: str) -> bool:
    try:
        await reviewing(plane)(shown(token), "")
    except Unauthenticated:
        return False
    return True


async def test_who_may_not_review_lets_nobody_in_and_refuses_nobody(
    namespace: Namespace, pod: Mapping[str, object]
) -> None:
    token = await namespace.token("default", audience=AUDIENCE, pod=pod)
    async with namespace.client_for("nobody") as api:
        with pytest.raises(NotReady):
            await reviewing(api)(shown(token), "")
