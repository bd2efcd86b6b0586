"""The pages that explain answer for a whole mesh, and refuse a question without an answer."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from heddle.control_plane import ControlPlane
from heddle.debug.explain_pages import explain_pages
from heddle.debug.guard import WHOLE_MESH
from heddle.injection import PORT, SERVER_NAME, inject_settings
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster
from mesh.proxy import Mode
from sources.directory import load
from tests.explain.scenario import BASE, policy


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> ControlPlane:
    """A control plane that has read a folder."""
    folder: Path = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.yaml").write_text(BASE + policy("nobody", ""))
    settings = inject_settings(host=SERVER_NAME, port=PORT, mode=Mode.REDIRECT)
    made = ControlPlane(quiet=True)
    made.apply(LocalCluster(settings, Subnets()).apply(load(folder)))
    return made


def asked(plane: ControlPlane, url: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    path = url.partition("?")[0]
    route = next(each for each in explain_pages(plane) if each.path == path)
    request = make_mocked_request("GET", url)
    assert route.scope(request) == WHOLE_MESH  # whatever namespace the request names

    async def answered() -> tuple[int, str]:
        answer = await route.answer(request, None)
        return answer.status, getattr(answer, "text", "")

    return asyncio.run(answered())


def test_each_page_answers(plane: ControlPlane) -> None:
    call = "from=deploy/client-v1.shop&to=http://web/&namespace=other"
    status, text = asked(plane, f"/debug/trace?{call}")
    found = json.loads(text)
    assert (status, found["ok"]) == (200, False)
    assert found["steps"][-1]["causes"][0]["object"] == "AuthorizationPolicy shop/nobody"
    assert found["steps"][-1]["causes"][0]["line"] > 1
    status, text = asked(plane, "/debug/authz?at=deploy/web-v1.shop&from=outside&port=x&tcp=yes")
    assert (status, json.loads(text)["decision"]) == (200, "denied")
    status, text = asked(plane, "/debug/describe?kind=service&name=web.shop")
    assert (status, json.loads(text)["name"]) == (200, "web.shop.svc.cluster.local")


@pytest.mark.parametrize(
    "url", ["/debug/trace", "/debug/authz?at=x", "/debug/describe?kind=cow&name=x"]
)
def test_a_question_without_an_answer_is_a_bad_request(plane: ControlPlane, url: str) -> None:
    assert asked(plane, url)[0] == 400
