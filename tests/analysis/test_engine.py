"""One engine: each finding once, in one order, on the object that its author wrote."""

from dataclasses import replace

from analysis import istio_codes as istio
from analysis import own_codes as own
from analysis.analyzer import Analyzer
from analysis.analyzers import ANALYZERS
from analysis.checks.injection_labels import INJECTION_LABELS
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.meta import Key, Origin
from crds.problem import error
from mesh.mesh import EMPTY_MESH
from tests.facts import facts_of, findings, told
from tests.meshes import service, virtual_service

POD = Key("", "Pod", "shop", "cart-abc-1")
LABEL = 'metadata.labels["istio.io/rev"]'
DEPLOYMENT = Key("apps", "Deployment", "shop", "cart")
SERVICE = Key("", "Service", "shop", "cart")
NAMESPACE = Key("", "Namespace", "", "shop")
CAR = "{hosts: [car], http: [{route: [{destination: {host: cart}}]}]}"
LABELLED = """
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled, istio.io/rev: canary}}
"""


def engine(*messages: Message) -> tuple[Message, ...]:
    said = Analyzer(name="said", summary="", codes=(), run=lambda _: messages)
    facts = Facts(mesh=EMPTY_MESH, objects={}, owners={POD: DEPLOYMENT})
    return analyze(facts, (said,))


def test_the_worst_is_told_first_and_the_order_of_findings_does_not_matter() -> None:
    some = (
        finding(istio.NAMESPACE_NOT_INJECTED, SERVICE, "", "x"),
        finding(istio.POD_MISSING_PROXY, SERVICE, "", "x"),
        finding(istio.DEPRECATED, SERVICE, "", "x"),
        finding(istio.REFERENCED_RESOURCE_NOT_FOUND, SERVICE, "", "x"),
    )
    assert [m.code.id for m in engine(*some)] == ["IST0101", "IST0002", "IST0103", "IST0102"]
    assert engine(*reversed(some)) == engine(*some)


def test_what_is_wrong_with_a_pod_is_told_of_its_template() -> None:
    path = "spec.containers[0]"
    (found,) = engine(
        finding(istio.INVALID_APPLICATION_UID, POD, path, "x"),
        finding(istio.INVALID_APPLICATION_UID, DEPLOYMENT, f"spec.template.{path}", "x"),
    )
    assert (found.object, found.path) == (DEPLOYMENT, "spec.template.spec.containers[0]")
    (whole,) = engine(finding(istio.POD_MISSING_PROXY, POD, "", "x"))
    assert (whole.object, whole.path) == (DEPLOYMENT, "")


def test_two_who_say_the_same_of_one_field_are_heard_once() -> None:
    first = finding(istio.INVALID_REGEXP, SERVICE, "spec.a", "is bad", value="(")
    second = finding(istio.INVALID_REGEXP, SERVICE, "spec.a", "is a bad one", value="(")
    other_value = finding(istio.INVALID_REGEXP, SERVICE, "spec.a", "is bad", value="[")
    assert set(engine(first, second, other_value)) == {first, other_value}


def test_of_a_file_each_word_counts() -> None:
    first = finding(own.UNREADABLE_FILE, None, "", "is no YAML")
    second = finding(own.UNREADABLE_FILE, None, "", "has no kind")
    assert engine(second, first, first) == (second, first)


def test_analyzers_and_the_mesh_itself_are_heard_as_one() -> None:
    text = LABELLED + service("cart") + virtual_service("v", CAR)
    assert told(findings(text, ANALYZERS)) == [
        ("HED0004", "VirtualService shop/v", "spec.hosts[0]"),
        ("IST0123", "Namespace shop", LABEL),
    ]


def test_a_focus_leaves_others_out_though_they_are_known() -> None:
    problem = replace(error("unknown-host", "spec", "x"), object=SERVICE)
    text = LABELLED + service("cart")
    assert told(analyze(facts_of(text, focus=[NAMESPACE]), ANALYZERS, [problem])) == [
        ("IST0123", "Namespace shop", LABEL)
    ]
    assert told(analyze(facts_of(text, focus=[SERVICE]), ANALYZERS, [problem])) == [
        ("IST0101", "Service shop/cart", "spec")
    ]


def test_each_message_says_where_its_field_was_written() -> None:
    problem = replace(error("bad-host", "spec", "x"), object=SERVICE)
    (found,) = analyze(
        facts_of(LABELLED, focus=[NAMESPACE]), [INJECTION_LABELS], place=lambda k, p: Origin(p, 1)
    )
    assert found.origin == Origin(LABEL, 1)
    (kept,) = analyze(facts_of(""), [], [problem.at(Origin("a.yaml", 2, 3))])
    assert kept.origin == Origin("a.yaml", 2, 3)
    lost = replace(problem, object=None).at(Origin("a.yaml"))
    (unplaced,) = analyze(facts_of(""), [], [lost], place=lambda k, p: Origin("other"))
    assert unplaced.origin == Origin("a.yaml")
