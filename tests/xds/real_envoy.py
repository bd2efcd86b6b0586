"""A real Envoy on loopback, configured over delta ADS, and hand-written resources for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import address_pb2, config_source_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message

from tests.envoy_process import running_envoy
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, VHDS

PATIENCE = 60.0


@asynccontextmanager
async def envoy(binary: Path, folder: Path, ads_port: int) -> AsyncIterator[None]:
    """A running Envoy."""
    async with running_envoy(binary, folder, _bootstrap(ads_port)):
        yield


def _bootstrap(ads_port: int) -> Mapping[str, object]:
    ads = {"resource_api_version": "V3", "ads": {}}
    return {
        "node": {"id": "envoy-1", "cluster": "test"},
        "dynamic_resources": {
            "cds_config": ads,
            "lds_config": ads,
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {"envoy_grpc": {"cluster_name": "ads"}, "timeout": "0s"},
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
                    "load_assignment": {
                        "cluster_name": "ads",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": _json_address(ads_port)}}]}
                        ],
                    },
                }
            ]
        },
    }


def _json_address(port: int) -> Mapping[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


# Resources


def cluster(name: str, *, timeout: int = 1) -> Resource:
    """An EDS cluster over ADS."""
    message = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        connect_timeout=duration_pb2.Duration(seconds=timeout),
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(eds_config=_ads()),
    )
    return resource(CDS, name, message)


def endpoints(name: str, port: int) -> Resource:
    """One endpoint on loopback."""
    endpoint = endpoint_components_pb2.Endpoint(address=_address(port))
    locality = endpoint_components_pb2.LocalityLbEndpoints(
        lb_endpoints=[endpoint_components_pb2.LbEndpoint(endpoint=endpoint)]
    )
    message = endpoint_pb2.ClusterLoadAssignment(cluster_name=name, endpoints=[locality])
    return resource(EDS, name, message)


def listener(name: str, port: int, route: str) -> Resource:
    """An HTTP listener with its routes over RDS."""
    router = hcm_pb2.HttpFilter(name="router", typed_config=_any(router_pb2.Router()))
    manager = hcm_pb2.HttpConnectionManager(
        stat_prefix=name,
        rds=hcm_pb2.Rds(config_source=_ads(), route_config_name=route),
        http_filters=[router],
    )
    network = listener_components_pb2.Filter(name="hcm", typed_config=_any(manager))
    message = listener_pb2.Listener(
        name=name,
        address=_address(port),
        filter_chains=[listener_components_pb2.FilterChain(filters=[network])],
    )
    return resource(LDS, name, message)


def bad_listener(name: str) -> Resource:
    """A listener that Envoy rejects: it has no address."""
    return resource(LDS, name, listener_pb2.Listener(name=name))


def route(name: str, *, hidden: Iterable[str] = ()) -> Resource:
    """A route configuration whose virtual hosts come over VHDS; `hidden` headers are removed."""
    message = route_pb2.RouteConfiguration(
        name=name,
        vhds=route_pb2.Vhds(config_source=_ads()),
        request_headers_to_remove=list(hidden),
    )
    return resource(RDS, name, message)


def virtual_host(name: str, domain: str, cluster_name: str) -> Resource:
    """Sends a domain to a cluster."""
    action = route_components_pb2.RouteAction(cluster=cluster_name)
    return _virtual_host(name, domain, route_components_pb2.Route(route=action))


def answer(name: str, domain: str, body: str) -> Resource:
    """Answers a domain by itself."""
    action = route_components_pb2.DirectResponseAction(status=200)
    action.body.inline_string = body
    return _virtual_host(name, domain, route_components_pb2.Route(direct_response=action))


def _virtual_host(name: str, domain: str, action: route_components_pb2.Route) -> Resource:
    action.match.prefix = "/"
    message = route_components_pb2.VirtualHost(name=name, domains=[domain], routes=[action])
    return resource(VHDS, name, message)


def _ads() -> config_source_pb2.ConfigSource:
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(),
        resource_api_version=config_source_pb2.V3,
    )


def _address(port: int) -> address_pb2.Address:
    return address_pb2.Address(
        socket_address=address_pb2.SocketAddress(address="127.0.0.1", port_value=port)
    )


def _any(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


# Traffic


@asynccontextmanager
async def backend(body: str) -> AsyncIterator[int]:
    """An HTTP server that always says the same; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body.encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def get(port: int, host: str = "any", path: str = "/") -> tuple[int, str]:
    """One request over a connection of its own: status and body; status 0 when refused."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode())
        answered = (await reader.read()).decode()
        writer.close()
    except ConnectionError:
        return 0, ""
    if not answered:
        return 0, ""
    status, _, rest = answered.partition("\r\n")
    return int(status.split()[1]), rest.partition("\r\n\r\n")[2]


async def until_answered(port: int, wanted: Callable[[tuple[int, str]], bool]) -> None:
    """Ask until the answer is the wanted one: Envoy tells nobody when a listener has opened."""
    async with asyncio.timeout(PATIENCE):
        while not wanted(await get(port)):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)
