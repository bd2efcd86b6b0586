"""The rows of *Proxy*, and two contents laid over each other."""

import pytest

from heddle.page.certificates import Certificate, certificates
from heddle.page.proxy import MOST, Line, ProxyView, Side, overlaid, proxy_view, resource_view
from heddle.proxies.comparison import Agreement, Compared


def resource(
    name: str, agreement: Agreement = Agreement.SAME, *, accepted: bool = True, words: str = ""
) -> Compared:
    return Compared(
        kind="cluster",
        name=name,
        agreement=agreement,
        accepted=accepted,
        words=words,
        desired=None if agreement is Agreement.EXTRA else {"name": name, "x": [{"b": 1, "a": 2}]},
        live=None if agreement is Agreement.MISSING else {"name": name, "x": [{"a": 2, "b": 3}]},
    )


def view(*resources: Compared) -> ProxyView:
    return proxy_view(namespace="shop", name="web", is_gateway=False, compared=resources)


def test_what_needs_a_hand_comes_first() -> None:
    found = view(
        resource("a"),
        resource("b", Agreement.EXTRA),
        resource("c", Agreement.MISSING, accepted=False),
        resource("d", Agreement.DIFFERS, accepted=False),
        resource("e", accepted=False, words="no"),
    )
    assert [row.name for row in found.rows] == ["e", "d", "c", "b", "a"]
    assert found.summary == (
        "5 resources: 2 same, 1 differs, 1 missing, 1 extra. 3 not accepted yet."
    )
    assert (found.proxy_id, found.role, found.more) == ("web.shop", "sidecar", 0)


def test_a_long_list_is_cut_and_says_so() -> None:
    found = view(*(resource(f"{n:04}") for n in range(MOST + 3)))
    assert (len(found.rows), found.more, found.total) == (MOST, 3, MOST + 3)


def test_nothing_is_no_table() -> None:
    assert view().summary == "0 resources: none."


@pytest.mark.parametrize(
    ("desired", "live", "lines"),
    [
        ([], [], []),
        (["a"], ["a"], [(Side.BOTH, "a")]),
        (
            ["a", "b", "c"],
            ["a", "x", "c"],
            [(Side.BOTH, "a"), (Side.DESIRED, "b"), (Side.LIVE, "x"), (Side.BOTH, "c")],
        ),
        (["a"], [], [(Side.DESIRED, "a")]),
        ([], ["a"], [(Side.LIVE, "a")]),
    ],
)
def test_lines_that_both_have_stand_once(
    desired: list[str], live: list[str], lines: list[tuple[Side, str]]
) -> None:
    assert [(line.side, line.text) for line in overlaid(desired, live)] == lines


def test_what_differs_is_shown_without_what_is_only_in_another_order() -> None:
    found = resource_view("web.shop", [resource("a", Agreement.DIFFERS)], "cluster", "a")
    assert found is not None
    assert list(found.lines) == [
        Line(side=Side.BOTH, text="name: a"),
        Line(side=Side.BOTH, text="x:"),
        Line(side=Side.BOTH, text="- a: 2"),
        Line(side=Side.DESIRED, text="  b: 1"),
        Line(side=Side.LIVE, text="  b: 3"),
    ]


@pytest.mark.parametrize("agreement", [Agreement.SAME, Agreement.UNKNOWN])
def test_what_does_not_differ_is_shown_once(agreement: Agreement) -> None:
    found = resource_view("web.shop", [resource("a", agreement)], "cluster", "a")
    assert found is not None
    assert {line.side for line in found.lines} == {Side.BOTH}


@pytest.mark.parametrize(
    ("agreement", "side"), [(Agreement.MISSING, Side.DESIRED), (Agreement.EXTRA, Side.LIVE)]
)
def test_what_only_one_has_is_shown_as_its_own(agreement: Agreement, side: Side) -> None:
    found = resource_view("web.shop", [resource("a", agreement)], "cluster", "a")
    assert found is not None
    assert {line.side for line in found.lines} == {side}


@pytest.mark.parametrize(("kind", "name"), [("cluster", "b"), ("listener", "a"), ("", "")])
def test_there_is_nothing_of_what_it_does_not_hold(kind: str, name: str) -> None:
    assert resource_view("web.shop", [resource("a")], kind, name) is None


SHOWN = {
    "serial_number": "2a",
    "subject_alt_names": [{"uri": "spiffe://cluster.local/ns/shop/sa/web"}],
    "valid_from": "1970-01-01T00:00:00Z",
    "expiration_time": "1970-01-02T00:00:00Z",
}
ROOT = {**SHOWN, "serial_number": "01", "subject_alt_names": []}


def test_certificates_stand_once_with_what_is_left_of_them() -> None:
    """What the proxy shows first: several listeners use the same ones."""
    entry = {"ca_cert": [ROOT], "cert_chain": [SHOWN]}
    found = certificates({"certificates": [entry, entry]}, 18 * 3600.0)
    assert list(found) == [
        Certificate(
            use="shows",
            identity="spiffe://cluster.local/ns/shop/sa/web",
            serial="2a",
            until="1970-01-02T00:00:00Z",
            left="6 h",
            percent=25,
        ),
        Certificate(
            use="trusts",
            identity="",
            serial="01",
            until="1970-01-02T00:00:00Z",
            left="6 h",
            percent=25,
        ),
    ]


def test_one_that_has_expired_has_nothing_left() -> None:
    (found,) = certificates({"certificates": [{"cert_chain": [SHOWN]}]}, 1e9)
    assert (found.left, found.percent) == ("0 s", 0)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        {"certificates": 7},
        {"certificates": [7, {"cert_chain": [{}]}]},
        {"certificates": [{"cert_chain": [{**SHOWN, "valid_from": "soon"}]}]},
    ],
)
def test_what_is_no_certificate_is_left_out(odd: object) -> None:
    """An Envoy may say anything."""
    assert list(certificates(odd, 0.0)) == []
