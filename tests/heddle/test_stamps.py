"""Resources say where their objects are written, and are not sent again because that has moved."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from crds.meta import Key, Origin
from heddle.control_plane import ControlPlane
from heddle.encode import encode
from heddle.stamps import Stamp, Stamps
from mesh.proxy import Proxy, Role
from sources.events import Applied, Event, Moved
from tests.heddle.events import applied
from tests.translations import translations
from translator.config import Config
from webhook import raw
from xds.resource import Resource
from xds.types import CDS, LDS, RDS, VHDS

MESH = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.0.0.2, ports: [{name: tcp, port: 5432}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop, generation: 3}
spec: {hosts: [web], http: [{timeout: 1s, route: [{destination: {host: web, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop, generation: 5}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop, generation: 2}
spec: {hosts: [db], tcp: [{route: [{destination: {host: db}}]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop, generation: 4}
spec:
  selector: {app: edge}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: open, namespace: shop, generation: 9}
spec: {hosts: [open.test], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop, generation: 6}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: viewers, namespace: shop, generation: 7}
spec: {rules: [{from: [{source: {namespaces: [shop]}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: tried, namespace: shop, generation: 8, annotations: {istio.io/dry-run: "true"}}
spec: {action: DENY, rules: [{from: [{source: {namespaces: [other]}}]}]}
"""
CLIENT = Proxy(namespace="shop", name="p", labels={"app": "web"}, service_account="default")
GATEWAY = Proxy(
    namespace="shop", name="g", labels={"app": "edge"}, service_account="g", role=Role.ROUTER
)
TYPES: Mapping[str, type[Message]] = {
    CDS: Cluster,
    LDS: Listener,
    RDS: RouteConfiguration,
    VHDS: VirtualHost,
}


def events(text: str = MESH, *, below: int = 0) -> list[Event]:
    """The documents of a file, each ten lines long, `below` so many lines of something else."""
    return [
        replace(each, origin=Origin("mesh.yaml", number, below + 10 * number))
        for number, each in enumerate(applied(text), start=1)
        if isinstance(each, Applied)
    ]


def plane(proxy: Proxy = CLIENT, *, inline: bool = False) -> ControlPlane:
    """A control plane with the mesh, and a proxy that holds its part of it."""
    made = ControlPlane(quiet=True)
    made.apply(events())
    made.engine.select(proxy, inline=inline)
    return made


def held(of: ControlPlane, proxy: Proxy = CLIENT, *, inline: bool = False) -> Iterable[Resource]:
    """What the proxy is sent, of all types that have metadata."""
    for kind in TYPES:
        for part in of.engine.selection(proxy, inline=inline):
            yield from of.publisher.resources(part, kind).values()


def told(of: ControlPlane, proxy: Proxy = CLIENT, *, inline: bool = False) -> Mapping[str, object]:
    """What each cluster, virtual host, route and filter chain says under `heddle`, by name."""
    found: dict[str, object] = {}
    for kind, message in TYPES.items():
        for part in of.engine.selection(proxy, inline=inline):
            for each in of.publisher.resources(part, kind).values():
                _tell(MessageToDict(message.FromString(each.message_bytes)), found)
    return found


def _tell(shown: Mapping[str, object], found: dict[str, object]) -> None:
    metadata = raw.mapping(raw.mapping(shown.get("metadata")).get("filterMetadata"))
    if "heddle" in metadata:
        found[raw.text(shown.get("name")) or f"nameless {len(found)}"] = metadata["heddle"]
    for parts in ("virtualHosts", "routes", "filterChains"):
        for each in raw.objects(shown.get(parts)):
            _tell(each, found)


WEB = "web.shop.svc.cluster.local"


def test_a_cluster_says_where_its_rule_is_written_or_else_its_service() -> None:
    said = told(plane())
    subset = {"object": "Service shop/web", "generation": 5, "written": "mesh.yaml:40"}
    assert said[f"outbound|80|v1|{WEB}"] == subset
    assert said[f"outbound|80||{WEB}"] == {"object": "Service shop/web", "written": "mesh.yaml:10"}


def test_hosts_and_routes_say_it() -> None:
    said = told(plane())
    assert said[f"80/{WEB}:80"] == {"object": "Service shop/web", "written": "mesh.yaml:10"}
    route = {"generation": 3, "path": "spec.http[0]", "written": "mesh.yaml:30"}
    assert [each for each in said.values() if raw.mapping(each).get("path")] == [route]


def test_an_outbound_chain_says_it() -> None:
    said = told(plane())
    expected = {"object": "Service shop/db", "generation": 2, "written": "mesh.yaml:50"}
    assert expected in said.values()


def test_what_leads_to_the_workload_says_service_and_policies() -> None:
    said = told(plane())
    service = {"object": "Service shop/web", "written": "mesh.yaml:10"}
    assert said["inbound|8080||"] == {"service": service}
    chains = {name: each for name, each in said.items() if name.startswith("0.0.0.0_8080")}
    policies = {
        "ns[shop]-policy[viewers]-rule[0]": {"generation": 7, "written": "mesh.yaml:90"},
        "ns[shop]-policy[tried]-rule[0]": {"generation": 8, "written": "mesh.yaml:100"},
    }
    expected = {"generation": 6, "written": "mesh.yaml:80", "service": service}
    assert chains
    for each in chains.values():
        assert each == {**expected, "policies": policies}


