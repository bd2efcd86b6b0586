"""What a port that asks for a certificate of the mesh does with everything else (P10)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.certificates import authority
from e2e.conftest import ROOT
from e2e.mesh import ECHO, VISITOR, Mesh
from e2e.test_mutual_tls import CLIENT_ID, caller, peer_authentication
from tests.security_rows import guards

NO_TLS = {
    "text": "hello",
    "a-record": "\x16\x03\x01\x00\x05hello",
    "http2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """`forged`: another authority says of somebody that he is the client; `named`: it is a
    certificate for a name.
    """
    (ROOT / ".cache").mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=ROOT / ".cache"))
    made.chmod(0o755)
    others = authority("cluster.local")
    others.issue(made, "forged", "client", identity=CLIENT_ID)
    others.issue(made, "named", "client", ("client.e2e.svc.cluster.local",))
    yield made
    shutil.rmtree(made)


@guards("P10", "C15")
def test_no_other_certificate_opens_it(intercepting: Mesh, folder: Path) -> None:
    intercepting.apply(peer_authentication("STRICT"))
    url = f"https://{intercepting.address('e2e/echo-v1')}:8080/"
    shown: list[dict[str, str]] = [
        {},
        *(
            {"certificate": str(folder / f"{name}.pem"), "key": str(folder / f"{name}-key.pem")}
            for name in ("forged", "named")
        ),
    ]
    for tls in shown:
        answer = intercepting.get(url, via=VISITOR, tls={"sni": "echo.e2e", **tls})
        assert answer.status == 0, (tls, answer)
    assert caller(intercepting) == CLIENT_ID


@guards("P10")
@pytest.mark.parametrize("said", NO_TLS.values(), ids=NO_TLS)
def test_bytes_that_are_no_tls_get_nowhere(intercepting: Mesh, said: str) -> None:
    intercepting.apply(peer_authentication("STRICT"))
    address = intercepting.address("e2e/echo-v1")
    assert "echo" not in intercepting.tcp(address, 9000, said, via=VISITOR)
    assert intercepting.get(f"http://{address}:8080/", via=VISITOR).status == 0
    assert intercepting.get(ECHO).status == 200
