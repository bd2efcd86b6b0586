"""No false alarm: what is meant to be good has no finding, and the compatibility corpus only those
that its files are made to show.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.message import Message
from heddle.analyze.files import STDIN, read_files
from heddle.analyze.subject import subject

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "golden"
MADE_TO_SHOW: Mapping[str, set[str]] = {
    "destination_rules/subsets": {"IST0173"},  # one of its subsets is empty
    # A rule where no client looks for it; and insecureSkipVerify.
    "destination_rules/tls_credential": {"HED0112", "IST0129"},
    "destination_rules/tls_simple": {"IST0128"},  # insecureSkipVerify
    "gateways/conflicts": {"IST0138"},  # the conflict is about one certificate, too
    "peer_authentication/clients": {"IST0167"},  # some pods have no sidecar
    "routes/canary": {"IST0173"},  # there are no pods
    "selection/captured": {"HED0112"},  # a rule of a namespace that is no party to it
    "selection/not_captured": {"HED0112"},
    "service_entries/dns": {"HED0118"},
    "service_entries/tls_hosts": {"HED0118"},
    "service_entries/workload_selector": {"HED0119"},  # machines that must not be selected
    "services/one_host_twice": {"HED0113"},
}
"""What analyzers say of goldens, and rightly so."""


def told(path: Path) -> tuple[Message, ...]:
    found = subject(read_files([str(path)], recursive=True))
    return analyze(found.facts, ANALYZERS, found.problems, found.place)


def told_by_analyzers(objects: str) -> tuple[Message, ...]:
    found = subject(read_files([STDIN], recursive=True, stdin=objects.encode()))
    return analyze(found.facts, ANALYZERS)


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "examples" / "shop",
        *sorted((ROOT / "e2e").glob("*.yaml")),
        GOLDENS / "inject_files" / "workloads.in.yaml",
        *sorted(GOLDENS.glob("charts/*.out.yaml")),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_what_is_meant_to_be_good_has_no_finding(path: Path) -> None:
    assert [str(each) for each in told(path)] == []


def test_of_the_compatibility_corpus_analyzers_say_what_it_is_made_to_show() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted((GOLDENS / "translate").rglob("*.in.yaml")):
        _, _, objects = path.read_text().partition("\n---\n")
        name = str(path.relative_to(GOLDENS / "translate")).removesuffix(".in.yaml")
        if seen := {each.code.id for each in told_by_analyzers(objects)}:
            found[name] = seen
    assert found == MADE_TO_SHOW
