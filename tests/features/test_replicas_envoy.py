"""A real Envoy whose control plane goes away: another process has nothing to send to it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from heddle.injection import SERVER_NAME
from tests.features.csds import until_synced
from tests.features.plane import Plane, node_id
from tests.features.served import Served, serving, write
from tests.xds.relay import relay
from tests.xds.rules import rules

KINDS = ("cds", "eds", "lds", "rds", "vhds")
POD = "shop/web"


@pytest.fixture(autouse=True)
def rule(request: pytest.FixtureRequest) -> str | None:
    """The rule that a test guards."""
    return getattr(request, "param", None)


@asynccontextmanager
async def envoy(binary: Path, folder: Path, config: Mapping[str, object]) -> AsyncIterator[None]:
    """A running Envoy; its log is in the folder."""
    await write(folder / "bootstrap.json", json.dumps(config))
    with (folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            binary,
            *("--config-path", folder / "bootstrap.json", "--use-dynamic-base-id"),
            *("--concurrency", "1", "--log-level", "warning"),
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"]},
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


def bootstrap(node: str, token: str, roots: bytes, port: int) -> Mapping[str, object]:
    """An Envoy whose control plane is at that port."""
    ads = {"resource_api_version": "V3", "ads": {}}
    tls = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": SERVER_NAME,
        "common_tls_context": {
            "validation_context": {
                "trusted_ca": {"inline_string": roots.decode()},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": SERVER_NAME}}
                ],
            }
        },
    }
    return {
        "node": {"id": node, "cluster": "test"},
        "dynamic_resources": {
            "cds_config": ads,
            "lds_config": ads,
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {
                        "envoy_grpc": {"cluster_name": "ads"},
                        "initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}],
                    }
                ],
            },
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "ads",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "http2_protocol_options": {},
                    "transport_socket": {"name": "tls", "typed_config": tls},
                    "load_assignment": {
                        "cluster_name": "ads",
                        "endpoints": [{"lb_endpoints": [_endpoint(port)]}],
                    },
                }
            ]
        },
    }


def _endpoint(port: int) -> Mapping[str, object]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"endpoint": {"address": address}}


async def figures(served: Served) -> dict[str, float]:
    """Its metrics."""
    text = await asyncio.to_thread(lambda: urlopen(served.metrics).read().decode())
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


@rules("X-60", "X-62")
async def test_the_other_replica_sends_nothing(
    home: Path, plane: Plane, envoy_binary: Path
) -> None:
    """Two processes that share nothing but the folder: not even an empty response goes out."""
    options = ("--metrics", "127.0.0.1:0", "--inspector", "shop/web")
    async with (
        serving(home, plane, *options) as one,
        serving(home, plane, *options, name="two") as two,
        relay(one.port) as service,
    ):
        roots = await one.root() + await two.root()
        namespace, _, pod = plane.pod(POD).partition("/")
        node = node_id(namespace, pod)
        config = bootstrap(node, plane.token(POD), roots, service.port)
        async with envoy(envoy_binary, home, config):
            await until_synced(one, POD, KINDS)
            first = await figures(one)
            for kind in KINDS:
                assert first[f'heddle_xds_pushes_total{{type="{kind}"}}'] >= 1
            service.target = two.port
            one.process.send_signal(signal.SIGTERM)
            await until_synced(two, POD, KINDS)
            again = await figures(two)
            assert again["heddle_xds_clients"] == 1
            for kind in (*KINDS, "sds", "other"):
                assert again[f'heddle_xds_push_bytes_total{{type="{kind}"}}'] == 0, kind
                assert again[f'heddle_xds_pushes_total{{type="{kind}"}}'] == 0, kind
                assert again[f'heddle_xds_rejects_total{{type="{kind}"}}'] == 0, kind
