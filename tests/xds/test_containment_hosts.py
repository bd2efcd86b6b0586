"""What a delta stream does about rejected virtual hosts: domains stay with those that move them."""

from tests.xds.rejecting import host, quarantined, respond
from tests.xds.resources import (
    route,
    upsert,
    virtual_host,
)
from tests.xds.rules import rules
from tests.xds.scripted import Scripted, names, told
from xds.publisher import PartChange, Publisher
from xds.types import VHDS


@rules("X-129")
def test_a_domain_that_moves_travels_unsplit_and_stays_until_its_move_is_mended(
    publisher: Publisher,
) -> None:
    publisher.publish(
        {"p": upsert(rds=[route("80")], vhds=[host("a", "moved"), host("b"), host("c")])}
    )
    client = Scripted(publisher)
    client.sync("rds", ["80"])
    client.sync("vhds")
    publisher.publish({"p": upsert(vhds=[host("a"), host("b", "moved"), host("c", "new")])})
    sent = respond(client, client.poll(), {"80/b"})
    for each in sent:
        assert ("80/a" in each) == ("80/b" in each)
    assert quarantined(client) == ["80/a", "80/b"]
    publisher.publish({"p": upsert(vhds=[host("b", "moved", "mended")])})
    assert told(client.settle()) == [("vhds", ["80/a", "80/b"], [])]
    assert quarantined(client) == []


@rules("X-129")
def test_a_virtual_host_whose_successor_is_rejected_stays(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(rds=[route("80")], vhds=[host("a", "moved"), host("c")])})
    client = Scripted(publisher)
    client.sync("cds")
    client.sync("rds", ["80"])
    client.sync("vhds")
    publisher.publish(
        {
            "p": PartChange(
                upserts={VHDS: [host("b", "moved"), host("c", "new")]}, removals={VHDS: ["80/a"]}
            )
        }
    )
    sent: list[tuple[str, list[str], list[str]]] = []
    pending = client.poll()
    while pending:
        response = pending.pop(0)
        sent += told([response])
        pending += (client.nack if "80/b" in names(response) else client.ack)(response)
    assert all(("80/b" in up) == ("80/a" in down) for _, up, down in sent)
    assert client.later(3600) == []
    publisher.publish({"p": upsert(vhds=[host("b", "moved", "mended")])})
    assert told(client.settle()) == [("vhds", ["80/b"], ["80/a"])]


@rules("X-30", "X-129")
def test_a_virtual_host_is_named_by_its_domain(publisher: Publisher) -> None:
    found = [host(name) for name in "abcdefgh"]
    publisher.publish({"p": upsert(rds=[route("80")], vhds=found)})
    client = Scripted(publisher)
    client.sync("rds", ["80"])
    (table,) = client.ask("vhds")
    (rest,) = client.nack(table, "Duplicate entry of domain e.test in route 80")
    assert names(rest) == [f"80/{name}" for name in "abcdfgh"]


@rules("X-123")
def test_routes_that_were_rejected_bring_their_table_when_they_are_mended(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(rds=[route("80")], vhds=[virtual_host("80/x")])})
    client = Scripted(publisher)
    client.sync("vhds")
    routes, table = client.ask("rds", ["80"])
    client.ack(table)
    client.nack(routes)
    publisher.publish({"p": upsert(rds=[route("80", 2)])})
    assert told(client.settle()) == [("rds", ["80"], []), ("vhds", ["80/x"], [])]
