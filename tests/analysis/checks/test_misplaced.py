"""IST0107: annotations and labels for pods that stand on what makes them."""

import pytest

from analysis.checks.misplaced import MISPLACED
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from crds.meta import Key
from mesh.mesh import EMPTY_MESH

DEPLOYMENT = Key("apps", "Deployment", "shop", "web")


def found(own: object, template: object = None) -> tuple[Message, ...]:
    raw = {"metadata": own, "spec": {"template": {"metadata": template}}}
    return analyze(Facts(mesh=EMPTY_MESH, objects={}, raw={DEPLOYMENT: raw}), [MISPLACED])


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("annotations", "traffic.sidecar.istio.io/excludeOutboundPorts"),
        ("annotations", "sidecar.istio.io/inject"),
        ("annotations", "proxy.istio.io/config"),
        ("annotations", "inject.istio.io/templates"),
        ("labels", "sidecar.istio.io/inject"),
        ("labels", "istio.io/rev"),
    ],
)
def test_what_belongs_into_the_template(field: str, name: str) -> None:
    (message,) = found({field: {name: "x"}})
    assert (message.object, message.path) == (DEPLOYMENT, f'metadata.{field}["{name}"]')
    assert message.remedy == f"Move it to spec.template.metadata.{field}."
    assert found({field: {name: "x"}}, {field: {name: "y"}}) == ()


@pytest.mark.parametrize(
    "own",
    [
        {"annotations": {"sidecar.istio.io/status": "{}", "example.com/a": "b"}},
        {"labels": {"app": "web"}},
        {"annotations": None},
        None,
    ],
)
def test_what_stands_where_it_should(own: object) -> None:
    assert found(own) == ()
