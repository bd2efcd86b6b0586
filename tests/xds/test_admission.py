"""Who may be brought up to date now: decided without waiting."""

import pytest

from tests.xds.resources import cluster, endpoints, upsert
from tests.xds.rules import rules
from tests.xds.scripted import Scripted
from xds.admission import Admission, Ticket
from xds.publisher import Publisher
from xds.status import is_brought_up


def test_those_who_came_first_enter_and_the_others_wait() -> None:
    line = Admission(at_once=2, patience=5.0)
    a, b, c = (line.join() for _ in range(3))
    assert line.admit(0.0) == [a, b]
    assert line.admit(0.0) == []
    assert (line.inside, line.waiting) == (2, 1)
    line.leave(b)
    assert line.admit(1.0) == [c]
    assert line.waiting == 0


def test_one_that_stays_loses_its_place_to_the_next() -> None:
    line = Admission(at_once=1, patience=5.0)
    _, late, later = (line.join() for _ in range(3))
    line.admit(10.0)
    assert line.next_wakeup() == 15.0
    assert line.admit(14.9) == []
    assert line.admit(15.0) == [late]
    assert line.next_wakeup() == 20.0
    assert line.admit(20.0) == [later]


def test_leaving_the_line_and_leaving_twice() -> None:
    line = Admission(at_once=1, patience=5.0)
    a, b, c = (line.join() for _ in range(3))
    line.admit(0.0)
    line.leave(b)
    line.leave(a)
    line.leave(a)
    assert line.admit(1.0) == [c]


def test_nothing_is_due_while_nobody_waits() -> None:
    line = Admission(at_once=1, patience=5.0)
    assert line.next_wakeup() is None
    line.join()
    line.admit(0.0)
    assert line.next_wakeup() is None


def test_a_thousand_enter_in_order_and_never_more_than_allowed() -> None:
    """Whether they answer or not: half of them never do."""
    line = Admission(at_once=32, patience=2.0)
    tickets = [line.join() for _ in range(1000)]
    answers = frozenset(tickets[::2])
    entered: list[Ticket] = []
    now = 0.0
    while line.waiting:
        admitted = line.admit(now)
        assert line.inside <= 32
        entered += admitted
        for ticket in admitted:
            if ticket in answers:
                line.leave(ticket)
        due = line.next_wakeup()
        now = due if due is not None and line.inside == 32 else now
    assert entered == tickets
    assert now == pytest.approx(2.0 * (500 // 32))


def test_a_line_that_nobody_can_enter_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at_once"):
        Admission(at_once=0, patience=1.0)


@rules("X-29")
def test_a_client_is_brought_up_before_its_clusters_are_warm(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")], eds=[endpoints("a")])})
    client = Scripted(publisher)
    states = client.stream.exchanges
    assert not is_brought_up(states())
    client.ask("cds")
    assert not is_brought_up(states())
    (response,) = client.ask("eds", ["a"])
    assert not is_brought_up(states())
    client.ack(response)
    assert is_brought_up(states())


def test_a_client_that_asks_for_clusters_only_is_brought_up_when_it_accepts_them(
    publisher: Publisher,
) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (response,) = client.ask("cds")
    client.ack(response)
    assert is_brought_up(client.stream.exchanges())


def test_a_rejection_is_an_answer(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (response,) = client.ask("cds")
    client.nack(response)
    assert is_brought_up(client.stream.exchanges())


def test_what_is_published_meanwhile_does_not_make_a_client_new_again(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    (first,) = client.ask("cds")
    publisher.publish({"p": upsert(cds=[cluster("b")])})
    client.poll()
    client.ack(first)
    assert is_brought_up(client.stream.exchanges())


@rules("X-60")
def test_a_client_that_lacks_nothing_is_brought_up_at_once(publisher: Publisher) -> None:
    publisher.publish({"p": upsert(cds=[cluster("a")])})
    client = Scripted(publisher)
    assert client.ask("cds", held={"a": cluster("a").version}) == []
    assert is_brought_up(client.stream.exchanges())
