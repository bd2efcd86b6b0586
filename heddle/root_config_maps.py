"""The mesh's roots where pods read them from files: a ConfigMap in each namespace with pods of the
mesh, and a ClusterTrustBundle where the API server has such.

Only who leads writes them. What is there is compared with what is to be, and only what differs is
written; what somebody else has changed is mended. A rotation does not let the new authority sign
before all of them have its root.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from ca.authority import pem
from ca.secret_object import MANAGED_BY
from heddle.authority_secret import ROOT_FILE, ROOTS
from heddle.cluster_objects import Objects, Raw, find, listed, remove
from heddle.trouble import Trouble
from heddle.trust import Trust
from sources.errors import ApiError
from sources.resource import CONFIG_MAPS, Resource
from sources.served import served
from webhook import raw
from webhook.settings import SIGNER

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often it is asked whether anything else is wanted; that costs no request."""
MEND_SECONDS = 10.0
"""How often it is asked what is there."""
BUNDLE = f"{SIGNER.replace('/', ':')}:roots"
_BUNDLES = ("certificates.k8s.io", "ClusterTrustBundle", ("v1", "v1beta1"))
_MANAGER = "heddle"
_NAMED = 3
_NOT_FOUND, _FORBIDDEN = 404, 403

Namespaces = Callable[[], Collection[str] | None]


class RootConfigMaps:
    """Keeps them as they are to be."""

    def __init__(self, api: Objects, trust: Trust, namespaces: Namespaces) -> None:
        """`namespaces` are those that need the roots; None as long as that is not known."""
        self._api = api
        self._trust = trust
        self._namespaces = namespaces
        self._done: tuple[str, frozenset[str]] | None = None
        self._trouble = Trouble("roots are not everywhere")
        self._bundle: Resource | None = None
        self._untrusted = ""
        """Why there is no bundle."""

    @property
    def state(self) -> str:
        """The name of the rotation's state whose roots are everywhere; empty if of none, or if it
        is not ours to write them."""
        return self._done[0] if self._done is not None else ""

    @property
    def problem(self) -> str:
        """Why they are not."""
        return self._trouble.reason

    async def keep(self) -> None:
        """To be run while we lead."""
        until = 0.0
        try:
            while True:
                now = asyncio.get_running_loop().time()
                if now >= until or self._done != self._wanted():
                    await self.mend()
                    until = now + MEND_SECONDS
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._done = None

    def _wanted(self) -> tuple[str, frozenset[str]] | None:
        namespaces = self._namespaces()
        if namespaces is None:
            return None
        return self._trust.rotation.name, frozenset(namespaces)

    async def mend(self) -> None:
        """Writes what is missing or different, and removes what is ours and not wanted any more."""
        wanted = self._wanted()
        if wanted is None:
            return
        self._done = None if self._done is None or self._done[0] != wanted[0] else self._done
        roots = pem(self._trust.roots).decode()
        try:
            failed = await self._config_maps(wanted[1], roots)
            await self._trust_bundle(roots)
        except ApiError as error:
            self._trouble.now(str(error))
            return
        named = ", ".join(f"{name} ({why})" for name, why in sorted(failed.items())[:_NAMED])
        self._trouble.now(f"{len(failed)} namespaces without them: {named}" if failed else "")
        self._done = wanted if not failed else None

    async def _config_maps(self, wanted: Collection[str], roots: str) -> Mapping[str, str]:
        """Which namespaces could not be given them, and why."""
        query = {"fieldSelector": f"metadata.name={ROOTS}"}
        found = {
            raw.text(raw.metadata(each).get("namespace")): each
            for each in await listed(self._api, CONFIG_MAPS.collection(), query)
        }
        failed: dict[str, str] = {}
        for namespace in sorted({*wanted, *found}):
            there = found.get(namespace)
            try:
                if namespace not in wanted:
                    await self._remove(namespace, found[namespace])
                elif there is None or raw.mapping(there.get("data")).get(ROOT_FILE) != roots:
                    await self._write(namespace, roots)
            except ApiError as error:
                if error.status != _NOT_FOUND:  # the namespace has gone
                    failed[namespace] = str(error)
        return failed

    async def _write(self, namespace: str, roots: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": ROOTS, "namespace": namespace, "labels": MANAGED_BY},
            "data": {ROOT_FILE: roots},
        }
        path = CONFIG_MAPS.one(ROOTS, namespace)
        await self._api.apply(path, body, manager=_MANAGER, force=True)
        log.info("roots written", namespace=namespace, roots=len(self._trust.roots))

    async def _remove(self, namespace: str, found: Raw) -> None:
        meta = raw.metadata(found)
        if not MANAGED_BY.items() <= raw.labels(found).items():
            return
        await remove(
            self._api,
            CONFIG_MAPS.one(ROOTS, namespace),
            uid=str(meta.get("uid", "")),
            resource_version=str(meta.get("resourceVersion", "")),
        )
        log.info("roots removed", namespace=namespace)

    async def _trust_bundle(self, roots: str) -> None:
        """Where there is no such thing, or it is not ours to write, there is none."""
        try:
            resource = self._bundle or await served(self._api, *_BUNDLES)
            if resource is None:
                return
            self._bundle = resource
            await self._write_bundle(resource, roots)
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
            self._bundle = None
            if error.status == _FORBIDDEN and str(error) != self._untrusted:
                log.warning("no ClusterTrustBundle is written", reason=str(error))
                self._untrusted = str(error)

    async def _write_bundle(self, resource: Resource, roots: str) -> None:
        path = resource.one(BUNDLE)
        found = await find(self._api, path)
        if found is not None and raw.mapping(found.get("spec")).get("trustBundle") == roots:
            return
        body = {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": "ClusterTrustBundle",
            "metadata": {"name": BUNDLE, "labels": MANAGED_BY},
            "spec": {"signerName": SIGNER, "trustBundle": roots},
        }
        await self._api.apply(path, body, manager=_MANAGER, force=True)
        log.info("trust bundle written", name=BUNDLE)
