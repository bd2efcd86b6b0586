"""What the sidecar of a workload does with a call that arrives: the filter chain, whether it has to
come with a certificate, and whether it may call.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext

from crds.authorization_policy import Action, is_dry_run
from crds.meta import Key
from explain.authorization import Decision, Verdict, verdict
from explain.call import Call
from explain.filter_chain_match import Connection, chosen
from explain.step import Step
from mesh.authentication import deciding
from mesh.endpoints import PROXY_PORT_OFFSET
from mesh.identity import SpiffeId
from mesh.mesh import Mesh
from mesh.mutual_tls import DEFAULT_ACCOUNT
from mesh.protection import protection_of, trust_domains
from mesh.proxy import Mode, Proxy
from mesh.source import Source
from translator import mutual_tls, names
from translator.bootstrap_secrets import CERTIFICATE
from translator.translate import inbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A call to a port of a workload. `mutual`: with the caller's certificate; `tls`: within TLS of
    another kind, which most sidecars only pass on.
    """

    call: Call
    mutual: bool
    tls: bool = False


def identity(mesh: Mesh, proxy: Proxy) -> str:
    """The SPIFFE id in the certificate of a workload."""
    account = proxy.service_account or DEFAULT_ACCOUNT
    return str(SpiffeId(trust_domains(mesh.config)[0], proxy.namespace, account))


def judged(mesh: Mesh, proxy: Proxy, arrival: Arrival) -> Verdict:
    """What the policies of a workload say of a call that arrives; a call that its mode of mutual
    TLS refuses is denied. Raises `Unexplained`.
    """
    chain, call = _chain(mesh, proxy, arrival)
    if not _takes(chain, arrival):
        by = _mode_source(mesh, proxy, arrival.call.port)
        why = "it comes without a certificate, and mutual TLS is STRICT"
        if arrival.mutual:
            why = "it comes with mutual TLS, which is switched off"
        return Verdict(decision=Decision.DENIED, why=why, decided_by=by)
    return verdict(chain, call)


def arrived(mesh: Mesh, proxy: Proxy, arrival: Arrival) -> Iterator[Step]:
    """The steps of a call that arrives at a sidecar. Raises `Unexplained`."""
    port, name = arrival.call.port, f"{proxy.namespace}/{proxy.name}"
    protection = protection_of(mesh, proxy)
    mode, by = protection.modes.at(port), _mode_source(mesh, proxy, port)
    chain, call = _chain(mesh, proxy, arrival)
    taken = _takes(chain, arrival)
    how = "mutual TLS" if arrival.mutual else "other TLS" if arrival.tls else "plaintext"
    says = f"{mode.value}: {how} is {'taken' if taken else 'refused, the connection is closed'}"
    yield Step(at="mutual TLS", name=f"{name} port {port}", says=says, ok=taken, causes=by)
    if taken:
        yield authorized(mesh, proxy, verdict(chain, call))


def authorized(mesh: Mesh, proxy: Proxy, found: Verdict) -> Step:
    """What the policies of a workload have decided, and which."""
    said = found.why
    causes = found.decided_by
    if found.decision is Decision.DENIED and not causes:
        causes = tuple(Source(object=key) for key in allowing(mesh, proxy))
    return Step(
        at="authorization",
        name=f"{proxy.namespace}/{proxy.name}",
        says=f"{found.decision.value}: {said}",
        ok=found.decision is not Decision.DENIED,
        causes=causes,
    )


def allowing(mesh: Mesh, proxy: Proxy) -> tuple[Key, ...]:
    """The ALLOW policies of a workload that are obeyed."""
    policies = protection_of(mesh, proxy).policies
    return tuple(
        Key("security.istio.io", "AuthorizationPolicy", each.meta.namespace, each.meta.name)
        for each in policies
        if each.action is Action.ALLOW and not is_dry_run(each)
    )


def _mode_source(mesh: Mesh, proxy: Proxy, port: int) -> tuple[Source, ...]:
    root = mesh.config.root_namespace
    found = deciding(mesh.peer_authentications, root, proxy.namespace, proxy.labels, port)
    return (found,) if found is not None else ()


def _takes(chain: FilterChain, arrival: Arrival) -> bool:
    """Whether a chain takes a call: mutual TLS only one at which it ends, and no other one does."""
    if not chain.filters or not (arrival.mutual or arrival.tls):
        return bool(chain.filters)
    return arrival.mutual == _is_mutual(chain)


def _is_mutual(chain: FilterChain) -> bool:
    context = DownstreamTlsContext()
    if not chain.transport_socket.typed_config.Unpack(context):
        return False
    shown = context.common_tls_context.tls_certificate_sds_secret_configs
    return CERTIFICATE in [each.name for each in shown]


def _chain(mesh: Mesh, proxy: Proxy, arrival: Arrival) -> tuple[FilterChain, Call]:
    """The chain that takes it, one without filters if none does; and the call as it is seen there:
    in proxy-port mode it arrives at another port.
    """
    call = arrival.call
    name = names.VIRTUAL_INBOUND
    if proxy.mode is Mode.NONE:
        call = replace(call, port=call.port + PROXY_PORT_OFFSET)
        name = names.listener(proxy.address, call.port)
    offered = mutual_tls.HTTP_PROTOCOLS if call.http else mutual_tls.TCP_PROTOCOLS
    tls = arrival.mutual or arrival.tls
    speaks = "tls" if tls else "http/1.1" if call.http else ""
    alpn = tuple(offered) if arrival.mutual else ()
    connection = Connection(call.address, call.port, sni=call.sni, speaks=speaks, alpn=alpn)
    found = (each for each in inbound(mesh, proxy).listeners if each.name == name)
    chains = (chosen(listener, connection) for listener in found)
    chain = next(chains, FilterChain())
    ended = not arrival.tls or chain.HasField("transport_socket")
    return chain, replace(call, http=call.http and ended)
