"""Findings that nobody wants to hear of."""

import pytest

from analysis import istio_codes as istio
from analysis.codes import CODES
from analysis.facts import Facts
from analysis.message import finding
from analysis.suppression import Suppression, suppression, unsuppressed
from crds.meta import Key
from mesh.mesh import EMPTY_MESH
from tests.facts import facts_of

SHOP = Key("", "Namespace", "", "shop")
CART = Key("", "Pod", "shop", "cart-1")
FILE = Key("apps", "Deployment", "shop", "cart")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("IST0102=Namespace shop", Suppression("IST0102", "Namespace shop")),
        (" IST0102 = * ", Suppression("IST0102", "*")),
        ("IST0102", None),
        ("IST0102=", None),
        ("IST9999=*", None),
    ],
)
def test_how_one_is_written(text: str, meant: Suppression | None) -> None:
    assert suppression(text, CODES) == meant


@pytest.mark.parametrize(
    ("objects", "covered"),
    [
        ("Pod cart-1.shop", True),
        ("Pod shop/cart-1", True),
        ("Pod cart-*.shop", True),
        ("Pod *.shop", True),
        ("*", True),
        ("Pod cart-1.bank", False),
        ("Service *", False),
    ],
)
def test_objects_are_named_as_in_the_report(objects: str, covered: bool) -> None:
    found = finding(istio.POD_MISSING_PROXY, CART, "", "x")
    facts = Facts(mesh=EMPTY_MESH, objects={})
    left = unsuppressed([found], facts, [Suppression("IST0103", objects)])
    assert left == ([] if covered else [found])


def test_another_code_is_told_and_a_file_cannot_be_named() -> None:
    facts = Facts(mesh=EMPTY_MESH, objects={})
    some = [
        finding(istio.POD_MISSING_PROXY, CART, "", "x"),
        finding(istio.DEPRECATED, None, "", ""),
    ]
    given = [Suppression("IST0102", "*"), Suppression("IST0002", "*")]
    assert unsuppressed(some, facts, given) == some


@pytest.mark.parametrize(
    ("written", "told"),
    [("IST0102", False), ("IST0101, IST0102", False), ('"*"', False), ("IST0101", True)],
)
def test_an_object_says_what_does_not_matter_there(written: str, told: bool) -> None:
    text = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: shop, annotations: {{galley.istio.io/analyze-suppress: {written}}}}}
""".replace(": IST0101, IST0102", ': "IST0101, IST0102"')
    found = finding(istio.NAMESPACE_NOT_INJECTED, SHOP, "", "x")
    assert (unsuppressed([found], facts_of(text)) == [found]) is told


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"annotations": {"galley.istio.io/analyze-suppress": "IST0116"}}, False),
        ({"annotations": {"galley.istio.io/analyze-suppress": 1}}, True),
        ({"annotations": []}, True),
        (None, True),
    ],
)
def test_so_do_those_that_are_not_read(metadata: object, told: bool) -> None:
    facts = Facts(mesh=EMPTY_MESH, objects={}, raw={FILE: {"metadata": metadata}})
    found = finding(istio.DEPLOYMENT_ASSOCIATED_TO_MULTIPLE_SERVICES, FILE, "", "x")
    assert (unsuppressed([found], facts) == [found]) is told
