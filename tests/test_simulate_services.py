"""What happens to connections and requests to services of every kind, by the rules of istio-api.md
(S-n).
"""

import pytest

from explain.simulate import connect
from mesh.proxy import Mode, Proxy
from tests.meshes import mesh_of
from translator.config import Config
from translator.translate import translate


def config_of(text: str, namespace: str = "shop", mode: Mode = Mode.REDIRECT) -> Config:
    proxy = Proxy(
        namespace=namespace,
        name="client",
        labels={"app": "client"},
        service_account="default",
        mode=mode,
        address="127.1.0.9" if mode is Mode.NONE else "",
    )
    return translate(mesh_of(text), proxy)


def external(name: str, host: str, spec: str) -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec: {{hosts: ['{host}'], location: MESH_EXTERNAL, {spec}}}\n"
    )


TLS_443 = "resolution: NONE, ports: [{number: 443, name: tls, protocol: TLS}]"
TCP_5432 = "resolution: NONE, ports: [{number: 5432, name: tcp, protocol: TCP}]"


@pytest.mark.parametrize(
    ("name", "cluster"),
    [
        ("api.example.com", "outbound|443||api.example.com"),
        ("www.example.com", "outbound|443||*.example.com"),
        ("a.b.example.com", "outbound|443||*.example.com"),
        ("example.com", "PassthroughCluster"),
        ("example.org", "PassthroughCluster"),
    ],
)
def test_a_tls_greeting_says_which_external_host_is_meant(name: str, cluster: str) -> None:
    config = config_of(
        external("e", "api.example.com", TLS_443) + external("w", "*.example.com", TLS_443)
    )
    assert connect(config, "192.0.2.1", 443, sni=name).cluster == cluster


@pytest.mark.parametrize(
    ("address", "cluster"),
    [
        ("10.8.7.7", "outbound|5432||narrow.example.com"),
        ("10.8.1.1", "outbound|5432||wide.example.com"),
        ("10.9.1.1", "outbound|5432||any.example.com"),
    ],
)
def test_a_connection_goes_to_the_narrowest_network(address: str, cluster: str) -> None:
    config = config_of(
        external("any", "any.example.com", TCP_5432)
        + external("wide", "wide.example.com", f"{TCP_5432}, addresses: [10.8.0.0/16]")
        + external("narrow", "narrow.example.com", f"{TCP_5432}, addresses: [10.8.7.0/24]")
    )
    assert connect(config, address, 5432).cluster == cluster
