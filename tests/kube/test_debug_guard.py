"""Who may see what of proxies, by a real API server: RBAC decides, with the caller's own name."""

import time

import pytest

from ca.secret import Token
from heddle.debug.guard import Caller, NobodyToAsk, NotAllowed, NotAuthenticated, Scope
from heddle.debug.review_guard import ReviewGuard
from sources.kubernetes import KubernetesApi
from tests.kube.accounts import Namespace, rule
from tests.security_rows import guards

ASKS = (
    rule("authentication.k8s.io", ["tokenreviews"], ["create"]),
    rule("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
)
"""What the chart gives the control plane for it."""
LOOKS = rule("", ["pods/proxy"], ["get"])


def guard(api: KubernetesApi) -> ReviewGuard:
    return ReviewGuard(api.create, clock=time.monotonic)


async def token(namespace: Namespace, account: str, *, audience: str = "") -> Token:
    await namespace.account(account)
    return Token((await namespace.token(account, audience=audience)).encode())


@guards("C6")
async def test_who_may_get_the_proxy_of_pods_sees_them(namespace: Namespace) -> None:
    """In his namespace, and in no other; nothing of all at once."""
    await namespace.allow("heddle", *ASKS, everywhere=True)
    await namespace.allow("ann", LOOKS, everywhere=False)
    shown = await token(namespace, "ann")
    name = f"system:serviceaccount:{namespace.name}:ann"
    async with namespace.client_for("heddle") as api:
        asked = guard(api)
        for pod in ("", "web"):
            scope = Scope(namespace=namespace.name, pod=pod)
            assert await asked(shown, scope) == Caller(name=name, token=shown)
        for scope in (Scope(), Scope(namespace="default"), Scope(namespace="default", pod="web")):
            with pytest.raises(NotAllowed, match=f"{name} may not get pods/proxy"):
                await asked(shown, scope)


async def test_who_may_everywhere_sees_all(namespace: Namespace) -> None:
    await namespace.allow("heddle", *ASKS, everywhere=True)
    await namespace.allow("admin", LOOKS, everywhere=True)
    shown = await token(namespace, "admin")
    async with namespace.client_for("heddle") as api:
        for scope in (Scope(), Scope(namespace=namespace.name, pod="web")):
            assert (await guard(api)(shown, scope)).token == shown


async def test_to_read_pods_is_not_enough(namespace: Namespace) -> None:
    """Of what a proxy holds a pod's object says nothing."""
    await namespace.allow("heddle", *ASKS, everywhere=True)
    await namespace.allow("viewer", rule("", ["pods"], ["get", "list"]), everywhere=False)
    shown = await token(namespace, "viewer")
    async with namespace.client_for("heddle") as api:
        with pytest.raises(NotAllowed):
            await guard(api)(shown, Scope(namespace=namespace.name, pod="web"))


async def test_a_token_that_is_for_somebody_else_proves_nobody(namespace: Namespace) -> None:
    """That of a sidecar, for example, which is for the control plane; or none at all."""
    await namespace.allow("heddle", *ASKS, everywhere=True)
    await namespace.allow("ann", LOOKS, everywhere=False)
    sidecars = await token(namespace, "ann", audience="heddle")
    async with namespace.client_for("heddle") as api:
        for shown in (sidecars, Token(b"nothing"), Token(b"a.b.c")):
            with pytest.raises(NotAuthenticated):
                await guard(api)(shown, Scope(namespace=namespace.name))


async def test_without_the_right_to_ask_nobody_is_let_in(namespace: Namespace) -> None:
    """A control plane whose role lacks it fails closed."""
    await namespace.allow("heddle", ASKS[0], everywhere=True)
    await namespace.allow("ann", LOOKS, everywhere=False)
    shown = await token(namespace, "ann")
    async with namespace.client_for("heddle") as api:
        with pytest.raises(NobodyToAsk):
            await guard(api)(shown, Scope(namespace=namespace.name))
