"""What a secret was is kept nowhere but where it is: caches outlive streams (C1)."""

import gc

import pytest

from tests.security_rows import guards
from tests.xds.resources import upsert
from xds.interest import NOTHING_AGAIN, Interest
from xds.publisher import PartChange, Publisher
from xds.resource import Resource, resource
from xds.slices import Chunk
from xds.sotw_state import States
from xds.track import Track
from xds.types import CDS, SDS

WANTED = Interest(names=frozenset({"default"}))


def key(content: bytes, version: str = "same") -> Resource:
    return resource(SDS, "default", content, version=version)


def watched(publisher: Publisher, part: str, type_url: str) -> Track:
    watch = publisher.watch((part,), lambda: None)
    watch.close()
    return watch.parts[0].tracks[type_url]


def track(publisher: Publisher, part: str) -> Track:
    return watched(publisher, part, SDS)


@pytest.fixture
def publisher() -> Publisher:
    made = Publisher()
    made.publish({"one": upsert(sds=[key(b"key of one")]), "two": upsert(sds=[key(b"key of two")])})
    return made


@guards("C1")
def test_streams_of_equal_versions_have_each_their_own(publisher: Publisher) -> None:
    """The version of a certificate says nothing of its key: two streams of one pod have the same.

    Once a state-of-the-world client got the bytes that another one had been sent.
    """
    states = States()
    sent = {}
    for part in ("one", "two"):
        tracks = (track(publisher, part),)
        sent[part] = states.body(SDS, states.current(tracks, WANTED))
    assert b"key of one" in sent["one"]
    assert b"key of two" in sent["two"]


@guards("C1")
def test_nothing_is_left_of_a_part_that_was_dropped(publisher: Publisher) -> None:
    """Nor of what was replaced, whoever has been sent it, in either protocol."""
    one = track(publisher, "one")
    one.select(-1, WANTED, NOTHING_AGAIN)
    current = publisher.states.current((one,), WANTED)
    publisher.states.body(SDS, current)
    publisher.states.narrowed(current, Interest())
    publisher.publish({"one": upsert(sds=[key(b"newer key", "newer")])})
    one.select(-1, WANTED, NOTHING_AGAIN)
    publisher.drop("one")
    del one, current
    assert [each for each in contents() if b"key of one" in each or b"newer key" in each] == []
    assert [each for each in contents() if b"key of two" in each] != []


def contents() -> list[bytes]:
    """Bytes of resources in memory."""
    gc.collect()
    found = [each for each in gc.get_objects() if isinstance(each, Resource | Chunk)]
    return [each.body if isinstance(each, Chunk) else each.message_bytes for each in found]


def test_what_is_no_secret_is_shared(publisher: Publisher) -> None:
    publisher.publish({"one": PartChange(upserts={CDS: [resource(CDS, "a", b"")]})})
    found = watched(publisher, "one", CDS)
    everything = Interest(everything=True)
    first = found.select(-1, everything, NOTHING_AGAIN)
    assert found.select(-1, everything, NOTHING_AGAIN) is first
    one = publisher.states.current((found,), everything)
    assert publisher.states.current((found,), everything) is one
