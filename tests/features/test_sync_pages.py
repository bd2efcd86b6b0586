"""How far proxies are, as commands and Istio's tools are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from heddle.debug import run_file
from heddle.main import app
from tests.features.debugged import Debugged, debugged
from tests.features.plane import Plane
from tests.features.shop import REVIEWS, SHOP, route

SLOWER = route("reviews", "{route: [{destination: {host: reviews}}], timeout: 3s}")


@pytest.fixture
async def shown(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Debugged]:
    """The pages of the shop's control plane, which commands find."""
    monkeypatch.setattr(run_file, "runs_folder", lambda: tmp_path / "meshes")
    plane.apply(SHOP)
    async with debugged(plane, tmp_path) as found:
        yield found


async def heddle(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_the_page_that_kiali_reads(plane: Plane, shown: Debugged) -> None:
    """An entry for each connected proxy; what is sent and accepted is equal."""
    name = plane.pod("shop/web").partition("/")[2]
    async with plane.of("shop/web") as web:
        await web.synced()
        await web.ping()
        found = await shown.json("/debug/syncz")
        assert isinstance(found, list)
        (entry,) = found
        assert (entry["proxy"], entry["cluster_id"]) == (f"{name}.shop", "Kubernetes")
        for kind in ("cluster", "listener", "route", "endpoint"):
            assert entry[f"{kind}_sent"] == entry[f"{kind}_acked"] != "", kind
        assert await shown.json("/debug/syncz?namespace=other") == []


async def test_who_is_not_connected_says_so(plane: Plane, shown: Debugged) -> None:
    """And nothing is rejected, so the command succeeds."""
    result = await heddle("proxy-status")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["NAME", "STATE", "CONNECTED"]
    assert {line.split()[1] for line in lines[1:]} == {"disconnected"}


async def test_a_rejection_is_told_with_envoys_words(plane: Plane, shown: Debugged) -> None:
    """By type and resource, in all forms; the exit code says it too."""
    async with plane.of("shop/web") as web:
        await web.synced()
        await web.ping()
        await web.rejects("no such timeout", lambda: plane.apply(SHOP, SLOWER))
        await web.ping()
        every = await heddle("ps")
        one = await heddle("ps", "deploy/web-v1.shop")
        machine = await heddle("ps", "-n", "shop", "-o", "yaml")
    assert {every.exit_code, one.exit_code, machine.exit_code} == {1}
    for said in (every.stdout, one.stdout):
        assert "Rejected, and kept from the proxy until it changes:" in said
        assert f"80/{REVIEWS}:80" in said
        assert "no such timeout" in said
    assert ["VHDS", "REJECTED"] in [line.split()[:2] for line in one.stdout.splitlines()]
    assert "reason: no such timeout" in machine.stdout


async def test_targets_are_completed(plane: Plane, shown: Debugged) -> None:
    """By what the mesh has; without a mesh by nothing, and without a word."""
    environment = {"_HEDDLE_COMPLETE": "complete_bash", "COMP_WORDS": "heddle ps deploy/w"}
    environment["COMP_CWORD"] = "2"
    result = await asyncio.to_thread(
        CliRunner().invoke, app, [], prog_name="heddle", env=environment
    )
    assert "deploy/web-v1.shop" in result.output
