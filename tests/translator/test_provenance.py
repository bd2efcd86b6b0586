"""What resources say of where they come from."""

import pytest
from envoy.config.core.v3.base_pb2 import Metadata

from crds.kinds import KINDS
from crds.meta import Key
from mesh.source import Source
from tests.meshes import mesh_of
from tests.translations import translations
from translator.config import Config
from translator.provenance import (
    UNKNOWN,
    Provenance,
    config_path,
    decisive,
    metadata,
    parse_config,
    parse_object,
    provenance,
)
from translator.translate import in_place, translate

ROUTED = Key("networking.istio.io", "VirtualService", "shop", "reviews")
RULE = Key("networking.istio.io", "DestinationRule", "shop", "reviews")
SERVICE = Key("", "Service", "shop", "reviews")


@pytest.mark.parametrize("kind", [key for key, kind in KINDS.items() if kind.namespaced])
def test_an_object_is_read_as_it_was_written(kind: tuple[str, str]) -> None:
    key = Key(*kind, "shop", "a.b-c")
    assert parse_object(str(key)) == key
    assert parse_config(config_path(key)) == key


def test_the_form_is_istios() -> None:
    path = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/reviews"
    assert config_path(ROUTED) == path


@pytest.mark.parametrize("text", ["", "Nothing shop/x", "/apis/a/v1/namespaces/b/nothing/c", "/a"])
def test_other_forms_name_nothing(text: str) -> None:
    assert parse_object(text) is None
    assert parse_config(text) is None


def test_what_is_said_is_read() -> None:
    source = Source(object=ROUTED, path="spec.http[1]", generation=7)
    told = metadata(of=SERVICE, source=source, name="reviews:80")
    assert told is not None
    assert told.filter_metadata["istio"].fields["name"].string_value == "reviews:80"
    expected = Provenance(config=ROUTED, object=SERVICE, path="spec.http[1]", generation=7)
    assert provenance(told) == expected
    both = metadata(config=RULE, of=SERVICE)
    assert both is not None
    assert provenance(both) == Provenance(config=RULE, object=SERVICE)


def test_of_an_object_that_istio_has_no_column_for_only_we_speak() -> None:
    told = metadata(source=Source(object=SERVICE))
    assert told is not None
    assert set(told.filter_metadata) == {"heddle"}


def test_who_decides_is_the_same_as_what_is_said() -> None:
    unreadable = Metadata()
    unreadable.filter_metadata["istio"].fields["config"].string_value = "/somewhere/else"
    empty = Metadata()
    empty.filter_metadata["heddle"].fields["path"].string_value = "spec"
    every = (
        metadata(config=RULE, of=SERVICE),
        metadata(of=SERVICE, name="reviews:80"),
        metadata(name="reviews:80"),
        unreadable,
        empty,
        Metadata(),
    )
    for told in every:
        assert told is not None
        said, before = provenance(told), told.SerializeToString(deterministic=True)
        assert decisive(told) == (said.config or said.object)
        assert told.SerializeToString(deterministic=True) == before  # reading adds nothing


def test_nothing_is_said_of_what_no_object_decides() -> None:
    assert metadata() is None
    silent = Metadata()
    assert provenance(silent) == UNKNOWN
    assert not silent.filter_metadata  # reading adds nothing


def test_every_cluster_and_route_of_a_host_says_its_object() -> None:
    """Over all goldens; left out is what is nobody's: passing through, blackholes, refusals."""
    silent: set[str] = set()
    for case in translations().values():
        config = in_place(case.config())
        silent |= {
            c.name for c in config.clusters if _is_hosts(c.name) and not c.metadata.filter_metadata
        }
        for table in config.routes:
            for host in table.virtual_hosts:
                silent |= {f"{r.name}" for r in host.routes if not r.metadata.filter_metadata}
    assert silent <= {"allow_any", "allow_any_connect", "block_all", "blackhole"}


def _is_hosts(cluster: str) -> bool:
    return cluster.startswith("outbound|")


DB = """
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.0.0.9, ports: [{name: tcp, port: 5432}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: shop, generation: 1}
spec:
  hosts: [db]
  tcp:
  - match: [{destinationSubnets: [10.0.0.0/24]}]
    route: [{destination: {host: db}}]
"""


def test_an_edit_that_changes_no_chain_drains_none() -> None:
    """Envoy drains the connections of a filter chain of which any byte changed."""
    before = _translated(DB)
    unrelated = "  - match: [{port: 1}]\n    route: [{destination: {host: db}}]\n"
    edited = DB.replace("  tcp:\n", f"  tcp:\n{unrelated}").replace(
        "generation: 1", "generation: 2"
    )
    assert _translated(edited).listeners == before.listeners


def test_a_rule_that_says_nothing_of_a_cluster_leaves_it_as_it_was() -> None:
    """Envoy replaces a cluster of which any byte changed, and with it its connections."""
    rule = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: shop, generation: 4}
spec: {host: db, subsets: [{name: v1, labels: {version: v1}}]}
"""
    before = {each.name: each for each in _translated(DB).clusters}
    after = {each.name: each for each in _translated(DB + rule).clusters}
    assert {name: after[name] for name in before} == before
    assert _translated(DB + rule.replace("generation: 4", "generation: 5")) == _translated(
        DB + rule
    )


def _translated(text: str) -> Config:
    return translate(mesh_of(text), translations()["provenance/sidecar"].proxy)
