"""The rows of *Sync*, from what streams say of themselves."""

from collections.abc import Iterable

import pytest

from heddle.demo.mesh_handle import ProxyState
from heddle.page.ages import Now
from heddle.page.sync import Cell, State, SyncView, connected, sync_view
from mesh.proxy import Proxy, Role
from tests.heddle import holding
from xds.containment import Quarantined
from xds.standing import Nack
from xds.status import Client
from xds.types import CDS, LDS, SDS

NOW = Now(wall=1_000.0, steady=50.0)
WORDS = "Error adding/updating listener(s) virtualInbound: no such filter"


def proxy(name: str, *, namespace: str = "shop", role: Role = Role.SIDECAR) -> Proxy:
    return Proxy(namespace=namespace, name=name, labels={}, service_account="a", role=role)


def nack(type_url: str, *names: str) -> Nack:
    return Nack(
        type_url=type_url, nonce="1", message=WORDS, generation=3, at=NOW.steady - 5, names=names
    )


def kept(name: str, *, everyone: bool = False) -> Quarantined:
    return Quarantined(type_url=LDS, name=name, version="v", message=WORDS, everyone=everyone)


def view(
    proxies: Iterable[Proxy],
    *clients: Client,
    generation: int = 0,
    wanted: str = "",
    only: str = "",
) -> SyncView:
    statuses = connected(client.status() for client in clients)
    return sync_view(proxies, statuses, generation, NOW, wanted=wanted, only=only)


def test_a_proxy_that_has_all_is_synced() -> None:
    web = holding.client(1, "web", holding.State(LDS, sent=7, acked=7), since=NOW.wall - 120)
    (row,) = view([proxy("web")], web).rows
    assert (row.overall, row.proxy_id, row.age) == (ProxyState.SYNCED, "web.shop", "2 min")
    assert {cell.column: cell.state for cell in row.cells} == {
        "CDS": State.NOT_ASKED,
        "EDS": State.NOT_ASKED,
        "LDS": State.SYNCED,
        "RDS": State.NOT_ASKED,
        "VHDS": State.NOT_ASKED,
        "SDS": State.NOT_ASKED,
    }


@pytest.mark.parametrize(
    ("state", "cell"),
    [
        (
            holding.State(CDS, sent=7, acked=7),
            Cell(column="CDS", state=State.SYNCED, sent=7, acked=7),
        ),
        (
            holding.State(CDS, settled=False, sent=7, acked=3),
            Cell(column="CDS", state=State.STALE, sent=7, acked=3),
        ),
        (
            holding.State(CDS, settled=False, sent=7, acked=3, behind_since=NOW.steady - 12),
            Cell(column="CDS", state=State.STALE, sent=7, acked=3, age="12 s"),
        ),
        (
            holding.State(CDS, rejected=True, sent=7, acked=3, behind_since=NOW.steady - 12),
            Cell(column="CDS", state=State.REJECTED, sent=7, acked=3),
        ),
        (
            holding.State(CDS, settled=False, sent=-1, acked=-1),
            Cell(column="CDS", state=State.NOT_SENT),
        ),
        (
            holding.State(CDS, settled=False, sent=7, acked=3, rejected=True),
            Cell(column="CDS", state=State.REJECTED, sent=7, acked=3),
        ),
    ],
)
def test_each_type_has_a_state_of_its_own(state: holding.State, cell: Cell) -> None:
    (row,) = view([proxy("web")], holding.client(1, "web", state)).rows
    assert row.cells[0] == cell


@pytest.mark.parametrize(
    ("cell", "detail"),
    [
        (Cell(column="CDS", state=State.SYNCED, sent=7, acked=7), "7"),
        (Cell(column="CDS", state=State.STALE, sent=7, acked=3), "3 of 7"),
        (Cell(column="CDS", state=State.STALE, sent=7), "none of 7"),
        (Cell(column="CDS", state=State.NOT_ASKED), ""),
    ],
)
def test_a_cell_says_what_is_held_of_what_was_sent(cell: Cell, detail: str) -> None:
    assert cell.detail == detail


