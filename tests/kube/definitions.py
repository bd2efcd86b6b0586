"""The mesh's kinds in a real API server."""

import asyncio
import json

from crds.definitions.definition import definitions
from tests.kube.server import ApiServer


async def define(server: ApiServer) -> None:
    """Makes them known, unless they are; returns once they are served."""
    made = {"apiVersion": "v1", "kind": "List", "items": [each for _, each in definitions()]}
    text = json.dumps(made)
    apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    await asyncio.to_thread(server.kubectl, *apply, text=text)
    wait = ("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    await asyncio.to_thread(server.kubectl, *wait)
