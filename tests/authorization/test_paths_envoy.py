"""P1: what a policy about `/admin` is worth, in every mode of `pathNormalization`, at the sidecar:
a real Envoy.

Behind it may be any server: whatever a mode promises to undo, no such spelling of `/admin` may
arrive there.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.authorization_policy import Action
from crds.path_normalization import NormalizationType
from tests.authorization.guarded import Door, Guarded, guarded, request
from tests.authorization.test_verdicts import operation, policy
from tests.semantics import covers

pytestmark = pytest.mark.envoy

ADMIN = ("/admin", "/admin/*")
DENY = policy(operation(paths=ADMIN), action=Action.DENY)
ALLOW = policy(operation(not_paths=ADMIN))
NONE, BASE = NormalizationType.NONE, NormalizationType.BASE
MERGE, DECODE = NormalizationType.MERGE_SLASHES, NormalizationType.DECODE_AND_MERGE_SLASHES
MODES = (NONE, BASE, MERGE, DECODE)
NO, BAD = "403", "400"
SAME = "as it came"
NEWER = "refused, or before Envoy 1.39 as it came"

CORPUS: Mapping[str, tuple[str, str, str, str]] = {
    "/admin": (NO, NO, NO, NO),
    "/admin?x": (NO, NO, NO, NO),
    "/admin?x=/y": (NO, NO, NO, NO),
    "/admin/": (NO, NO, NO, NO),
    "/admin//": (NO, NO, NO, NO),
    "http://x/admin": (NO, NO, NO, NO),
    "/admin\t": (NO, NO, NO, NO),
    # dots, and letters that need no escape
    "/./admin": (SAME, NO, NO, NO),
    "/a/../admin": (SAME, NO, NO, NO),
    "/../../admin": (SAME, NO, NO, NO),
    "/%2e%2e/admin": (SAME, NO, NO, NO),
    "/a/%2E%2E/admin": (SAME, NO, NO, NO),
    "/%61dmin": (SAME, NO, NO, NO),
    "/adm%69n": (SAME, NO, NO, NO),
    "/admin/.": (NO, NO, NO, NO),
    "/admin/../x": (NO, "/x", "/x", "/x"),
    "/..;/admin": (SAME, NEWER, NEWER, NEWER),
    "/public/..;/admin": (SAME, NEWER, NEWER, NEWER),
    # backslashes
    r"/a\..\admin": (SAME, NO, NO, NO),
    r"/\admin": (SAME, "//admin", NO, NO),
    r"\admin": (BAD, BAD, BAD, BAD),
    # slashes that say nothing
    "//admin": (SAME, SAME, NO, NO),
    "/a/..//admin": (SAME, "//admin", NO, NO),
    "/.//admin": (SAME, "//admin", NO, NO),
    "/x//admin": (SAME, SAME, "/x/admin", "/x/admin"),
    "http://x//admin": ("//admin", "//admin", NO, NO),
    # slashes that are escaped
    "/%2fadmin": (SAME, SAME, SAME, NO),
    "/admin%2F": (SAME, SAME, SAME, NO),
    "/admin%2f..": (SAME, SAME, SAME, "/"),
    "/admin%5cx": (SAME, SAME, SAME, NO),
    "/a%2f..%2fadmin": (SAME, SAME, SAME, NO),
    "/a/..%5cadmin": (SAME, SAME, SAME, NO),
    # what no mode undoes: policies that allow what is known are not got past so
    "/ADMIN": (SAME, SAME, SAME, SAME),
    "/admin;x": (SAME, SAME, SAME, SAME),
    "/;/admin": (SAME, SAME, SAME, SAME),
    "/admin%20": (SAME, SAME, SAME, SAME),
    "/admin%23x": (SAME, SAME, SAME, SAME),
    "/admin%3fx": (SAME, SAME, SAME, SAME),
    "/%2561dmin": (SAME, SAME, SAME, SAME),
    "/admin%252fx": (SAME, SAME, SAME, SAME),
    "/%c0%afadmin": (SAME, SAME, SAME, SAME),
    "/%u002fadmin": (SAME, SAME, SAME, SAME),
    # what is no path
    "/admin#x": (BAD, BAD, BAD, BAD),
    "/admin%00": (SAME, BAD, BAD, BAD),
    "admin": (BAD, BAD, BAD, BAD),
    "/adm\u0131n": (BAD, BAD, BAD, BAD),
}
"""What becomes of a request in each of `MODES`: refused, or forwarded as this path."""


@pytest.fixture(scope="module")
def doors(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Door]]:
    """A port for each policy and mode."""
    ports = {
        f"{name} {mode}": Guarded(policies=(each,), paths=mode)
        for name, each in (("deny", DENY), ("allow", ALLOW))
        for mode in (*MODES, NormalizationType.DEFAULT)
    }
    with guarded(envoy_binary, tmp_path_factory.mktemp("paths"), ports) as found:
        yield found


def became(door: Door, path: str) -> str:
    """What becomes of a request."""
    heard = door.ask(request(path))
    return heard.path if heard.status == 200 else str(heard.status)


@covers("S-90")
@pytest.mark.parametrize("policy_", ["deny", "allow"])
@pytest.mark.parametrize("mode", MODES)
def test_p1_every_spelling_of_a_path(
    doors: Mapping[str, Door], policy_: str, mode: NormalizationType
) -> None:
    found = {path: became(doors[f"{policy_} {mode}"], path) for path in CORPUS}
    wanted = {path: row[MODES.index(mode)] for path, row in CORPUS.items()}
    for path in [path for path, to in wanted.items() if to == NEWER]:
        assert found.pop(path) in (NO, path)
        del wanted[path]
    assert found == {path: path if to == SAME else to for path, to in wanted.items()}


@covers("S-90")
@pytest.mark.parametrize("path", CORPUS)
def test_p1_by_default_slashes_are_merged(doors: Mapping[str, Door], path: str) -> None:
    assert became(doors["deny DEFAULT"], path) == became(doors["deny MERGE_SLASHES"], path)


UNDONE = {
    NONE: "",
    BASE: r"/\.{1,2}(/|$)|\\|%2e|%61",
    MERGE: r"/\.{1,2}(/|$)|\\|%2e|%61|.//|//.",
    DECODE: r"/\.{1,2}(/|$)|\\|%2e|%61|.//|//.|%2f|%5c",
}
"""What a path never has once it is in the form of a mode. Envoy leaves a path alone that is `//`
and nothing else."""

pieces = st.sampled_from(
    ["/", "/", "//", "admin", "a", ".", "..", "%2e", "%2F", "%5C", "\\", ";x", "%61dmin", "?", "x"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=7))
def test_p1_what_is_judged_is_what_is_forwarded(
    doors: Mapping[str, Door], chosen: list[str]
) -> None:
    for mode in MODES:
        path = became(doors[f"deny {mode}"], "/" + "".join(chosen))
        assert path in (NO, BAD) or not re.match(r"/admin(/|\?|$)", path)
        if mode is not NONE and path.startswith("/"):
            assert not re.search(UNDONE[mode], path.partition("?")[0], re.IGNORECASE), mode
