"""What a mesh object says of itself while proxies take it, do not, or have not answered yet."""

from collections.abc import Mapping

from crds.meta import Key
from heddle.conditions import Reason, conditions
from heddle.liveness import AWAY_SECONDS, Live, Rejected, Standing, Waiting
from heddle.status_board import PENDING_SECONDS, YOUNG_SECONDS, Scope, StatusBoard
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, namespace, route, subsets, workload
from tests.features.stream import Stream
from xds.types import EDS

ONE = "{timeout: 1s, route: [{destination: {host: reviews}}]}"
TWO = "{timeout: 2s, route: [{destination: {host: reviews}}]}"
ROUTE = Key("networking.istio.io", "VirtualService", "shop", "reviews")
RULE = Key("networking.istio.io", "DestinationRule", "shop", "reviews")
HOST = f"80/{REVIEWS}:80"
WORDS = "no such thing as a timeout"


def watched(plane: Plane) -> StatusBoard:
    """The board of a plane that is no longer young."""
    board = StatusBoard(plane.control, plane.server.clients, plane.clock)
    plane.apply(SHOP)
    board.look(Scope.MESH)
    plane.clock.advance(YOUNG_SECONDS + 1)
    return board


def standing(board: StatusBoard, key: Key = ROUTE) -> Standing | None:
    board.look(Scope.MESH)
    facts = board.facts(key)
    return facts.standing if facts is not None else None


def reasons(board: StatusBoard, key: Key = ROUTE) -> Mapping[str, tuple[bool, Reason]]:
    board.look(Scope.MESH)
    facts = board.facts(key)
    assert facts is not None
    return {each.type: (each.holds, each.reason) for each in conditions(facts)}


