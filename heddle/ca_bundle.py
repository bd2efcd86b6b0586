"""Whom the API server trusts at our webhooks: `caBundle` of their configurations, which is kept
equal to the roots of the mesh. Replicas of a revision may all do this: they write the same.

Nothing else of a configuration is touched, so that who keeps it in Git finds nothing changed; and
where cert-manager keeps the field, not even that.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import structlog

from crds.meta import Label
from heddle.trouble import Trouble
from sources.errors import ApiError
from sources.resource import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, Resource
from webhook import raw

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0
"""How soon somebody else's change is mended."""
_CERT_MANAGER = "cert-manager.io/inject-"
_NOT_FOUND = 404

Raw = Mapping[str, object]


class Configurations(Protocol):
    """What is needed of an API server. Each raises `ApiError`."""

    async def get(self, path: str) -> Raw:
        """The object."""

    async def json_patch(self, path: str, steps: Sequence[Raw]) -> Raw:
        """All of the steps (RFC 6902) or none; what it is now."""


class CaBundles:
    """Belongs to one event loop."""

    def __init__(self, api: Configurations, *, revision: str, roots: Callable[[], bytes]) -> None:
        """`roots` gives the certificates that are trusted now, as PEM."""
        self._api = api
        self._revision = revision
        self._roots = roots
        self._news = asyncio.Event()
        self._troubles: dict[str, Trouble] = {}

    async def roots_changed(self) -> None:
        """Has `keep` look now."""
        self._news.set()

    async def keep(self) -> None:
        """Writes what is not as it should be, again and again, until cancelled."""
        while True:
            self._news.clear()
            await self.look()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Mends all configurations that are there."""
        suffix = "" if self._revision == "default" else f"-{self._revision}"
        validator = await self._mend(VALIDATING_WEBHOOKS, f"heddle-validator{suffix}")
        await self._mend(MUTATING_WEBHOOKS, f"heddle-sidecar-injector{suffix}")
        for tag in _tags(validator):
            if tag != self._revision:
                name = f"heddle-revision-tag-{tag}.{self._revision}"
                await self._mend(MUTATING_WEBHOOKS, name)

    async def _mend(self, kind: Resource, name: str) -> Raw:
        path, event = kind.one(name), "caBundle cannot be kept"
        trouble = self._troubles.setdefault(path, Trouble(event, configuration=name))
        try:
            found = await self._api.get(path)
            steps = tuple(_steps(found, base64.b64encode(self._roots()).decode("ascii")))
            if steps:
                await self._api.json_patch(path, steps)
                log.info("caBundle written", configuration=name)
        except ApiError as error:
            trouble.now("" if error.status == _NOT_FOUND else str(error))
            return {}
        trouble.now("")
        return found


def _steps(configuration: Raw, bundle: str) -> Iterator[Raw]:
    """What makes it right; each is for the webhook of that name, wherever others have moved it."""
    if any(name.startswith(_CERT_MANAGER) for name in raw.annotations(configuration)):
        return
    for index, webhook in enumerate(raw.objects(configuration.get("webhooks"))):
        client = raw.mapping(webhook.get("clientConfig"))
        if client.get("caBundle") != bundle:
            path = f"/webhooks/{index}"
            yield {"op": "test", "path": f"{path}/name", "value": webhook.get("name")}
            step = "replace" if "caBundle" in client else "add"
            yield {"op": step, "path": f"{path}/clientConfig/caBundle", "value": bundle}


def _tags(validator: Raw) -> Iterator[str]:
    """The names beside its revision whose objects the validator is asked about: a tag of each leads
    pods here.
    """
    for webhook in raw.objects(validator.get("webhooks")):
        selector = raw.mapping(webhook.get("objectSelector"))
        for each in raw.objects(selector.get("matchExpressions")):
            values = each.get("values")
            if each.get("key") == Label.REVISION and isinstance(values, list):
                yield from (value for value in values if isinstance(value, str))
