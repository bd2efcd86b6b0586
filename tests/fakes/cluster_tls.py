"""Serves a fake API server as real ones are: over HTTPS, by an authority of its own."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from ca.authority import new_root, pem
from ca.serving import serving_certificate

OWN_TOKEN = "control-plane"


@asynccontextmanager
async def cluster_tls(app: web.Application, folder: Path, now: datetime) -> AsyncIterator[Path]:
    """Serves it on this machine; a kubeconfig that leads to it, with `OWN_TOKEN`."""
    root = new_root(now, "kubernetes")
    made = serving_certificate(root, now, addresses=(ip_address("127.0.0.1"),))
    chain, ca = folder / "api.pem", folder / "api-ca.pem"
    await asyncio.to_thread(chain.write_bytes, made.chain_pem + made.key.reveal())
    await asyncio.to_thread(ca.write_bytes, pem((root.root,)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    runner = web.AppRunner(app, shutdown_timeout=0.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        yield await asyncio.to_thread(_kubeconfig, folder / "kubeconfig", port, ca)
    finally:
        await runner.cleanup()


def _kubeconfig(path: Path, port: int, ca: Path, token: str = OWN_TOKEN) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority": str(ca),
                },
            }
        ],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))  # JSON is YAML
    return path