async def test_an_edit_is_live_once_who_uses_it_has_acknowledged_it(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", ONE))
        assert standing(board) is None  # too early to say that it is not
        plane.clock.advance(PENDING_SECONDS)
        assert standing(board) == Waiting(proxies=1)
        assert reasons(board)["Programmed"] == (False, Reason.PENDING)
        await stream.ping()
        assert standing(board) == Live(used=True)
        assert reasons(board) == {
            "Accepted": (True, Reason.ACCEPTED),
            "ResolvedRefs": (True, Reason.RESOLVED),
            "Programmed": (True, Reason.PROGRAMMED),
        }


async def test_who_does_not_hold_what_changed_is_not_waited_for(plane: Plane) -> None:
    bank = (namespace("bank"), workload("teller", "bank"))
    board = watched(plane)
    plane.apply(SHOP, *bank)
    async with plane.of("shop/web") as near, plane.of("bank/teller") as far:
        for stream in (near, far):
            await stream.synced()
            await stream.ping()
        plane.apply(SHOP, *bank, route("reviews", ONE, export_to="."))
        plane.clock.advance(PENDING_SECONDS)
        assert standing(board) == Waiting(proxies=1)
        await near.ping()
        assert standing(board) == Live(used=True)


async def test_what_changes_nothing_for_anybody_is_programmed_at_once(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("nobody", ONE, namespace="elsewhere", export_to="."))
        key = Key("networking.istio.io", "VirtualService", "elsewhere", "nobody")
        assert standing(board, key) == Live(used=False)
        assert reasons(board, key)["Programmed"] == (True, Reason.UNUSED)


async def test_a_pod_that_comes_later_is_not_waited_for(plane: Plane) -> None:
    board = watched(plane)
    plane.apply(SHOP, route("reviews", ONE))
    assert standing(board) == Live(used=False)
    async with plane.of("shop/web"):
        assert standing(board) == Live(used=False)


async def test_a_pod_that_leaves_in_between_is_waited_for_a_while(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", ONE))
    await plane.alone()
    plane.clock.advance(PENDING_SECONDS)
    assert standing(board) == Waiting(proxies=1)
    plane.clock.advance(AWAY_SECONDS + 1)
    assert standing(board) == Live(used=True)


async def test_a_pod_that_is_deleted_is_not_waited_for(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", ONE))
        plane.apply(namespace("shop"), workload("reviews"), route("reviews", ONE))
    await plane.alone()
    assert standing(board) == Live(used=True)


async def test_a_pod_that_has_to_come_back_for_other_parts_is_waited_for(plane: Plane) -> None:
    """A rule that asks for the client's labels gives it another scope."""
    asking = "{match: [{sourceLabels: {app: web}}], route: [{destination: {host: reviews}}]}"
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        plane.apply(SHOP, route("reviews", asking))
        await stream.refused()
        plane.clock.advance(PENDING_SECONDS)
        assert standing(board) == Waiting(proxies=1)
        async with plane.stream(stream.envoy, plane.token("shop/web")) as again:
            await again.ping()
            assert standing(board) == Live(used=True)


async def subset_taken(stream: Stream) -> None:
    await stream.until(lambda: f"outbound|80|v1|{REVIEWS}" in stream.envoy.held[EDS])
    await stream.ping()


async def rejecting(plane: Plane, stream: Stream, *texts: str) -> None:
    """Makes this YAML all there is, and has the Envoy reject what comes of it."""
    await stream.rejects(WORDS, lambda: plane.apply(SHOP, *texts))
    stream.envoy.reject = ""
    await stream.ping()


async def test_what_envoy_rejects_is_told_with_its_words(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        await rejecting(plane, stream, route("reviews", ONE))
        pod = plane.pod("shop/web")
        assert standing(board) == Rejected(
            pods=(pod,), proxies=1, users=1, resource=HOST, words=WORDS
        )
        plane.apply(SHOP, route("reviews", TWO))
        await stream.ping()
        assert standing(board) == Live(used=True)


async def test_a_rejection_is_no_matter_of_what_was_edited_before(plane: Plane) -> None:
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        plane.apply(SHOP, subsets("reviews", "v1"))
        await subset_taken(stream)
        await rejecting(plane, stream, subsets("reviews", "v1"), route("reviews", ONE))
        assert isinstance(standing(board), Rejected)
        assert standing(board, RULE) == Live(used=True)


async def test_a_slow_proxy_keeps_only_its_own_edits_waiting(plane: Plane) -> None:
    """The newest edit of an object counts; what others edited meanwhile does not."""
    board = watched(plane)
    async with plane.of("shop/web") as stream:
        await stream.synced()
        await stream.ping()
        plane.apply(SHOP, route("reviews", ONE))
        plane.apply(SHOP, route("reviews", TWO), subsets("reviews", "v1"))
        plane.clock.advance(PENDING_SECONDS)
        assert standing(board) == standing(board, RULE) == Waiting(proxies=1)
        plane.apply(SHOP, subsets("reviews", "v1"))
        assert standing(board) is None
        await subset_taken(stream)
        assert standing(board, RULE) == Live(used=True)


async def test_an_object_with_errors_is_neither_accepted_nor_programmed(plane: Plane) -> None:
    board = watched(plane)
    plane.apply(SHOP, route("reviews", "{timeout: soon}"))
    assert reasons(board) == {
        "Accepted": (False, Reason.INVALID),
        "ResolvedRefs": (True, Reason.RESOLVED),
        "Programmed": (False, Reason.NOT_IN_USE),
    }
    plane.apply(SHOP, route("reviews", ONE))
    assert reasons(board)["Accepted"] == (True, Reason.ACCEPTED)


async def test_the_loser_of_a_conflict_names_the_winner(plane: Plane) -> None:
    board = watched(plane)
    second = route("reviews", TWO).replace("{name: reviews,", "{name: zz,")
    plane.apply(SHOP, route("reviews", ONE), second)
    key = Key("networking.istio.io", "VirtualService", "shop", "zz")
    board.look(Scope.MESH)
    facts = board.facts(key)
    assert facts is not None
    accepted = conditions(facts)[0]
    assert (accepted.holds, accepted.reason) == (False, Reason.CONFLICTED)
    assert "VirtualService shop/reviews" in accepted.message
    assert reasons(board)["Accepted"] == (True, Reason.ACCEPTED)


async def test_a_reference_that_leads_nowhere_is_told_until_it_does(plane: Plane) -> None:
    board = watched(plane)
    lost = "{route: [{destination: {host: ratings}}]}"
    plane.apply(SHOP, route("reviews", lost))
    assert reasons(board)["ResolvedRefs"] == (False, Reason.UNRESOLVED)
    assert reasons(board)["Accepted"] == (True, Reason.ACCEPTED)
    plane.apply(SHOP, workload("ratings"), route("reviews", lost))
    assert ROUTE in board.look(Scope.MESH)
    assert reasons(board)["ResolvedRefs"] == (True, Reason.RESOLVED)


async def test_nothing_is_said_while_pods_may_still_come_back(plane: Plane) -> None:
    board = StatusBoard(plane.control, plane.server.clients, plane.clock)
    plane.apply(SHOP, route("reviews", ONE))
    assert standing(board) is None
    async with plane.of("shop/web") as web, plane.of("shop/reviews") as reviews:
        await web.synced()
        await reviews.synced()
        assert standing(board) is not None
