"""Each problem is said once, and so is that it is solved."""

from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from heddle.control_plane import ControlPlane
from heddle.oracle import StateDivergedError
from mesh.proxy import Proxy
from sources.events import Synced
from tests.heddle.events import applied
from xds.publisher import PartChange
from xds.types import CDS

PROXY = Proxy(namespace="shop", name="p", labels={}, service_account="default")
CLUSTER = "outbound|80||reviews.shop.svc.cluster.local"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec: {hosts: [reviews], http: [{timeout: %s, route: [{destination: {host: reviews}}]}]}
"""
SUBSET = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: w, namespace: shop}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
"""


@pytest.fixture(autouse=True)
def as_by_default() -> Iterator[None]:
    """Tests of the command line configure the log."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def said(plane: ControlPlane, *texts: str) -> list[tuple[str, str]]:
    """Level and text of what is logged when these are applied."""
    with capture_logs() as logs:
        for text in texts:
            plane.apply(applied(text))
    return [(log["log_level"], log["event"]) for log in logs]


def test_a_problem_is_said_once() -> None:
    plane = ControlPlane()
    ((level, text),) = said(plane, ROUTE % "soon", SERVICE, SERVICE)
    assert level == "error"
    for part in ("file.yaml", "VirtualService shop/v", "spec.http[0].timeout", "soon"):
        assert part in text


def test_that_it_is_solved_is_said_once() -> None:
    plane = ControlPlane()
    said(plane, SERVICE, ROUTE % "soon")
    assert said(plane, ROUTE % "1s", SERVICE) == [("info", "solved")]


def test_another_object_can_solve_it() -> None:
    plane = ControlPlane()
    found = said(plane, SERVICE + "---" + SUBSET)
    assert [level for level, _ in found] == ["error"]
    assert "v1" in found[0][1]
    assert said(plane, RULE) == [("info", "solved")]
    assert plane.problems() == ()


def test_who_is_quiet_keeps_its_problems_to_itself() -> None:
    plane = ControlPlane(quiet=True)
    assert said(plane, ROUTE % "soon") == []
    assert len(plane.problems()) == 1


def test_nobody_is_served_before_the_source_has_said_all() -> None:
    plane = ControlPlane(quiet=True)
    plane.apply(applied(SERVICE))
    assert not plane.pods.synced
    plane.apply([Synced()])
    assert plane.pods.synced


def test_with_mesh_assert_a_step_that_went_wrong_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else `make test-assert` would compare nothing."""
    monkeypatch.setenv("MESH_ASSERT", "1")
    plane = ControlPlane(quiet=True)
    plane.apply([*applied(SERVICE), Synced()])
    part, *_ = plane.engine.select(PROXY)
    plane.apply(applied(ROUTE % "1s"))
    plane.publisher.publish({part: PartChange(removals={CDS: [CLUSTER]})})
    with pytest.raises(StateDivergedError, match="reviews"):
        plane.apply(applied(SERVICE.replace("reviews", "ratings").replace(".0.1", ".0.2")))
