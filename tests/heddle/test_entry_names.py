"""The names of ServiceEntries in a mesh on this machine."""

import pytest

from heddle.entry_names import entry_names
from tests.meshes import mesh_of, service

PORTS = "ports: [{number: 80, name: http, protocol: HTTP}]"


def entry(spec: str) -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: e, namespace: shop}}\nspec: {{{PORTS}, {spec}}}\n"
    )


@pytest.mark.parametrize(
    ("spec", "prefix"),
    [
        ("hosts: [a.b], resolution: STATIC, addresses: [10.9.0.1, 'fd00::1']", "10.9.0.1"),
        ("hosts: [a.b], resolution: STATIC", "240.240."),
        ("hosts: [a.b], resolution: DNS, endpoints: [{address: c.d}]", "240.240."),
        ("hosts: [a.b], resolution: DNS", None),
        ("hosts: [a.b], resolution: NONE", None),
        ("hosts: ['*.b'], resolution: STATIC, addresses: [10.9.0.1]", None),
    ],
)
def test_a_host_leads_to_its_ipv4_virtual_ips(spec: str, prefix: str | None) -> None:
    found = entry_names(mesh_of(entry(spec) + service("a")))
    assert found.keys() == ({"a.b"} if prefix else set())
    for addresses in found.values():
        assert len(addresses) == 1
        assert addresses[0].startswith(prefix or "")
