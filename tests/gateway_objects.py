"""Random Gateways, and Secrets for their servers."""

from hypothesis import strategies as st

from tests.meshes import gateway, secret

SERVERS = (
    "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}",
    "{port: {number: 80, name: http, protocol: HTTP}, hosts: [x.example.com, './*.shop.test']}",
    "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*'], tls: {httpsRedirect: true}}",
    "{port: {number: 443, name: https, protocol: HTTPS}, hosts: [x.example.com], "
    "tls: {mode: SIMPLE, credentialName: a}}",
    "{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], "
    "tls: {mode: MUTUAL, credentialName: b}}",
    "{port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: PASSTHROUGH}}",
    "{port: {number: 443, name: mesh, protocol: HTTPS}, hosts: ['*.mesh.test'], "
    "tls: {mode: ISTIO_MUTUAL}}",
    "{port: {number: 443, name: files, protocol: HTTPS}, hosts: ['*.shop.test'], "
    "tls: {mode: SIMPLE, serverCertificate: /etc/c.pem, privateKey: /etc/k.pem}}",
    "{port: {number: 90, name: tcp, protocol: TCP}, hosts: ['*']}",
)
BINDINGS = (
    "",
    ", gateways: [edge]",
    ", gateways: [edge, mesh]",
    ", gateways: [shop/edge, bank/edge]",
    ", gateways: [edge], tls: [{match: [{sniHosts: ['HOST']}], route: [{destination: {host: a}}]}]",
)
"""What a VirtualService says of Gateways."""


def gateways(
    namespaces: st.SearchStrategy[str], created: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """A Gateway with one to three servers, for the pods of an app."""
    servers = st.lists(st.sampled_from(SERVERS), min_size=1, max_size=3, unique=True)
    spec = st.builds(
        lambda app, listed: f"{{selector: {{app: {app}}}, servers: [{', '.join(_named(listed))}]}}",
        st.sampled_from(["a", "b"]),
        servers,
    )
    return st.builds(gateway, st.just("edge"), spec, namespaces, created)


def _named(servers: list[str]) -> list[str]:
    return [each.replace("name: ", f"name: n{n}-", 1) for n, each in enumerate(servers)]


_SHAPES: tuple[tuple[str, ...], ...] = (
    ("tls_crt", "tls_key"),
    ("tls_crt", "tls_key", "ca_crt"),
    ("cert", "key"),
    ("cacert",),
)


def secrets(namespaces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A Secret with some of what a gateway needs; what it is does not matter here."""

    def made(name: str, namespace: str, keys: tuple[str, ...], content: bytes) -> str:
        return secret(name, namespace, **{key: content for key in keys})

    return st.builds(
        made,
        st.sampled_from(["a", "b", "b-cacert"]),
        namespaces,
        st.sampled_from(_SHAPES),
        st.sampled_from([b"1", b"2"]),
    )
