"""CSDS as `heddle serve` offers it: standard tools see how far each proxy has come, if they may."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from envoy.service.status.v3 import csds_pb2

from tests.features.csds import Request, Response, shown, tool
from tests.features.plane import Plane
from tests.features.served import Served, serving, write
from tests.features.shop import route
from tests.security_rows import guards
from xds.types import short_name


@pytest.fixture
async def inspected(home: Path, plane: Plane) -> AsyncIterator[Served]:
    """A `heddle serve` that shows its clients to pods of the account `web`."""
    async with serving(home, plane, "--inspector", "shop/web") as found:
        yield found


async def test_a_tool_sees_who_is_connected_and_has_what(inspected: Served) -> None:
    async with inspected.stream("shop/reviews") as stream, tool(inspected) as stub:
        await stream.ping()
        request = Request()
        found = shown(
            await stub.FetchClientStatus(request, metadata=tuple(inspected.metadata("shop/web")))
        )
    (node,) = found
    assert ".shop~shop.svc.cluster.local" in node
    kinds = ("cds", "eds", "lds", "rds", "vhds")
    assert {kind: found[node][kind] for kind in kinds} == dict.fromkeys(kinds, "SYNCED")


async def test_a_tool_sees_a_rejection(inspected: Served) -> None:
    async with inspected.stream("shop/reviews") as stream, tool(inspected) as stub:
        await stream.ping()
        stream.envoy.reject = "no such extension"
        new = inspected.folder / "route.yaml"
        await write(new, route("reviews", "{route: [{destination: {host: reviews}}], timeout: 3s}"))
        before = len(stream.envoy.pushes)
        await stream.until(lambda: len(stream.envoy.pushes) > before)
        await stream.ping()
        call = stub.StreamClientStatus(metadata=tuple(inspected.metadata("shop/web")))
        await call.write(Request())
        response = await call.read()
        assert isinstance(response, Response)
        (client,) = response.config
        (virtual_hosts,) = [
            each for each in client.generic_xds_configs if short_name(each.type_url) == "vhds"
        ]
        assert virtual_hosts.config_status == csds_pb2.ERROR
        name = "80/reviews.shop.svc.cluster.local:80"
        assert virtual_hosts.error_state.details == f"{name}: no such extension"


@pytest.mark.parametrize(
    ("pod", "status"),
    [
        pytest.param("shop/reviews", grpc.StatusCode.PERMISSION_DENIED, id="another account"),
        pytest.param("", grpc.StatusCode.UNAUTHENTICATED, id="nobody"),
    ],
)
@guards("C6")
async def test_others_may_not_look(inspected: Served, pod: str, status: grpc.StatusCode) -> None:
    metadata = tuple(inspected.metadata(pod)) if pod else ()
    async with tool(inspected) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.FetchClientStatus(Request(), metadata=metadata)
    assert refused.value.code() == status


@guards("C6")
async def test_by_default_nobody_may_look(served: Served) -> None:
    async with tool(served) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.FetchClientStatus(Request(), metadata=tuple(served.metadata("shop/web")))
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
