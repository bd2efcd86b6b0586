"""What a message says, and how."""

from dataclasses import replace

from analysis import istio_codes as istio
from analysis.message import finding, friendly, rank
from analysis.severity import Severity
from crds.meta import Key, Origin

KEY = Key("networking.istio.io", "VirtualService", "shop", "v")


def test_a_message_on_one_line() -> None:
    found = finding(istio.REFERENCED_RESOURCE_NOT_FOUND, KEY, "spec.a", "is\nlost", value="b")
    assert str(found) == "Error [IST0101] (VirtualService v.shop) spec.a: is\\nlost (got 'b')"
    placed = finding(istio.DEPRECATED, None, "", "old").at(Origin("a.yaml", 1, 3))
    assert str(placed) == "Warning [IST0002] (a.yaml:3) old"
    whole = placed.at(Origin("a.yaml"))
    assert str(whole) == "Warning [IST0002] (a.yaml) old"
    both = replace(found, origin=Origin("a.yaml", 1, 3), path="", value=None, text="is lost")
    assert str(both) == "Error [IST0101] (VirtualService v.shop a.yaml:3) is lost"
    nobody = finding(istio.DEPRECATED, None, "", "x")
    assert str(nobody) == "Warning [IST0002] x"
    assert friendly(Key("", "Namespace", "", "shop")) == "Namespace shop"


def test_remedy_and_severity_are_those_of_the_code_unless_said() -> None:
    plain = finding(istio.DEPRECATED, KEY, "", "old")
    assert (plain.remedy, plain.severity) == (istio.DEPRECATED.remedy, Severity.WARNING)
    own = finding(istio.DEPRECATED, KEY, "", "old", remedy="Go.", severity=Severity.INFO)
    assert (own.remedy, own.severity) == ("Go.", Severity.INFO)


def test_a_message_without_a_place_stays_where_it_is() -> None:
    found = finding(istio.DEPRECATED, KEY, "", "old").at(Origin("a.yaml"))
    assert found.at(None) is found


def test_two_sentences_end_with_one_full_stop_each() -> None:
    for text in ("is old", "is old."):
        found = finding(istio.DEPRECATED, KEY, "", text, remedy="Go.")
        assert found.advice == "is old. Go."


def test_files_are_told_in_their_order() -> None:
    first, second = (
        finding(istio.DEPRECATED, None, "", "x").at(Origin(name)) for name in ("a", "b")
    )
    assert rank(first) < rank(second)
    assert rank(finding(istio.DEPRECATED, None, "", "x")) < rank(first)
