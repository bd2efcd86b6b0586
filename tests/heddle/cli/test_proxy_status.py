"""The tables of `heddle proxy-status`."""

from heddle.cli.proxy_status import details, overview
from heddle.page.ages import Now
from heddle.page.sync import connected, sync_view
from heddle.sync_pages import row_as_dict
from mesh.proxy import Proxy
from tests.heddle import holding
from xds.types import CDS, LDS

PROXY = Proxy(namespace="shop", name="web", labels={}, service_account="a")


def answer(*states: holding.State) -> dict[str, object]:
    """What the control plane says of a proxy, at 100 seconds."""
    found = connected([holding.client(1, "web", *states).status()])
    (row,) = sync_view([PROXY], found, 7, Now(wall=1_000.0, steady=100.0)).rows
    return dict(row_as_dict(row))


def test_of_several_replicas_it_says_which() -> None:
    row = answer(holding.State(LDS, sent=7, acked=7))
    assert "REPLICA" not in overview([row])
    shown = overview([{**row, "replica": "one.heddle-system"}, {**row, "replica": ""}])
    headings, first, second = shown.splitlines()
    assert first[headings.index("REPLICA") :] == "one.heddle-system"
    assert second[headings.index("REPLICA") :].strip() == "-"
    assert " to one.heddle-system for " in details(
        {**row, "age": "3 s", "replica": "one.heddle-system"}
    )


def test_what_is_behind_says_for_how_long() -> None:
    found = answer(
        holding.State(CDS, settled=False, sent=7, acked=3, behind_since=58.0),
        holding.State(LDS, sent=7, acked=7),
    )
    assert found["ages"] == {"cds": "42 s"}
    headings, row = overview([found]).splitlines()
    assert row[headings.index("CDS") :].startswith("STALE 42 s ")
    assert row[headings.index("LDS") :].startswith("SYNCED ")
    lines = details(found).splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["CDS", "STALE", "42", "s", "7", "3"],
        ["EDS", "NOT_ASKED", "-", "-"],
        ["LDS", "SYNCED", "7", "7"],
    ]
