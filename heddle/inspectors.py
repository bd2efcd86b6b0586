"""Who may ask the server how far all its clients have come (CSDS): nobody, unless told so."""

from collections.abc import Iterable

import structlog

from heddle.identity import PodIdentity
from xds.auth import Identity

log = structlog.get_logger(__name__)


class Inspectors:
    """The `Inspector` that lets pods of certain service accounts look, and logs each pod once."""

    def __init__(self, accounts: Iterable[str]) -> None:
        """`accounts` are `namespace/service-account`; raises `ValueError` for anything else."""
        self._accounts = frozenset(_account(each) for each in accounts)
        self._told: set[str] = set()

    def __call__(self, identity: Identity) -> bool:
        """Whether the client may look."""
        allowed = isinstance(identity, PodIdentity) and (
            (identity.workload.namespace, identity.workload.service_account) in self._accounts
        )
        if allowed and identity.name not in self._told:
            self._told.add(identity.name)
            log.info("looks at the status of all clients", identity=identity.name)
        return allowed


def _account(text: str) -> tuple[str, str]:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise ValueError(f"{text!r} is not NAMESPACE/SERVICE_ACCOUNT")
    return namespace, name
