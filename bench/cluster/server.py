"""An API server that only answers lists, from bytes that it has made before."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping

from aiohttp import web

from bench.cluster.objects import Raw, namespaces, nodes, pods, services, slices
from crds.kinds import KINDS

VERSION = "1000000"


class Lists:
    """Objects by path, each as JSON."""

    def __init__(self, found: Mapping[str, Iterable[Raw]]) -> None:
        self._found = {
            path: [json.dumps(each) for each in listed] for path, listed in found.items()
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if "/" not in path.removeprefix("/apis/").removeprefix("/api/").partition("v1")[2]:
            return web.json_response(_kinds(path))
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.sleep(3600.0)
            return response
        listed = self._found.get(path, [])
        first, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        last = first + limit
        more = str(last) if last < len(listed) else ""
        meta = json.dumps({"resourceVersion": VERSION, "continue": more})
        text = f'{{"metadata": {meta}, "items": [{", ".join(listed[first:last])}]}}'
        return web.Response(text=text, content_type="application/json")


def _kinds(path: str) -> Mapping[str, object]:
    group = path.split("/")[2] if path.startswith("/apis/") else ""
    listed = [kind for (of, kind) in KINDS if of == group]
    return {"resources": [{"name": f"{each.lower()}s", "kind": each} for each in listed]}


async def serve(many: int, services_of: int) -> None:
    """Says on which port, and serves until it is killed."""
    each = many // services_of
    lists = Lists(
        {
            "/api/v1/namespaces": namespaces(),
            "/api/v1/nodes": nodes(200),
            "/api/v1/pods": pods(many),
            "/api/v1/services": services(services_of),
            "/apis/discovery.k8s.io/v1/endpointslices": slices(services_of, each),
        }
    )
    app = web.Application()
    app.router.add_get("/{path:.*}", lists.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
