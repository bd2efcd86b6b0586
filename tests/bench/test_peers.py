"""Other control planes serve what we serve, and one that is not there is named, not an error."""

from bench.peers.feed import Feed, marks
from bench.peers.measure import table
from bench.shapes import Shape
from xds.types import CDS, EDS

SHAPE = Shape(services=3, endpoints=2)


def test_peers_are_given_all_clusters_and_endpoints_first_and_then_what_an_edit_changes() -> None:
    feed = Feed(SHAPE)
    assert [each.type_url for each in feed.initial()] == [CDS, EDS]
    (changed,) = feed.edit("endpoint", 1)
    assert (changed.type_url, len(changed.resources)) == (EDS, 1)
    ((_, mark),) = marks("endpoint", 1)
    assert mark in changed.resources[0].value


def test_the_table_says_how_many_times_as_much_a_peer_takes() -> None:
    report = {"endpoint_unscoped": {"last_ms": 100.0}}
    shown = table(report, {"peer": {"endpoint.last_ms": 250.0}}, {})
    assert "| endpoint.last_ms | 100 | 250 (2.5x) |" in shown


def test_the_table_says_why_a_peer_is_not_in_it() -> None:
    assert "Skipped: peer: no Go here" in table({}, {}, {"peer": "no Go here"})
