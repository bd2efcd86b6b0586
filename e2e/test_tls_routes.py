"""TLS that is not the mesh's own: told by the name that the client asks for, and carried."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from e2e.certificates import authority, write
from e2e.conftest import ROOT
from e2e.mesh import Mesh
from e2e.witness import told, witness
from tests.semantics import covers

RED, BLUE = "red.example.com", "blue.example.com"
HOST = "red.e2e.svc.cluster.local"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """`server` certifies all names, `roots.pem` certified it."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOT / ".cache"))
    made.chmod(0o755)
    (made / "server").mkdir()
    ours = authority("ours")
    write(made / "roots.pem", ours.certificate)
    ours.issue(made / "server", "server", "server", ("*.example.com",))
    yield made
    shutil.rmtree(made)


def colours(folder: Path, *tls: str, port: str = "tls") -> str:
    """TLS servers `red` and `blue`, whose versions are their names, and rules for `red`."""
    servers = (
        witness(name, port, TLS=str(folder / "server"), VERSION=name) for name in ("red", "blue")
    )
    rules = f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: red, namespace: e2e}}
spec:
  hosts: [{HOST}, "*.example.com"]
  tls: [{", ".join(f"{{{rule}}}" for rule in tls)}]
"""
    return "\n---\n".join((*servers, *((rules,) if tls else ())))


def asked(mesh: Mesh, folder: Path, name: str, host: str = "red") -> tuple[str, str]:
    """Who answers a client that connects to `host` and asks for `name`, and what it was asked
    for; the client verifies the server."""
    tls: Mapping[str, str] = {"sni": name, "roots": str(folder / "roots.pem")}
    answer = mesh.get(f"https://{host}:8443/", tls=tls)
    return answer.seen.version, told(answer)["sni"]


@covers("S-49")
@pytest.mark.parametrize("port", ["tls", "https"])
def test_the_name_chooses_the_server(intercepting: Mesh, folder: Path, port: str) -> None:
    intercepting.apply(
        colours(
            folder,
            f"match: [{{sniHosts: [{BLUE}]}}], route: [{{destination: {{host: blue}}}}]",
            f"match: [{{sniHosts: [{RED}]}}], route: [{{destination: {{host: red}}}}]",
            port=port,
        )
    )
    assert asked(intercepting, folder, BLUE) == ("blue", BLUE)
    assert asked(intercepting, folder, RED) == ("red", RED)
    assert asked(intercepting, folder, "green.example.com") == ("red", "green.example.com")


def test_the_first_rule_counts_though_another_is_more_specific(
    intercepting: Mesh, folder: Path
) -> None:
    intercepting.apply(
        colours(
            folder,
            'match: [{sniHosts: ["*.example.com"]}], route: [{destination: {host: blue}}]',
            f"match: [{{sniHosts: [{RED}]}}], route: [{{destination: {{host: red}}}}]",
        )
    )
    assert asked(intercepting, folder, RED) == ("blue", RED)


def test_shares_and_ports(intercepting: Mesh, folder: Path) -> None:
    both = "[{destination: {host: red}, weight: 1}, {destination: {host: blue}, weight: 1}]"
    intercepting.apply(
        colours(
            folder,
            f"match: [{{sniHosts: [{RED}], port: 443}}], route: [{{destination: {{host: red}}}}]",
            f"match: [{{sniHosts: [{RED}], port: 8443}}], route: {both}",
        )
    )
    assert {asked(intercepting, folder, RED) for _ in range(40)} == {("red", RED), ("blue", RED)}


def test_what_leads_nowhere_is_closed_and_harms_nobody(intercepting: Mesh, folder: Path) -> None:
    intercepting.apply(
        colours(
            folder,
            f"match: [{{sniHosts: [{RED}]}}], route: [{{destination: {{host: nobody}}}}]",
        )
    )
    tls = {"sni": RED, "roots": str(folder / "roots.pem")}
    answer = intercepting.get("https://red:8443/", tls=tls)
    assert answer.status == 0, answer
    assert any("nobody" in problem for problem in intercepting.problems())
    assert asked(intercepting, folder, BLUE) == ("red", BLUE)


def test_without_a_rule_it_is_carried(mesh: Mesh, folder: Path) -> None:
    mesh.apply(colours(folder))
    assert asked(mesh, folder, RED) == ("red", RED)
    assert asked(mesh, folder, BLUE, "blue") == ("blue", BLUE)


def test_a_client_of_the_proxy_port_is_routed_by_the_name_that_it_calls(
    mesh: Mesh, folder: Path
) -> None:
    """It names the server when it asks for the tunnel. A client that is intercepted names it in
    its TLS; both mean the same."""
    names = f'match: [{{sniHosts: [{HOST}, "*.example.com"]}}]'
    mesh.apply(colours(folder, f"{names}, route: [{{destination: {{host: blue}}}}]"))
    assert asked(mesh, folder, RED, HOST) == ("blue", RED)
