"""The API server of a cluster: where it is, how we prove ourselves to it, and one request.

Where and how comes from kubernetes-asyncio: a kubeconfig, or what a pod is given. The transport is
aiohttp's own, for the client of kubernetes-asyncio writes whole answers to its log, and in the one
to a TokenReview is the token. It takes a second to import: only who talks to an API server does.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException, load_incluster_config, load_kube_config

from sources.errors import ApiError, SourceError

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 1 << 20
_UNAUTHORIZED = 401
_USELESS = (ConfigException, OSError, ValueError, TypeError, AttributeError, yaml.YAMLError)
"""What a kubeconfig that is none is answered with."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the API server is. `configuration` is asked for our token at every request, for that
    changes.
    """

    url: str
    server_name: str | None
    proxy: str | None
    context: ssl.SSLContext
    configuration: Configuration


class KubernetesApi:
    """An API server. Belongs to one event loop."""

    def __init__(self, config: Path | None, place: _Place, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._place = place
        self._session = session

    async def create(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """Posts an object; the one that comes back. Raises `ApiError`, whose text says nothing of
        either.
        """
        try:
            return await self._post(path, body)
        except ApiError as error:
            if error.status != _UNAUTHORIZED:
                raise
        # What we prove ourselves by may have been replaced meanwhile.
        self._place = await _place(self._config)
        return await self._post(path, body)

    async def _post(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        place = self._place
        try:
            headers = {"Accept": "application/json", **await _authorization(place.configuration)}
            async with self._session.post(
                place.url + path,
                json=body,
                headers=headers,
                ssl=place.context,
                server_hostname=place.server_name,
                proxy=place.proxy,
                allow_redirects=False,  # a redirect would take our token along
            ) as response:
                text = await response.content.read(MAX_ANSWER_BYTES + 1)
                if not response.ok:
                    raise ApiError(f"the API server says {response.status}", response.status)
                return _object(text)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            # The text of the cause could quote what was sent.
            raise ApiError(f"the API server cannot be asked ({type(error).__name__})") from None


async def _authorization(configuration: Configuration) -> dict[str, str]:
    token = await configuration.get_api_key_with_prefix("BearerToken")
    return {"Authorization": token} if isinstance(token, str) else {}


def _object(text: bytes) -> Mapping[str, object]:
    if len(text) > MAX_ANSWER_BYTES:
        raise ValueError("too long")
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


@asynccontextmanager
async def kubernetes_api(config: Path | None = None) -> AsyncIterator[KubernetesApi]:
    """The API server that a kubeconfig names; without one, that of the cluster around us.

    Raises `SourceError` if there is no such file, or no cluster around us.
    """
    place = await _place(config)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield KubernetesApi(config, place, session)


async def _place(config: Path | None) -> _Place:
    configuration = Configuration()
    try:
        if config is None:
            load_incluster_config(configuration)
        else:
            await load_kube_config(
                str(config), client_configuration=configuration, persist_config=False
            )
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except _USELESS as error:
        where = str(config) if config else "the cluster around this process"
        raise SourceError(f"{where} leads to no API server: {error}") from error
    if not configuration.verify_ssl:
        raise SourceError(f"{config} has insecure-skip-tls-verify: anybody could answer for it")
    return _Place(
        url=str(configuration.host).rstrip("/"),
        server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        context=context,
        configuration=configuration,
    )
