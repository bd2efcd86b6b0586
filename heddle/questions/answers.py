"""What `istioctl proxy-status` asks, over xDS: how far all proxies are, and what one is to hold.

The types are Istio's, `istio.io/debug/...`, and so is the form of the answers: `ClientConfig` of
CSDS for each proxy, and the sections of Envoy's own dump. Only a `Visitor` gets one.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from envoy.admin.v3 import config_dump_shared_pb2
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.status.v3 import csds_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from heddle.control_plane import ControlPlane
from heddle.debug.registry_page import CLUSTER
from heddle.page.sync import connected
from heddle.proxies.config_dump import config_dump
from heddle.proxies.dumps import ProxyDumps
from heddle.proxies.wanted import Wanted
from heddle.questions.visitors import Visitor
from webhook import raw
from xds.auth import Identity
from xds.csds import client_statuses
from xds.errors import BadRequest, Forbidden, Unserved
from xds.questions import Answer
from xds.status import Clients, ClientStatus
from xds.types import RDS, VHDS

SYNCZ: Final = "istio.io/debug/syncz"
CONFIG_DUMP: Final = "istio.io/debug/config_dump"
_OURS: Final = ("client_status", "error_state")
"""What our dumps have and Envoy's have not: istioctl compares them as texts."""
_SECTIONS: Final[Mapping[str, type[Message]]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        config_dump_shared_pb2.ClustersConfigDump,
        config_dump_shared_pb2.EndpointsConfigDump,
        config_dump_shared_pb2.ListenersConfigDump,
        config_dump_shared_pb2.RoutesConfigDump,
    )
}
_TROUBLE: Final = (csds_pb2.SYNCED, csds_pb2.NOT_SENT, csds_pb2.STALE, csds_pb2.ERROR)

_Configs = Iterable[csds_pb2.ClientConfig.GenericXdsConfig]


def answers(
    plane: ControlPlane, clients: Clients, replica: str, wall: Callable[[], float]
) -> Mapping[str, Answer]:
    """The answers by type; `replica` is our own name among the control plane's pods, `wall` gives
    unix seconds.
    """
    dumps = ProxyDumps(plane, clients, None)

    async def syncz(names: Sequence[str], identity: Identity) -> discovery_pb2.DiscoveryResponse:
        _check(identity)
        del names  # Istio's answer is about all, too
        found = sorted(connected(clients.snapshot()).items())
        began = wall() - asyncio.get_running_loop().time()
        return _response((client_config(pod, client, began) for pod, client in found), replica)

    async def dump(names: Sequence[str], identity: Identity) -> discovery_pb2.DiscoveryResponse:
        _check(identity)
        if len(names) != 1:
            raise BadRequest("a dump is of one proxy: POD.NAMESPACE")
        pod, _, namespace = names[0].rpartition(".")
        wanted = await dumps.wanted(namespace, pod)
        return _response(await asyncio.to_thread(lambda: tuple(sections(wanted))), replica)

    return {SYNCZ: syncz, CONFIG_DUMP: dump}


def client_config(pod: str, client: ClientStatus, began: float) -> csds_pb2.ClientConfig:
    """A proxy (namespace/name) as istioctl reads it. It knows no virtual hosts apart from routes:
    whichever of the two is further behind counts. `began`: when the event loop's time was 0, in
    unix seconds.
    """
    namespace, _, name = pod.partition("/")
    every = csds_pb2.ClientStatusRequest()
    (said,) = client_statuses(every, (client,), lambda at: began + at).config
    node = base_pb2.Node(id=f"{name}.{namespace}")
    facts = {"CLUSTER_ID": CLUSTER, "NAMESPACE": namespace, "ISTIO_VERSION": version("heddle")}
    node.metadata.update(facts)
    subscribed = (each for each in said.generic_xds_configs if each.type_url in client.types)
    return csds_pb2.ClientConfig(node=node, generic_xds_configs=_merged(subscribed))


def _merged(configs: _Configs) -> Iterator[csds_pb2.ClientConfig.GenericXdsConfig]:
    found: dict[str, csds_pb2.ClientConfig.GenericXdsConfig] = {}
    for each in configs:
        kind = each.type_url = RDS if each.type_url == VHDS else each.type_url
        known = found.get(kind)
        if known is None or _trouble(known) < _trouble(each):
            found[kind] = each
    yield from found.values()


def _trouble(config: csds_pb2.ClientConfig.GenericXdsConfig) -> int:
    return _TROUBLE.index(config.config_status)


def sections(wanted: Sequence[Wanted]) -> Iterator[Message]:
    """What a proxy is to hold as the sections of Envoy's dump. Secrets, which istioctl does not
    compare, are not among them; what is secret elsewhere is redacted. Raises `Unserved`.
    """
    for section in raw.objects(config_dump(wanted)["configs"] if wanted else None):
        kind = _SECTIONS.get(raw.text(section.get("@type")).rpartition("/")[2])
        if kind is None:
            continue
        try:
            yield json_format.ParseDict(dict(_bare(section)), kind())
        except json_format.ParseError as error:
            raise Unserved(f"what it is to hold cannot be shown: {error}") from None


def _bare(section: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The lists of a section, as Envoy has them."""
    for field, entries in section.items():
        if field != "@type":
            yield (
                field,
                [{k: v for k, v in e.items() if k not in _OURS} for e in raw.objects(entries)],
            )


def _check(identity: Identity) -> None:
    if not isinstance(identity, Visitor):
        raise Forbidden("a proxy does not see how others are")


def _response(found: Iterable[Message], replica: str) -> discovery_pb2.DiscoveryResponse:
    response = discovery_pb2.DiscoveryResponse()
    for message in found:
        response.resources.add().Pack(message)
    ours = {"Component": "heddle", "ID": replica, "Info": {"version": version("heddle")}}
    response.control_plane.identifier = json.dumps(ours)
    return response
