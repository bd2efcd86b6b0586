"""A client that never asks for clusters is sent away, for only a new stream helps it."""

import pytest

from tests.xds.resources import endpoints, listener, upsert
from tests.xds.rules import rules
from tests.xds.scripted import Scripted
from tests.xds.sotw_scripted import SotwScripted
from xds.errors import Reconnect
from xds.limits import Limits
from xds.publisher import Publisher
from xds.types import CDS, LDS
from xds.watchdog import ClusterWatchdog

PATIENCE = Limits().clusters_within or 0.0


def test_it_waits_from_the_start_of_the_stream() -> None:
    watchdog = ClusterWatchdog(started=100.0, patience=30.0)
    assert watchdog.deadline([LDS]) == 130.0
    assert not watchdog.is_late([LDS], 129.9)
    assert watchdog.is_late([LDS], 130.0)


def test_it_wants_nothing_of_a_silent_client_nor_of_one_that_asked() -> None:
    watchdog = ClusterWatchdog(started=100.0, patience=30.0)
    for asked in ([], [CDS], [CDS, LDS]):
        assert watchdog.deadline(asked) is None
        assert not watchdog.is_late(asked, 1e9)


def test_it_can_be_turned_off() -> None:
    assert not ClusterWatchdog(started=100.0, patience=None).is_late([LDS], 1e9)


@rules("X-65")
@pytest.mark.parametrize("scripted", [Scripted, SotwScripted])
def test_a_client_that_never_asks_for_clusters_is_sent_away(
    publisher: Publisher, scripted: type[Scripted] | type[SotwScripted]
) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a")], lds=[listener("l")])})
    client = scripted(publisher)
    client.sync("eds", ["a"])
    client.sync("lds")
    assert client.stream.next_wakeup() == client.now + PATIENCE
    client.later(PATIENCE - 0.1)
    with pytest.raises(Reconnect, match="clusters"):
        client.later(0.1)


@rules("X-65")
@pytest.mark.parametrize("scripted", [Scripted, SotwScripted])
def test_a_client_that_asks_for_clusters_late_may_stay(
    publisher: Publisher, scripted: type[Scripted] | type[SotwScripted]
) -> None:
    publisher.publish({"p": upsert(eds=[endpoints("a")])})
    client = scripted(publisher)
    client.sync("eds", ["a"])
    client.later(PATIENCE - 0.1)
    client.sync("cds")
    assert client.stream.next_wakeup() is None
    assert client.later(3600) == []


@rules("X-65")
def test_a_client_of_grpc_has_no_clusters_until_its_routes_name_some(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(lds=[listener("l")])})
    client = SotwScripted(publisher)
    client.sync("lds", ["l"])
    assert client.later(3600) == []
