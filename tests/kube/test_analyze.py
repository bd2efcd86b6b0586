"""`heddle analyze` of a real API server's objects, alone and with a file laid over them."""

import asyncio
import json
from pathlib import Path

from tests.features.served import HEDDLE
from tests.kube.accounts import Namespace
from tests.kube.server import ApiServer
from tests.kube.test_reflector import RULES, kinds

__all__ = ["kinds"]

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 80}]}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews], http: [{route: [{destination: {host: %s}}]}]}
"""


async def analyzed(config: Path, *arguments: str) -> tuple[int | None, list[str]]:
    """The exit status, and the codes of what is told."""
    process = await asyncio.create_subprocess_exec(
        HEDDLE,
        *("analyze", "--kubeconfig", str(config), "-o", "json", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode, [each["code"] for each in json.loads(said)]


async def test_a_cluster_and_a_file_over_it(
    kinds: None, server: ApiServer, namespace: Namespace, tmp_path: Path
) -> None:
    name = namespace.name
    server.kubectl("apply", "-n", name, "-f", "-", text=f"{SERVICE}---{ROUTE % 'review'}")
    await namespace.allow("reader", *RULES, everywhere=True)
    config = await namespace.kubeconfig("reader")
    assert await analyzed(config, "-n", name) == (1, ["IST0101"])
    assert await analyzed(config, "-n", "default") == (0, [])
    mended = tmp_path / "mended.yaml"
    mended.write_text(ROUTE % "reviews")
    assert await analyzed(config, "-n", name, str(mended)) == (0, [])
