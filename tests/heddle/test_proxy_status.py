"""Where the demo says that a pod's proxy stands."""

import pytest

from heddle.demo.mesh_handle import ProxyState
from heddle.proxy_status import proxy_status
from xds.containment import Quarantined
from xds.standing import Nack
from xds.status import ClientStatus, TypeStatus
from xds.types import CDS

POD = "shop/web"
NACK = Nack(type_url=CDS, nonce="1", message="last words", generation=1, at=0.0, names=("c", "d"))


def client(acknowledged: int, *kept: str, nack: Nack | None = None) -> ClientStatus:
    status = TypeStatus(
        sent=1,
        acked=acknowledged,
        in_flight=0,
        settled=nack is None,
        rejected=nack is not None,
        nack=nack,
        quarantined=tuple(
            Quarantined(type_url=CDS, name=name, version="1", message="bad") for name in kept
        ),
    )
    return ClientStatus(
        id=1,
        node="n",
        identity="i",
        peer="p",
        key=None,
        since=0.0,
        acknowledged=acknowledged,
        types={CDS: status},
    )


@pytest.mark.parametrize(
    ("found", "state", "detail"),
    [
        pytest.param(None, ProxyState.DISCONNECTED, "", id="not connected"),
        pytest.param(client(0), ProxyState.BEHIND, "", id="behind"),
        pytest.param(client(1), ProxyState.SYNCED, "", id="up to date"),
        pytest.param(client(0, nack=NACK), ProxyState.REJECTED, "last words", id="looked into"),
        pytest.param(client(0, "c", nack=NACK), ProxyState.REJECTED, "c: bad", id="kept"),
    ],
)
def test_a_proxy_has_one_state(found: ClientStatus | None, state: ProxyState, detail: str) -> None:
    clients = {} if found is None else {POD: found}
    status = proxy_status(POD, "REDIRECT", clients, 1)
    assert (status.state, status.detail) == (state, detail)
