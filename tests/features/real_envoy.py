"""A real Envoy as the client of a `heddle serve`, and what that server counts."""

import asyncio
from collections.abc import Mapping
from urllib.request import urlopen

from heddle.injection import SERVER_NAME
from tests.features.served import Served


def bootstrap(
    node: str, token: str, roots: bytes, port: int, runtime: Mapping[str, object] | None = None
) -> Mapping[str, object]:
    """An Envoy whose control plane is at that port; `runtime` are its operator's own settings."""
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
        "layered_runtime": {"layers": [{"name": "own", "static_layer": dict(runtime or {})}]},
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
