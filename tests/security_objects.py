"""Random policies of security: of a namespace or of the mesh, for all workloads, for some, or for a
gateway.
"""

from hypothesis import strategies as st

from crds.mesh_config import mesh_config
from tests.meshes import virtual_service
from tests.random_services import NAMESPACES

_GATEWAY = "group: gateway.networking.k8s.io, kind: Gateway"
_WHOM = (
    "",
    "selector: {matchLabels: {app: a}}, ",
    f"targetRefs: [{{{_GATEWAY}, name: a}}], ",
)
_AUTHORIZATION = (
    "rules: []",
    "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/a]}}]}]",
    "action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]",
    "action: CUSTOM, provider: {name: judge}, rules: [{to: [{operation: {paths: [/a]}}]}]",
    "action: DENY, rules: [{when: [{key: 'request.auth.claims[a]', values: [b]}]}]",
)
_KEYS = (
    "",
    "jwtRules: [{issuer: a, jwks: '{}'}]",
    "jwtRules: [{issuer: a, jwksUri: 'http://a.shop.svc.cluster.local/keys'}]",
    "jwtRules: [{issuer: b, jwksUri: 'http://b:80/keys'}, "
    "{issuer: a, jwksUri: 'https://x.example.com:443/keys'}]",
)
JUDGED, _ = mesh_config(
    {
        "extensionProviders": [
            {
                "name": "judge",
                "envoyExtAuthzGrpc": {"service": "a.shop.svc.cluster.local", "port": 80},
            }
        ]
    }
)
"""A mesh with somebody to ask, if there is such a service."""


def _policy(kind: str, whom: tuple[str, ...], what: tuple[str, ...]) -> st.SearchStrategy[str]:
    def made(name: str, namespace: str, for_whom: str, spec: str) -> str:
        return (
            f"---\napiVersion: security.istio.io/v1\nkind: {kind}\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{for_whom}{spec}}}\n"
        )

    return st.builds(
        made,
        st.sampled_from(["p", "q"]),
        st.sampled_from([*NAMESPACES, "istio-system"]),
        st.sampled_from(whom),
        st.sampled_from(what),
    )


def policies() -> st.SearchStrategy[str]:
    """One policy of any kind."""
    return st.one_of(
        _policy("AuthorizationPolicy", _WHOM, _AUTHORIZATION),
        _policy("RequestAuthentication", _WHOM, _KEYS),
    )


def routes_by_claims(namespaces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A VirtualService of a gateway that asks for what a token says."""
    spec = (
        "{hosts: [x.example.com], gateways: [edge, shop/edge], http: [{match: [{headers: "
        "{'@request.auth.claims.a': {exact: b}}}], route: [{destination: {host: a}}]}]}"
    )
    return st.builds(virtual_service, st.sampled_from(["a", "b"]), st.just(spec), namespaces)
