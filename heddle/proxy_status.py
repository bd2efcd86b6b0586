"""Where each pod's proxy stands, from what its stream has acknowledged."""

from collections.abc import Mapping

from heddle.demo.mesh_handle import ProxyState, ProxyStatus
from xds.status import ClientStatus, TypeState, TypeStatus


def proxy_status(
    pod: str, mode: str, clients: Mapping[str, ClientStatus], generation: int
) -> ProxyStatus:
    """Where the proxy of `pod` stands; `generation` is the newest configuration."""
    client = clients.get(pod)
    if client is None:
        return ProxyStatus(pod=pod, mode=mode, state=ProxyState.DISCONNECTED, acknowledged=-1)
    rejected = [_words(each) for each in client.types.values() if each.rejected]
    if rejected:
        state, detail = ProxyState.REJECTED, rejected[0]
    else:
        behind = client.acknowledged < generation
        state, detail = (ProxyState.BEHIND if behind else ProxyState.SYNCED), ""
    return ProxyStatus(
        pod=pod, mode=mode, state=state, acknowledged=client.acknowledged, detail=detail
    )


def has_answered(client: ClientStatus, generation: int) -> bool:
    """Whether a client has taken all of a generation but for what is kept from it, because it
    rejected that: nothing more is to come.
    """
    return all(is_final(status, generation) for status in client.types.values())


def is_final(state: TypeStatus | TypeState, generation: int) -> bool:
    """The same of one type."""
    kept = state.quarantined and state.sent >= generation and not state.in_flight
    return state.settled or state.acked >= generation or bool(kept)


def _words(status: TypeStatus) -> str:
    """What Envoy said of the first resource that it does not take, or last while that is sought."""
    if status.quarantined:
        first = status.quarantined[0]
        return f"{first.name}: {first.message}"
    return status.nack.message if status.nack is not None else ""
