"""Kinds of security bugs that other meshes have had, C1 to C18 in control planes and P1 to P10 in
the translation of policies: which tests keep us from having them.

    @guards("C1")                        # on a test, here or in e2e/
    async def test_c1_...                # or at the start of its name

docs/security.md has a line for each. A row without a test stands there under "What cannot apply"
with the reason, or in LATER; tests/tooling/test_security.py holds all of them together.
"""

import re
from collections.abc import Mapping

import pytest

from tests.rows import Rows

KINDS: Mapping[str, str] = {
    "C1": "a secret is given to the wrong proxy",
    "C2": "somebody is believed because of where he calls from or what a header says",
    "C3": "what a node says of itself counts for more than its token",
    "C4": "bytes from anybody end or stall the control plane",
    "C5": "a pattern of a user takes all the time there is",
    "C6": "status and dumps are shown to anybody",
    "C7": "without the right key, one that everybody knows is used",
    "C8": "the control plane fetches what a user names",
    "C9": "a user's text becomes a privilege",
    "C10": "a namespace captures the traffic of another",
    "C11": "an older Envoy drops a field that it does not know, and enforces less",
    "C12": "a gateway between networks passes on more than what is exported",
    "C13": "a release lacks a fix that was made",
    "C14": "connections of one client use up the control plane",
    "C15": "an identity in a certificate is written or checked loosely",
    "C16": "a secret that several contexts share leaves one without trust",
    "C17": "a resumed TLS session outlives a change of trust",
    "C18": "an address is taken for internal by default, and its headers are believed",
    "P1": "another spelling of a path passes by a policy",
    "P2": "another spelling of a host passes by a policy",
    "P3": "a policy for HTTP means something else for TCP",
    "P4": "a dot in a name of a policy matches any character",
    "P5": "of a doubled header only one value is looked at",
    "P6": "a token that is not valid, or not asked for, is let in",
    "P7": "a policy about who a peer is, is wrong about one without a certificate",
    "P8": "headers from outside are believed",
    "P9": "a trust domain is taken for another",
    "P10": "what is no TLS gets past the port that asks for it",
}
"""What goes wrong, in a few words."""

LATER: Mapping[str, str] = {}
"""Rows that no test guards yet, and why."""

ROWS = Rows(re.compile(r"\b[CP]\d{1,2}\b"), KINDS.keys())


def guards(*rows: str) -> pytest.MarkDecorator:
    """`@guards("C1")`: the test fails if we had this kind of bug."""
    assert KINDS.keys() >= set(rows), rows
    return pytest.mark.guards(*rows)
