"""Service accounts of a real cluster: their tokens, what they may do, and clients that are them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from sources.errors import ApiError
from sources.kubernetes import KubernetesApi, kubernetes_api
from tests.kube.server import ApiServer

_CONFLICT = 409
_SHORTEST = 600
"""Seconds: the API server gives no shorter ones."""


class Namespace:
    """A namespace of a test's own, and what a test does there as an administrator."""

    def __init__(self, name: str, server: ApiServer, admin: KubernetesApi) -> None:
        self.name = name
        self.admin = admin
        self._server = server
        self._numbers = count()

    async def make(self, path: str, made: Mapping[str, object]) -> Mapping[str, object]:
        """Creates an object; it is all right if it is there."""
        try:
            return await self.admin.create(path, made)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            return made

    async def account(self, name: str) -> None:
        """Makes a service account, which may do nothing yet."""
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts"
        await self.make(path, _object("v1", "ServiceAccount", name))

    async def token(
        self,
        account: str,
        *,
        audience: str = "",
        pod: Mapping[str, object] | None = None,
        seconds: int = _SHORTEST,
    ) -> str:
        """A token of the account, bound to a pod if one is given (as the API server gave it)."""
        spec: dict[str, object] = {"expirationSeconds": seconds}
        spec["audiences"] = [audience] if audience else []
        if pod is not None:
            metadata = pod["metadata"]
            assert isinstance(metadata, dict)
            of = {"name": metadata["name"], "uid": metadata["uid"]}
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", **of}
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/{account}/token"
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        made = await self.admin.create(path, {**kind, "spec": spec})
        status = made["status"]
        assert isinstance(status, dict)
        return str(status["token"])

    async def allow(self, account: str, *rules: Mapping[str, object], everywhere: bool) -> None:
        """Lets the account do what RBAC rules say, here or in all namespaces."""
        name = f"{self.name}-{account}-{next(self._numbers)}"
        scope = "Cluster" if everywhere else ""
        where = "" if everywhere else f"/namespaces/{self.name}"
        group, base = "rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1"
        role = _object(f"{group}/v1", f"{scope}Role", name)
        subject = {"kind": "ServiceAccount", "name": account, "namespace": self.name}
        ref = {"apiGroup": group, "kind": f"{scope}Role", "name": name}
        binding = _object(f"{group}/v1", f"{scope}RoleBinding", name)
        plural = f"{scope.lower()}role"
        await self.make(f"{base}{where}/{plural}s", {**role, "rules": list(rules)})
        path = f"{base}{where}/{plural}bindings"
        await self.make(path, {**binding, "roleRef": ref, "subjects": [subject]})

    async def kubeconfig(self, account: str, *, url: str = "") -> Path:
        """A kubeconfig of the account, with a token that the API server has made; `url`: of a
        proxy in front of it."""
        await self.account(account)
        token = await self.token(account, seconds=24 * 3600)
        name = f"{self.name}-{account}-{next(self._numbers)}"
        return self._server.kubeconfig_of(name, {"token": token}, url)

    @asynccontextmanager
    async def client_for(self, account: str) -> AsyncIterator[KubernetesApi]:
        """A client that is this service account."""
        async with kubernetes_api(await self.kubeconfig(account)) as api:
            yield api


def rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Mapping[str, object]:
    """An RBAC rule."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _object(version: str, kind: str, name: str) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
