"""Tokens of pods, which the API server makes when a node asks it to."""

import asyncio
from collections.abc import Mapping, Sequence

from ca.secret import Token
from heddle.local.pods import PodFacts
from heddle.local.volumes import REFRESH_AT, TokenFile
from sources.errors import ApiError
from sources.kubernetes import KubernetesApi

_EARLY = 0.9
"""The pod's files are written anew at `REFRESH_AT`: then the new token has to be here."""
_PAUSE_SECONDS = 1.0

_Slot = tuple[str, str]


class PodTokens:
    """An `Issuer` that has asked before it is asked."""

    def __init__(self) -> None:
        self._tokens: dict[_Slot, Token] = {}

    def issue(
        self,
        *,
        namespace: str,
        service_account: str,
        pod: str,
        uid: str,
        audience: str,
        now: float,
        ttl: float,
        node: str,
    ) -> Token:
        """The newest that there is for the pod and audience."""
        del namespace, service_account, pod, now, ttl, node
        return self._tokens[uid, audience]

    async def fetch(self, api: KubernetesApi, pod: PodFacts, files: Sequence[TokenFile]) -> None:
        """Asks for all of them, each bound to the pod. Raises `ApiError`."""
        for file in files:
            self._tokens[pod.uid, file.audience] = await _request(api, pod, file)

    async def keep_fresh(
        self, api: KubernetesApi, pod: PodFacts, files: Sequence[TokenFile]
    ) -> None:
        """Asks again before they expire; never ends by itself."""
        while files:
            await asyncio.sleep(min(file.ttl for file in files) * REFRESH_AT * _EARLY)
            try:
                await self.fetch(api, pod, files)
            except ApiError:
                await asyncio.sleep(_PAUSE_SECONDS)

    def forget(self, uid: str) -> None:
        """The pod has gone."""
        for slot in [slot for slot in self._tokens if slot[0] == uid]:
            del self._tokens[slot]


async def _request(api: KubernetesApi, pod: PodFacts, file: TokenFile) -> Token:
    path = f"/api/v1/namespaces/{pod.namespace}/serviceaccounts/{pod.service_account}/token"
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
    spec: dict[str, object] = {"expirationSeconds": int(file.ttl), "boundObjectRef": bound}
    spec["audiences"] = [file.audience] if file.audience else []
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    made = await api.create(path, {**kind, "spec": spec})
    status = made.get("status")
    token = status.get("token") if isinstance(status, Mapping) else None
    if not isinstance(token, str):
        raise ApiError("there is no token in the answer")
    return Token(token.encode())
