"""Since when a client has not had all that there is, type by type."""

import pytest

from tests.xds.resources import cluster, endpoints, listener, upsert
from tests.xds.scripted import Scripted
from tests.xds.sotw_scripted import SotwScripted
from xds.publisher import Publisher
from xds.types import CDS, LDS

Both = pytest.mark.parametrize("scripted", [Scripted, SotwScripted])


def behind(client: Scripted | SotwScripted, type_url: str) -> float | None:
    """Since when, by the client's clock; `None`: it is not."""
    (found,) = (each for each in client.stream.exchanges() if each.type_url == type_url)
    return None if found.behind_since is None else client.now - found.behind_since


@Both
def test_it_is_since_the_oldest_response_without_an_answer(
    publisher: Publisher, scripted: type[Scripted] | type[SotwScripted]
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = scripted(publisher)
    client.sync("cds")
    assert behind(client, CDS) is None
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    nonces = [each.nonce for each in client.poll()]
    client.later(2)
    publisher.publish({"p": upsert(cds=[cluster("c")])})
    nonces += [each.nonce for each in client.poll()]
    client.later(3)
    assert (behind(client, CDS), len(nonces)) == (5, 2)
    client.ask("cds", nonce=nonces[0])
    assert behind(client, CDS) == 3
    client.ask("cds", nonce=nonces[1])
    assert behind(client, CDS) is None


@Both
def test_what_waits_for_clusters_is_behind_before_it_is_sent(
    publisher: Publisher, scripted: type[Scripted] | type[SotwScripted]
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")], eds=[endpoints("a")], lds=[listener("l")])})
    client = scripted(publisher)
    for kind, asked in (("cds", ()), ("eds", ("a",)), ("lds", ())):
        client.sync(kind, asked)
    publisher.publish({"p": upsert(cds=[cluster("b")], lds=[listener("l", 2)])})
    (clusters,) = client.poll()
    client.later(4)
    assert (behind(client, CDS), behind(client, LDS)) == (4, 4)
    (listeners,) = client.ask("cds", nonce=clusters.nonce)
    client.later(1)
    assert (behind(client, CDS), behind(client, LDS)) == (None, 1)
    client.ask("lds", nonce=listeners.nonce)
    assert behind(client, LDS) is None


def test_a_rejection_ends_the_wait(publisher: Publisher) -> None:
    """How long ago it was rejected is told instead."""
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (response,) = client.ask("cds")
    client.later(7)
    client.nack(response)
    (found,) = client.stream.exchanges()
    assert found.nack is not None
    assert (found.in_flight, found.nack.at) == ([], client.now)
