"""Client TLS settings that name a Secret: who may have it, and whether it has what it takes. What
cannot be obeyed is closed: its clusters have no endpoints.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crds.client_tls import ClientTLSSettings, TLSmode
from crds.destination_rule import DestinationRule
from mesh.credentials import Credentials, Lacking, roots_secret, secret_name
from mesh.destinations import Policy

_NO_SELECTOR = (
    "a sidecar needs a workloadSelector beside credentialName, so its requests get a 503 (Istio "
    "would send them in the clear); add one, or name files"
)
_UNUSABLE = (
    "the Secret {} has no usable {}, so these requests get a 503 until it has; it must be in the "
    "namespace of the client's pods"
)
_OTHER_KIND = "only Secrets are read, so these requests get a 503; put the authorities into one"
_CONFIG_MAP = "configmap://"


def asks_credential(tls: ClientTLSSettings | None) -> bool:
    """Whether a Secret is needed for what the settings ask for."""
    if tls is None or not tls.is_foreign:
        return False
    return bool(tls.credential_name)


def is_closed(policy: Policy) -> bool:
    """Whether nothing may be sent by this policy, for it cannot be secured as asked."""
    return asks_credential(policy.tls) and not policy.credential


def with_credential(policy: Policy, credentials: Credentials, namespace: str) -> Policy:
    """`policy` for clients that may have the Secrets of `namespace` (empty: of none)."""
    tls = policy.tls
    if tls is None or not namespace or not asks_credential(tls):
        return policy
    if lacking(credentials, namespace, tls):
        return policy
    return replace(policy, credential=secret_name(tls.credential_name))


def secrets_of(rule: DestinationRule) -> frozenset[str]:
    """The names of the Secrets that a rule needs, of its clients' namespace."""
    policies = (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets))
    settings = (
        tls
        for policy in policies
        if policy is not None
        for tls in (policy.tls, *(level.tls for level in policy.port_level_settings))
    )
    return frozenset(
        secret_name(tls.credential_name)
        for tls in settings
        if tls is not None and asks_credential(tls)
    )


def lacking(credentials: Credentials, namespace: str, tls: ClientTLSSettings) -> Lacking | None:
    """What the Secret lacks for clients of `namespace`."""
    name = secret_name(tls.credential_name)
    if tls.mode is TLSmode.MUTUAL and not credentials.at(namespace, name).certificate:
        return Lacking("credentialName", name, "certificate with its key")
    if tls.insecure_skip_verify or roots_secret(credentials, namespace, name):
        return None
    return Lacking("credentialName", name, "certificate of an authority (ca.crt)")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a policy is closed, for some clients (`partly`) or for all: the code of the problem, the
    field at fault, its value, and what the user reads.
    """

    code: str
    field: str
    value: str
    message: str
    partly: bool = False


def faults(
    tls: ClientTLSSettings, credentials: Credentials, namespaces: Iterable[str], *, selected: bool
) -> Iterator[Fault]:
    """`selected`: whether the rule has a workloadSelector; `namespaces` are those of the clients
    that may have the Secret: its own if it has, and else those of gateways.
    """
    if not asks_credential(tls):
        return
    field, value = "credentialName", tls.credential_name
    lacks = {namespace: lacking(credentials, namespace, tls) for namespace in namespaces}
    if not selected:
        partly = bool(lacks)
        yield Fault("credential-without-selector", field, value, _NO_SELECTOR, partly)
    if value.startswith(_CONFIG_MAP):
        yield Fault("unusable-secret", field, value, _OTHER_KIND)
        return
    missing = [(namespace, lack) for namespace, lack in lacks.items() if lack is not None]
    if missing and len(missing) == len(lacks):
        names = " or ".join(f"{namespace}/{lack.secret}" for namespace, lack in missing)
        yield Fault("unusable-secret", field, value, _UNUSABLE.format(names, missing[0][1].what))
