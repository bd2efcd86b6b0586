"""The demo's ingress: a user of this machine opens the URL that it prints."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.conftest import ROOT

URL = re.compile(r"open (http://127\.0\.0\.1:\d+)")


@contextmanager
def opened(mode: str, envoy: Path) -> Iterator[str]:
    """The URL that a demo of examples/shop prints, while it runs."""
    program = Path(sys.executable).with_name("heddle")
    argv = [str(program), "demo", "--mode", mode, "--envoy", str(envoy)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            found = (URL.search(line) for line in demo.stdout)
            yield next(match[1] for match in found if match)
        finally:
            demo.terminate()


@pytest.mark.parametrize(
    "mode", [pytest.param("namespaces", marks=pytest.mark.netns), "proxy-port"]
)
def test_the_url_that_the_demo_prints(
    mode: str, envoy: Path, request: pytest.FixtureRequest
) -> None:
    """8080, or where somebody has that, another port; the storefront answers behind it."""
    if mode == "namespaces":
        request.getfixturevalue("namespaces")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody has it, which is what this is about
        with opened(mode, envoy) as url, urllib.request.urlopen(f"{url}/page?a=b") as answer:
            seen = json.loads(answer.read())
    assert not url.endswith(":8080")
    assert (seen["service"], seen["path"]) == ("storefront", "/page?a=b")
    assert {upstream["service"] for upstream in seen["upstreams"]} == {
        "catalog",
        "reviews",
        "payments",
    }
