"""Which certificates clusters name: in files of the proxy's container, and in Secrets."""

from collections.abc import Iterator
from dataclasses import dataclass

from crds.client_tls import ClientTLSSettings, TLSmode
from mesh import hosts
from mesh.client_tls import asks_credential, is_closed
from mesh.credentials import secret_name
from mesh.destination_rules import giving_secrets, pattern_of
from mesh.host_view import HostView, selection, view
from mesh.mesh import Mesh, client
from mesh.scope import Scope
from translator.client_tls import originates
from translator.secrets import FileSecret, named_by


@dataclass(frozen=True, slots=True)
class Credential:
    """What is needed of the Secret with this name, of the proxy's own namespace: its certificate
    and key, or the `roots` that come with it.
    """

    secret: str
    roots: bool = False


def file_secrets(seen: HostView) -> frozenset[FileSecret]:
    """The certificates in files that the clusters of a host name."""
    return frozenset(each for tls in _obeyed(seen) for each in named_by(tls))


def credentials(mesh: Mesh, scope: Scope) -> frozenset[Credential]:
    """What the clusters of a scope need of Secrets."""
    found: set[Credential] = set()
    for host in _hosts(mesh, scope):
        chosen = selection(mesh, scope, host)
        if chosen is not None and chosen.secrets:
            for tls in filter(asks_credential, _obeyed(view(mesh, scope, chosen))):
                found.update(_needed(tls))
    return frozenset(found)


def _obeyed(seen: HostView) -> Iterator[ClientTLSSettings]:
    for port in seen.ports:
        for policy in (port.policy, *(subset.policy for subset in port.subsets)):
            if policy.tls is not None and originates(policy.tls) and not is_closed(policy):
                yield policy.tls


def _hosts(mesh: Mesh, scope: Scope) -> set[str]:
    """Those of the services that a rule is for which may give the clients of a scope Secrets."""
    who = client(mesh, scope.namespace, scope.labels)
    keys = giving_secrets(mesh.rules, who, gateway=scope.is_gateway)
    patterns = {pattern_of(mesh.rules.objects[key])[1] for key in keys}
    wild = {pattern for pattern in patterns if hosts.is_wildcard(pattern)}
    covered = (
        host for host in mesh.services.hosts if wild and any(hosts.matches(w, host) for w in wild)
    )
    return {*(patterns - wild), *covered}


def _needed(tls: ClientTLSSettings) -> Iterator[Credential]:
    name = secret_name(tls.credential_name)
    if tls.mode is TLSmode.MUTUAL:
        yield Credential(name)
    if not tls.insecure_skip_verify:
        yield Credential(name, roots=True)