def test_routes_within_a_chain_say_its_service() -> None:
    expected = {"heddle": {"service": {"object": "Service shop/web", "written": "mesh.yaml:10"}}}
    of = plane()
    found: list[object] = []
    for part in of.engine.selection(CLIENT):
        for each in of.publisher.resources(part, LDS).values():
            for chain in Listener.FromString(each.message_bytes).filter_chains:
                if chain.name.startswith("0.0.0.0_8080"):
                    for carried in chain.filters:
                        _collect(MessageToDict(carried), found)
    assert found
    assert all(metadata == expected for metadata in found)


def _collect(shown: object, found: list[object]) -> None:
    """The metadata of virtual hosts and routes; one without any counts as nothing."""
    if isinstance(shown, list):
        for each in shown:
            _collect(each, found)
    elif isinstance(shown, dict):
        for each in (*raw.objects(shown.get("virtualHosts")), *raw.objects(shown.get("routes"))):
            found.append(raw.mapping(each.get("metadata")).get("filterMetadata"))
        _collect(list(shown.values()), found)


def test_a_gateway_says_it() -> None:
    said = told(plane(GATEWAY), GATEWAY)
    route = {"path": "spec.http[0]", "generation": 9, "written": "mesh.yaml:70"}
    assert any(route.items() <= raw.mapping(each).items() for each in said.values())


def test_a_policy_for_connections_is_found_too() -> None:
    database = MESH.replace("clusterIP: 10.0.0.2", "clusterIP: 10.0.0.2, selector: {app: web}")
    made = ControlPlane(quiet=True)
    made.apply(events(database))
    made.engine.select(CLIENT)
    chains = {n: raw.mapping(e) for n, e in told(made).items() if n.startswith("0.0.0.0_5432")}
    assert chains
    for each in chains.values():
        assert "ns[shop]-policy[viewers]-rule[0]" in raw.mapping(each["policies"])


@pytest.mark.parametrize("proxy", [CLIENT, GATEWAY], ids=lambda each: each.role.value)
@pytest.mark.parametrize("inline", [False, True])
def test_to_move_sends_nothing(proxy: Proxy, inline: bool) -> None:
    """Neither lines above an object, nor a generation that changes nothing."""
    moving = plane(proxy, inline=inline)
    before, generation = list(held(moving, proxy, inline=inline)), moving.publisher.generation
    assert b"mesh.yaml:30" in b"".join(each.framed for each in before) or proxy is GATEWAY
    down = (e for e in events(below=7) if isinstance(e, Applied) and e.origin is not None)
    moving.apply([Moved(each.key, each.origin) for each in down if each.origin])
    moving.apply(events(MESH.replace("generation: 5", "generation: 6"), below=7))
    assert moving.publisher.generation == generation
    assert list(held(moving, proxy, inline=inline)) == before


def test_what_changes_says_where_it_is_now() -> None:
    moving = plane()
    moving.apply(events(MESH.replace("timeout: 1s", "timeout: 2s"), below=7))
    assert {"mesh.yaml:37", "mesh.yaml:10"} <= {
        raw.text(raw.mapping(each).get("written")) for each in told(moving).values()
    }


def test_the_version_is_that_of_the_resource_without() -> None:
    """So that two replicas, of which one has read the objects elsewhere, agree."""
    stamps = Stamps(
        of=lambda key: Stamp(generation=2, written=f"{key.name}.yaml:1"),
        services={8080: Key("", "Service", "shop", "web")},
    )
    changed = 0
    for case in translations().values():
        config = case.config()
        plain, stamped = encode(config), encode(config, stamps)
        for kind, resources in plain.items():
            versions = {name: each.version for name, each in stamped[kind].items()}
            assert versions == {name: each.version for name, each in resources.items()}
            changed += sum(resources[n] != each for n, each in stamped[kind].items())
    assert changed


def test_nothing_is_said_of_what_is_not_known() -> None:
    config = translations()["provenance/sidecar"].config()
    silent = Stamps(of=lambda _: Stamp())
    assert encode(config, silent) == encode(config)
    assert encode(Config(), silent) == encode(Config())


def test_every_named_part_of_any_translation_says_it() -> None:
    """Whatever names an object says where it is written: no kind of part is left out."""
    stamps = Stamps(of=lambda _: Stamp(written="here:1"))
    seen = 0
    for case in translations().values():
        for kind, resources in encode(case.config(), stamps).items():
            for each in resources.values() if kind in TYPES else ():
                found: dict[str, object] = {}
                shown = MessageToDict(TYPES[kind].FromString(each.message_bytes))
                _tell(shown, found)
                seen += len(found)
                named = {n: raw.mapping(e) for n, e in found.items() if "object" in raw.mapping(e)}
                assert not [name for name, each in named.items() if "written" not in each]
    assert seen
