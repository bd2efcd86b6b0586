"""Whom a token is for, and the pod that a node id claims to be."""

import asyncio
from dataclasses import replace

import pytest
from envoy.config.core.v3 import base_pb2

from heddle.control_plane import ControlPlane
from heddle.identity import PodIdentity, claimed_pod
from heddle.injection import node_id
from heddle.pods import PATIENCE_SECONDS
from mesh.identity import WorkloadIdentity
from mesh.proxy import Role
from sources.events import Synced
from tests.heddle.events import applied
from xds.errors import Forbidden, NotReady

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, uid: u, annotations: {sidecar.istio.io/status: "{}"}}
spec: {serviceAccountName: web, containers: [{name: web}]}
status: {podIP: 10.0.0.1, phase: Running}
"""
WEB = PodIdentity(
    WorkloadIdentity(
        namespace="shop", service_account="web", pod_name="web", pod_uid="u", expires=1e10
    )
)
NODE = base_pb2.Node(id="sidecar~10.0.0.1~web.shop~shop.svc.cluster.local")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_has_ended_is_nobody(phase: str) -> None:
    """A token lives for an hour, whoever has got hold of it; what its pod ran need not."""
    plane = ControlPlane(quiet=True, patience=0.0)
    plane.apply([*applied(POD), Synced()])
    selection = await plane.resolver(NODE, WEB)
    assert selection.parts
    plane.apply(applied(POD.replace("Running", phase)))
    with pytest.raises(Forbidden, match="ended"):
        await plane.resolver(NODE, WEB)


async def test_a_token_is_good_on_its_pods_node_alone() -> None:
    plane = ControlPlane(quiet=True, patience=0.0)
    plane.apply([*applied(POD), Synced()])
    here, there = (PodIdentity(replace(WEB.workload, node=node)) for node in ("one", "two"))
    with pytest.raises(NotReady, match="not known yet"):
        await plane.resolver(NODE, here)
    plane.apply(applied(POD.replace("spec: {", "spec: {nodeName: one, ")))
    assert (await plane.resolver(NODE, here)).parts
    assert (await plane.resolver(NODE, WEB)).parts
    with pytest.raises(Forbidden, match="another node"):
        await plane.resolver(NODE, there)


async def test_the_news_of_a_pod_may_come_a_moment_after_its_token() -> None:
    """Whoever was too early is served as soon as it is there, and as what it is."""
    plane = ControlPlane(quiet=True, patience=60.0)
    plane.apply([Synced()])
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(plane.resolver(NODE, WEB))
        await asyncio.sleep(0)
        plane.apply(applied(POD.replace("web", "other")))
        await asyncio.sleep(0)
        assert not waiting.done()
        plane.apply(applied(POD))
    assert waiting.result().parts


async def test_a_pod_that_was_made_anew_may_be_known_as_the_one_before() -> None:
    """Its name is the same, its UID is not: whoever has the newer token is served in a moment."""
    plane = ControlPlane(quiet=True, patience=60.0)
    plane.apply([*applied(POD.replace("uid: u", "uid: earlier")), Synced()])
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(plane.resolver(NODE, WEB))
        await asyncio.sleep(0)
        assert not waiting.done()
        plane.apply(applied(POD))
    assert waiting.result().parts


async def test_nobody_waits_for_a_source_that_has_said_nothing() -> None:
    plane = ControlPlane(quiet=True, patience=60.0)
    plane.apply(applied(POD))
    with pytest.raises(NotReady, match="not read yet"):
        await plane.resolver(NODE, WEB)


def test_the_wait_is_short() -> None:
    """It holds a place that others could have."""
    assert PATIENCE_SECONDS <= 2.0


@pytest.mark.parametrize("role", Role)
def test_the_bootstraps_own_form_is_read(role: Role) -> None:
    values = {"POD_IP": "10.0.0.1", "POD_NAME": "web-1", "POD_NAMESPACE": "shop"}
    node = node_id(role)
    for name, value in values.items():
        node = node.replace(f"$({name})", value)
    assert claimed_pod(node) == ("shop", "web-1")


@pytest.mark.parametrize(
    ("node", "pod"),
    [
        ("sidecar~10.0.0.1~web.shop~shop.svc.cluster.local", ("shop", "web")),
        ("sidecar~fd00::1~web.shop~shop.svc.cluster.local", ("shop", "web")),
        # A pod's name may have dots, a namespace's may not.
        ("sidecar~10.0.0.1~web.a.b.shop~x", ("shop", "web.a.b")),
        ("router~10.0.0.1~web.shop~shop.svc.cluster.local", ("shop", "web")),
        ("waypoint~10.0.0.1~web.shop~shop.svc.cluster.local", None),
        ("sidecar~10.0.0.1~web~shop.svc.cluster.local", None),
        ("sidecar~10.0.0.1~web.shop", None),
        ("sidecar~10.0.0.1~web.shop~a~b", None),
        ("", None),
    ],
)
def test_claims(node: str, pod: tuple[str, str] | None) -> None:
    assert claimed_pod(node) == pod
