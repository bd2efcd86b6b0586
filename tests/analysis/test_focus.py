"""Looked at alone among all others, a mesh object has the findings that it has when all of them are
looked at: the webhook and the statuses never disagree.
"""

import pytest

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.facts import Facts
from crds.meta import Key
from heddle.analyze.subject import subject
from tests.mistakes.test_mistakes import HERE, MISTAKES, events_of


def focused(facts: Facts, *keys: Key) -> Facts:
    return Facts(
        mesh=facts.mesh, objects=facts.objects, raw=facts.raw, owners=facts.owners, focus=keys
    )


@pytest.mark.parametrize("name", MISTAKES)
def test_one_object_at_a_time(name: str) -> None:
    events = [*events_of(HERE / "shop.yaml"), *events_of(HERE / name / "mesh.yaml")]
    facts = subject(events).facts
    ours = [key for key in facts.objects if key.group.endswith(".istio.io")]
    whole = analyze(focused(facts, *ours), ANALYZERS)
    for key in ours:
        alone = analyze(focused(facts, key), ANALYZERS)
        assert alone == tuple(each for each in whole if each.object == key)
