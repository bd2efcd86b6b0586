"""Whom the CUSTOM policies of a workload ask."""

from crds.authorization_policy import Action, AuthorizationPolicy, ExtensionProvider
from crds.mesh_config import mesh_config
from crds.meta import Meta
from mesh.providers import authorizers
from mesh.proxy import Proxy
from tests.meshes import mesh_of
from tests.semantics import covers

HOST = "authz.test"


def entry(namespace: str, name: str) -> str:
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{hosts: [{HOST}], "
        "ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, "
        "endpoints: [{address: 192.0.2.1}]}\n"
    )


def asked(text: str, service: str) -> list[str]:
    """Whom a workload of the namespace `shop` can ask."""
    provider = {"name": "a", "envoyExtAuthzHttp": {"service": service, "port": 80}}
    config, problems = mesh_config({"extensionProviders": [provider]})
    assert problems == ()
    proxy = Proxy(namespace="shop", name="p", labels={}, service_account="default")
    policy = AuthorizationPolicy(
        meta=Meta(namespace="shop", name="p"),
        action=Action.CUSTOM,
        provider=ExtensionProvider(name="a"),
    )
    return [each.host for each in authorizers(mesh_of(text, config), proxy, [policy])]


@covers("S-94")
def test_of_two_services_with_one_host_the_one_that_is_meant_is_asked() -> None:
    """A namespace's own comes before another's: whoever sees that one would ask somebody else."""
    both = entry("tools", "a") + entry("shop", "b")
    assert asked(entry("tools", "a"), f"tools/{HOST}") == [HOST]
    assert asked(both, f"shop/{HOST}") == [HOST]
    assert asked(both, f"tools/{HOST}") == []
