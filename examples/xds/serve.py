"""Serves xDS from a file of resources: `python serve.py resources.yaml 127.0.0.1:18000`."""
# ruff: noqa: D103, TID251 - an example is read, not imported

import asyncio
import sys
import time
from importlib import import_module
from pathlib import Path

import yaml
from google.protobuf import any_pb2, json_format
from watchfiles import awatch

from xds.auth import Selection, accept_anybody
from xds.publisher import Publisher
from xds.resource import resource
from xds.server import Server, ServerSettings

for types in (
    "config.listener.v3.listener",
    "extensions.filters.http.router.v3.router",
    "extensions.filters.network.http_connection_manager.v3.http_connection_manager",
):
    import_module(f"envoy.{types}_pb2")  # so that the file may name them


def read(file):
    found = {}
    for each in yaml.safe_load_all(file.read_text()):
        packed = json_format.ParseDict(each, any_pb2.Any())
        made = resource(packed.type_url, each.get("name") or each["cluster_name"], packed.value)
        found.setdefault(packed.type_url, []).append(made)
    return found


async def select(node, identity):
    return Selection(parts=("everything",))


async def serve(file, address):
    publisher = Publisher()
    publisher.replace("everything", read(file))
    settings = ServerSettings(address=address, plaintext=True)
    hooks = {"authenticate": accept_anybody, "resolve": select, "resolve_sotw": select}
    server = Server(publisher, **hooks, wall=time.time, settings=settings)
    print("serving on port", await server.start(), flush=True)
    async for _ in awatch(file.parent):
        publisher.replace("everything", read(file))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
