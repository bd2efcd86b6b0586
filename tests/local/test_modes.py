"""Which mode is chosen, and what the user is told about it."""

import os
from pathlib import Path

import pytest

from heddle.local.errors import ModeUnavailable
from heddle.local.modes import RunMode, detect_mode, missing_programs, obstacle_sentence


@pytest.mark.parametrize(
    ("root", "missing", "trial", "sentence"),
    [
        (True, (), "", None),
        (False, (), "", "not root"),
        (False, ("iptables",), "", "not root, and iptables is missing"),
        (True, ("iproute2", "iptables"), "", "iproute2 and iptables are missing"),
        (True, (), "mount: denied", "this machine does not allow it (mount: denied)"),
    ],
    ids=["fine", "user", "user-without-iptables", "nothing-installed", "forbidden"],
)
def test_the_reason_says_what_is_missing(
    root: bool, missing: tuple[str, ...], trial: str, sentence: str | None
) -> None:
    assert obstacle_sentence(root=root, missing=missing, trial=trial) == sentence


def test_missing_programs_are_named_by_their_packages(tmp_path: Path) -> None:
    (tmp_path / "ip").touch(mode=0o755)
    assert missing_programs(str(tmp_path)) == ("iptables",)


def test_proxy_port_mode_can_always_be_had() -> None:
    mode, reason = detect_mode("proxy-port")
    assert mode is RunMode.PROXY_PORT
    assert reason == "proxy-port mode: as asked for"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may have namespaces mode")
def test_an_ordinary_user_cannot_have_namespaces_mode() -> None:
    assert detect_mode("auto")[0] is RunMode.PROXY_PORT
    with pytest.raises(ModeUnavailable, match="not root"):
        detect_mode("namespaces")
