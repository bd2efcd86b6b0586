"""Where each pod's proxy stands, from what its stream has acknowledged."""

from collections.abc import Mapping

from heddle.demo.mesh_handle import ProxyState, ProxyStatus
from xds.status import ClientStatus


def proxy_status(
    pod: str, mode: str, clients: Mapping[str, ClientStatus], generation: int
) -> ProxyStatus:
    """Where the proxy of `pod` stands; `generation` is the newest configuration."""
    client = clients.get(pod)
    if client is None:
        return ProxyStatus(pod=pod, mode=mode, state=ProxyState.DISCONNECTED, acknowledged=-1)
    rejected = [each.nack for each in client.types.values() if each.rejected and each.nack]
    if rejected:
        state, detail = ProxyState.REJECTED, rejected[0].message
    else:
        behind = client.acknowledged < generation
        state, detail = (ProxyState.BEHIND if behind else ProxyState.SYNCED), ""
    return ProxyStatus(
        pod=pod, mode=mode, state=state, acknowledged=client.acknowledged, detail=detail
    )
