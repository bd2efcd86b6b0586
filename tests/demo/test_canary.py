"""What the demo reads from the folder, and how it edits it."""

from itertools import pairwise
from pathlib import Path

import pytest

from heddle.demo.canary import MAX_CHARS, canaries, edits, reweighted
from heddle.demo.canary import Testers as Rule

CANARY = """\
# ünïcode before the weights
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-tester: {exact: "true"}}}]
      route: [{destination: {host: reviews, subset: new}}]
    - route:
        - destination: {host: reviews, subset: old}
          weight: 90  # the old one
        - {destination: {host: reviews.shop.svc.cluster.local, subset: new}, weight: 10}
"""
RULE = """\
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews
  subsets:
    - {name: old, labels: {version: v1}}
    - {name: new, labels: {version: v2}}
"""


def test_reads_the_weights_by_version_across_files() -> None:
    (canary,) = canaries({"b.yaml": CANARY, "a.yaml": RULE})
    assert (canary.file, canary.service) == ("b.yaml", "reviews")
    assert canary.weights == {"v1": 90, "v2": 10}
    assert canary.testers == Rule(header="x-tester", value="true", version="v2")


def test_a_subset_without_a_rule_goes_by_its_name() -> None:
    (canary,) = canaries({"b.yaml": CANARY})
    assert canary.weights == {"old": 90, "new": 10}


def test_an_edit_changes_the_weights_and_no_other_character() -> None:
    (canary,) = canaries({"b.yaml": CANARY})
    edited = reweighted(CANARY, canary, (5, 95))
    assert edited == CANARY.replace("90 ", "5 ").replace("10}", "95}")
    assert canaries({"b.yaml": edited})[0].weights == {"old": 5, "new": 95}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: VirtualService\nspec: [not, a, mapping",
        "kind: VirtualService\nspec: {http: 3}",
        CANARY.replace("weight: 10", "weight: ten"),
        CANARY.replace("weight: 10", f"weight: {'9' * 5000}"),
        CANARY + '    x: "\\UFFFFFFFF"',
        CANARY + "#" * MAX_CHARS,
        CANARY.replace("    - route", "    - match: [{uri: {exact: /}}]\n      route"),
    ],
    ids=[
        "empty",
        "broken",
        "no-list",
        "no-number",
        "endless-number",
        "no-character",
        "large",
        "conditional",
    ],
)
def test_no_canary_where_nothing_is_split_by_weight_for_everybody(text: str) -> None:
    assert canaries({"b.yaml": text}) == ()


@pytest.mark.parametrize("number", [1, 2, 3, 5, 50])
def test_each_edit_changes_something_and_the_last_is_an_equal_split(number: int) -> None:
    (canary,) = canaries({"b.yaml": CANARY})
    steps = [(90, 10), *edits(canary, number)]
    assert len(steps) == number + 1
    assert all(one != other for one, other in pairwise(steps))
    assert steps[-1] == (50, 50)


def test_an_equal_split_is_edited_to_another_one() -> None:
    (canary,) = canaries({"b.yaml": CANARY.replace("90", "50").replace("10", "50")})
    assert edits(canary, 1) == ((80, 20),)


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 0), (0, 0), (9, 1), (0, 100)])
def test_small_weights_can_be_edited(old: int, new: int) -> None:
    text = CANARY.replace("weight: 90", f"weight: {old}").replace("weight: 10", f"weight: {new}")
    (canary,) = canaries({"b.yaml": text})
    steps = [(old, new), *edits(canary, 5)]
    assert all(one != other for one, other in pairwise(steps))
    assert steps[-1][0] == steps[-1][1]


def test_the_example_has_a_canary_that_testers_can_opt_into(repo_root: Path) -> None:
    folder = repo_root / "examples/shop"
    texts = {str(path): path.read_text() for path in folder.rglob("*.yaml")}
    (canary,) = canaries(texts)
    assert canary.service == "reviews"
    assert canary.weights == {"v1": 90, "v2": 10}
    assert canary.testers == Rule(header="x-tester", value="true", version="v2")
