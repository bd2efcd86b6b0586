"""Where the API server of a cluster is, and how we prove ourselves to it.

Both come from kubernetes-asyncio: a kubeconfig, or what a pod is given. It takes a second to
import: only who talks to an API server does.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException, load_incluster_config, load_kube_config

from sources.errors import SourceError

_USELESS = (ConfigException, OSError, ValueError, TypeError, AttributeError, yaml.YAMLError)
"""What a kubeconfig that is none is answered with."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API server is. `configuration` is asked for our token at every request, for that
    changes. `context` shows our certificate, if we have one, and `nameless` none.
    """

    url: str
    server_name: str | None
    proxy: str | None
    context: ssl.SSLContext
    nameless: ssl.SSLContext
    configuration: Configuration

    async def authorization(self) -> dict[str, str]:
        """The header that says who we are; none if a client certificate does."""
        token = await self.configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if isinstance(token, str) else {}


async def place(config: Path | None, context: str | None = None) -> Place:
    """The API server that a kubeconfig names, in one of its contexts if not in the current one;
    without one, that which KUBECONFIG names or that of the cluster around us.

    Raises `SourceError` if there is no such file, or no cluster around us.
    """
    config = config or _from_environment()
    configuration = Configuration()
    try:
        if config is None:
            load_incluster_config(configuration)
        else:
            await load_kube_config(
                str(config),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        tls = nameless = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    except _USELESS as error:
        where = str(config) if config else "the cluster around this process"
        raise SourceError(f"{where} leads to no API server: {error}") from error
    if not configuration.verify_ssl:
        raise SourceError(f"{config} has insecure-skip-tls-verify: anybody could answer for it")
    return Place(
        url=str(configuration.host).rstrip("/"),
        server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        context=tls,
        nameless=nameless,
        configuration=configuration,
    )


def _from_environment() -> Path | None:
    named = os.environ.get("KUBECONFIG")
    return Path(named) if named else None
