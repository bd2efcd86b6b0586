"""There is no key in what we ship, to fall back on or to be found."""

import re
from pathlib import Path

from tests.security_rows import guards

PACKAGES = (
    "analysis",
    "ca",
    "crds",
    "explain",
    "heddle",
    "mesh",
    "sources",
    "translator",
    "webhook",
    "xds",
)
KEY = re.compile(
    rb"-----BEGIN [A-Z ]*KEY-----\s*[\w+/]{20}"  # PEM
    rb"|\"(n|d|k|x)\": ?\"[\w-]{20,}\""  # JWK
    rb"|[\w+/]{200,}={0,2}"  # anything of that length in base64
)


@guards("C7")
def test_c7_no_key_is_in_the_code(repo_root: Path) -> None:
    files = [path for name in PACKAGES for path in sorted((repo_root / name).rglob("*.*"))]
    kept = [path for path in files if path.is_file() and "__pycache__" not in path.parts]
    assert len(kept) > 100
    assert [str(path) for path in kept if KEY.search(path.read_bytes())] == []


def test_this_search_would_find_one() -> None:
    assert KEY.search(b'{"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps"}')
    assert KEY.search(b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\n")
