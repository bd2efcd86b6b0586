"""Hosts that exist for a client only because a VirtualService names them."""

import pytest

from mesh.host_view import selection
from mesh.scope import Scope
from tests.meshes import mesh_of, service, virtual_service

TO = "http: [{route: [{destination: {host: reviews}}]}]"


def exists(text: str, host: str, namespace: str = "shop") -> bool:
    return selection(mesh_of(service("reviews") + text), Scope(namespace), host) is not None


@pytest.mark.parametrize(
    ("host", "there"),
    [("old.example.com", True), ("*.example.org", True), ("new.example.com", False)],
)
def test_a_host_is_there_if_it_is_named(host: str, there: bool) -> None:
    text = virtual_service("v", f"{{hosts: [old.example.com, '*.example.org'], {TO}}}")
    assert exists(text, host) is there


def test_a_wildcard_does_not_serve_a_host_that_only_a_hidden_object_names() -> None:
    text = virtual_service("hidden", f"{{hosts: [old.example.com], exportTo: ['.'], {TO}}}")
    text += virtual_service("wide", f"{{hosts: ['*.example.com'], {TO}}}", namespace="bank")
    assert exists(text, "old.example.com")
    assert not exists(text, "old.example.com", "bank")


def test_a_wildcard_that_covers_a_service_is_no_host_of_its_own() -> None:
    text = virtual_service("v", f"{{hosts: ['*.shop.svc.cluster.local'], {TO}}}")
    assert not exists(text, "*.shop.svc.cluster.local")
