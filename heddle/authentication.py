"""How `heddle serve` finds out whose a token is: offline, with the issuer's public keys, or by
asking the API server.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ca.tokens import TokenVerifier
from heddle.identity import TokenAuthenticator
from heddle.token_review import ReviewAuthenticator
from xds.auth import Authenticator

REVIEW_SECONDS = 5.0
"""For the API server to review a token: a proxy waits meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineKeys:
    """The public keys of an issuer, in a file. A token that the cluster takes back is good until it
    expires; its pod is looked at in any case.
    """

    jwks: Path
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An API server, which reviews each token: the one that a kubeconfig names, or that of the
    cluster around us.
    """

    kubeconfig: Path | None = None


Tokens = OfflineKeys | Review


def tokens_from(
    *,
    jwks: Path | None,
    issuer: str | None,
    review: bool,
    kubeconfig: Path | None,
    cluster: bool = False,
) -> Tokens:
    """What the options of the command line mean together; raises `ValueError`. `cluster`: there is
    an API server in any case, which reviews tokens unless there are keys.
    """
    if review or (cluster and jwks is None and issuer is None):
        if jwks is not None or issuer is not None:
            raise ValueError(
                "--token-review asks the API server: --token-jwks and --token-issuer are for"
                " tokens that are verified without it"
            )
        return Review(kubeconfig=kubeconfig)
    if kubeconfig is not None and not cluster:
        raise ValueError(
            "--kubeconfig says where the API server is: with --kubernetes, or --token-review"
        )
    if jwks is None or issuer is None:
        raise ValueError("give --token-review, or --token-jwks and --token-issuer")
    return OfflineKeys(jwks=jwks, issuer=issuer)


@asynccontextmanager
async def authenticator(
    tokens: Tokens, audience: str, clock: Callable[[], float]
) -> AsyncIterator[Authenticator]:
    """What accepts tokens for `audience`; `clock` gives seconds since the epoch.

    Raises `ValueError` for a file that is no key set, `SourceError` if there is no API server.
    """
    if isinstance(tokens, OfflineKeys):
        verifier = TokenVerifier(
            _key_set(tokens.jwks), issuer=tokens.issuer, audience=audience, clock=clock
        )
        yield TokenAuthenticator(verifier)
        return
    # Here, and not above: it takes a second to import, which nobody else is to wait for.
    from sources.kubernetes import kubernetes_api

    async with kubernetes_api(tokens.kubeconfig) as api:
        create = partial(api.create, seconds=REVIEW_SECONDS)
        yield ReviewAuthenticator(create, audience=audience, clock=clock)


def _key_set(file: Path) -> Mapping[str, object]:
    try:
        found = json.loads(file.read_text())
    except RecursionError as error:
        raise ValueError(f"{file} is not a key set: it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} is not a key set: it must be an object with a list `keys`")
    return found