def test_words_of_a_rejection_are_told_whole_with_the_resource() -> None:
    state = holding.State(
        LDS, rejected=True, nack=nack(LDS, "a", "b"), quarantined=[kept("virtualInbound")]
    )
    (row,) = view([proxy("web")], holding.client(1, "web", state)).rows
    (said,) = row.rejections
    assert row.overall is ProxyState.REJECTED
    assert (said.column, said.resource, said.words, said.age) == (
        "LDS",
        "virtualInbound",
        WORDS,
        "5 s",
    )


def test_what_was_never_sent_to_this_proxy_has_no_age() -> None:
    state = holding.State(LDS, rejected=True, quarantined=[kept("virtualInbound", everyone=True)])
    (row,) = view([proxy("web")], holding.client(1, "web", state)).rows
    (said,) = row.rejections
    assert (said.everyone, said.age) == (True, "")


def test_while_the_culprit_is_sought_the_first_names_of_the_response_are_told() -> None:
    names = [f"r{n}" for n in range(10)]
    state = holding.State(LDS, settled=False, rejected=True, nack=nack(LDS, *names))
    (row,) = view([proxy("web")], holding.client(1, "web", state)).rows
    (said,) = row.rejections
    assert said.resource == "r0, r1, r2, r3, r4, r5, r6, r7 and 2 more"
    assert not said.mended


def test_a_rejection_that_is_mended_is_still_told() -> None:
    state = holding.State(LDS, nack=nack(LDS, "a"))
    (row,) = view([proxy("web")], holding.client(1, "web", state)).rows
    assert row.overall is ProxyState.SYNCED
    assert [said.mended for said in row.rejections] == [True]


def test_what_needs_a_hand_comes_first() -> None:
    good = holding.client(1, "a", holding.State(SDS))
    bad = holding.client(2, "z", holding.State(LDS, rejected=True, nack=nack(LDS, "x")))
    found = view([proxy("a"), proxy("m"), proxy("z")], good, bad)
    assert [row.name for row in found.rows] == ["z", "m", "a"]
    assert found.summary == "3 proxies: 1 synced, 1 rejected, 1 disconnected. Configuration 0."


def test_a_proxy_is_behind_until_it_has_the_newest_configuration() -> None:
    (row,) = view([proxy("web")], holding.client(1, "web"), generation=4).rows
    assert row.overall is ProxyState.BEHIND


def test_of_two_streams_of_a_pod_the_newer_one_counts() -> None:
    old = holding.client(1, "web", holding.State(LDS, settled=False, acked=-1, sent=1))
    new = holding.client(2, "web", holding.State(LDS, acked=1, sent=1))
    (row,) = view([proxy("web")], old, new).rows
    assert row.cells[2].state is State.SYNCED


@pytest.mark.parametrize(
    ("wanted", "only", "left"),
    [
        ("", "", ["one", "two"]),
        ("  ON ", "", ["one"]),
        ("shop/tw", "", ["two"]),
        ("two.shop", "", ["two"]),
        ("", "disconnected", ["two"]),
        ("one", "disconnected", []),
        ("", "no such state", []),
    ],
)
def test_a_filter_leaves_what_fits(wanted: str, only: str, left: list[str]) -> None:
    there = holding.client(1, "one")
    found = view([proxy("one"), proxy("two")], there, wanted=wanted, only=only)
    assert sorted(row.name for row in found.rows) == left
    assert found.total == 2


def test_a_gateway_is_told_as_one() -> None:
    (row,) = view([proxy("ingress", role=Role.ROUTER)]).rows
    assert row.role == "gateway"


def test_no_proxy_is_no_table() -> None:
    assert view([]).summary == "No pod has a proxy."
