"""Who rejected what, by client, release and principal; and that it stays small."""

import pytest
from envoy.config.core.v3 import base_pb2

from xds.quarantine import Note, Quarantine, Record, release
from xds.search import Atom
from xds.types import CDS, LDS


def note(name: str, version: str = "v") -> Note:
    return Note(atom=Atom(contents=((name, version),)), words="no")


def rejected(quarantine: Quarantine, client: str, name: str, who: str | None = None) -> Record:
    record = quarantine.record(client, release="1", principal=who)
    record.reject(CDS, note(name))
    return record


def test_a_release_is_a_program_and_a_version() -> None:
    node = base_pb2.Node(user_agent_name="envoy")
    version = node.user_agent_build_version.version
    version.major_number, version.minor_number, version.patch = 1, 40, 2
    assert release(node) == "envoy/1.40.2"


def test_a_release_may_be_a_text_which_is_bounded() -> None:
    node = base_pb2.Node(user_agent_name="g" * 100, user_agent_version="1" * 100)
    assert release(node) == f"{'g' * 64}/{'1' * 64}"


def test_a_note_is_on_one_client_type_and_content() -> None:
    quarantine = Quarantine()
    record = rejected(quarantine, "n", "c")
    assert record.concerned
    assert record.note(CDS, ("c", "v")) == note("c")
    assert record.note(CDS, ("c", "other")) is None
    assert record.note(LDS, ("c", "v")) is None
    assert not quarantine.record("other", release="1").concerned
    assert not quarantine.record("n", release="2").concerned


def test_the_notes_on_one_client_are_bounded_and_push_out_no_others() -> None:
    quarantine = Quarantine(per_client=2)
    other = rejected(quarantine, "other", "x")
    for name in "abc":
        record = rejected(quarantine, "n", name)
    assert record.note(CDS, ("a", "v")) is None
    assert record.note(CDS, ("c", "v")) is not None
    assert other.note(CDS, ("x", "v")) is not None
    assert len(quarantine) == 3


def test_all_notes_are_bounded_and_those_of_the_quietest_client_go_first() -> None:
    quarantine = Quarantine(contents=2)
    for client in "abc":
        rejected(quarantine, client, "x")
    assert len(quarantine) == 2
    assert not quarantine.record("a", release="1").concerned
    assert quarantine.record("c", release="1").concerned


def test_the_same_rejection_again_is_no_second_note() -> None:
    quarantine = Quarantine()
    rejected(quarantine, "n", "x")
    rejected(quarantine, "n", "x")
    assert len(quarantine) == 1


def test_two_principals_decide_for_their_release() -> None:
    quarantine = Quarantine()
    rejected(quarantine, "a", "x", "one")
    new = quarantine.record("new", release="1")
    assert not new.concerned
    rejected(quarantine, "b", "x", "two")
    found = new.note(CDS, ("x", "v"))
    assert found is not None
    assert found.everyone
    assert not quarantine.record("new", release="2").concerned


@pytest.mark.parametrize("principals", [("one", "one"), (None, "one"), (None, None)])
def test_fewer_than_two_principals_decide_nothing(principals: tuple[str | None, ...]) -> None:
    quarantine = Quarantine()
    for client, who in zip("ab", principals, strict=True):
        rejected(quarantine, client, "x", who)
    assert not quarantine.record("new", release="1").concerned


@pytest.mark.parametrize(
    "shaky",
    [
        Note(atom=Atom(contents=(("x", "v"), ("y", "v"))), words=""),
        Note(atom=Atom(contents=(("x", "v"),), removed=("y",)), words=""),
        Note(atom=Atom(contents=(("x", "v"),)), words="", context=(("y", "v"),)),
    ],
)
def test_what_may_fail_because_of_something_else_decides_nothing(shaky: Note) -> None:
    quarantine = Quarantine()
    for client, who in (("a", "one"), ("b", "two")):
        quarantine.record(client, release="1", principal=who).reject(CDS, shaky)
    assert not quarantine.record("new", release="1").concerned


def test_an_acceptance_is_awaited_from_the_first_rejection_on() -> None:
    quarantine = Quarantine()
    record = rejected(quarantine, "a", "x", "one")
    assert set(record.awaited(CDS)) == {("x", "v")}
    record.accept(CDS, ("x", "v"))
    assert not record.awaited(CDS)
    rejected(quarantine, "b", "x", "two")
    assert not quarantine.record("new", release="1").concerned


def test_a_stream_that_runs_it_speaks_for_it() -> None:
    quarantine = Quarantine()
    runs = quarantine.record("r", release="1")
    runs.open(lambda type_url, content: (type_url, content) == (CDS, ("x", "v")), lambda: None)
    for client, who in (("a", "one"), ("b", "two")):
        rejected(quarantine, client, "x", who)
    assert not quarantine.record("new", release="1").concerned
    assert not runs.awaited(CDS)


def test_a_late_acceptance_wakes_those_who_were_spared() -> None:
    quarantine = Quarantine()
    woken: list[str] = []
    for name in ("here", "gone"):
        record = quarantine.record(name, release="1")
        record.open(lambda *_: False, lambda name=name: woken.append(name))  # type: ignore[misc]
    record.close()
    record.close()
    for name in "xy":
        for client, who in (("a", "one"), ("b", "two")):
            rejected(quarantine, client, name, who)
    quarantine.accept("1", CDS, ("x", "v"))
    assert woken == ["here"]
    new = quarantine.record("new", release="1")
    assert new.note(CDS, ("x", "v")) is None
    assert new.note(CDS, ("y", "v")) is not None


def test_what_is_decided_for_all_is_bounded() -> None:
    quarantine = Quarantine(contents=4)
    for name in ("x", "a", "b", "c", "d"):
        for client, who in (("a", "one"), ("b", "two")):
            rejected(quarantine, client, name, who)
    new = quarantine.record("new", release="1")
    assert new.note(CDS, ("x", "v")) is None
    assert new.note(CDS, ("d", "v")) is not None


def test_doubts_about_what_a_client_runs_end_with_its_word() -> None:
    record = Quarantine().record("n")
    record.trust(CDS, ["a"])
    record.doubt(CDS, ["a", "b"])
    record.doubt(LDS, ["a"])
    record.trust(CDS, ["a"])
    assert record.doubted(CDS) == {"b"}
    assert record.doubted(LDS) == {"a"}
    record.trust(CDS, ["b"])
    record.trust(LDS, ["a"])
    assert not record.doubted(CDS)


def test_doubts_are_bounded_over_all_clients_and_the_oldest_go_first() -> None:
    quarantine = Quarantine(doubts=3)
    quarantine.record("z").doubt(CDS, [])
    for client in "abcd":
        quarantine.record(client).doubt(CDS, ["x"])
    assert [bool(quarantine.record(client).doubted(CDS)) for client in "abcd"] == [
        False,
        True,
        True,
        True,
    ]
    quarantine.record("b").trust(CDS, ["x"])
    quarantine.record("d").doubt(CDS, ["x", "y"])
    assert quarantine.record("c").doubted(CDS) == {"x"}
    quarantine.record("e").doubt(CDS, ["w", "x", "y", "z"])
    assert not any(quarantine.record(client).doubted(CDS) for client in "abcde")
    quarantine.record("a").doubt(CDS, ["x", "y", "z"])
    assert quarantine.record("a").doubted(CDS) == {"x", "y", "z"}
