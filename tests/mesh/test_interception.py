"""Which ports a sidecar stands before: the same ones that its pod's iptables redirect."""

import re

import pytest

from crds.meta import Key
from mesh.interception import EXCLUDE_INBOUND, INCLUDE_INBOUND, is_redirected
from tests.webhook.pods import settings
from webhook.annotations import options
from webhook.iptables import INBOUND, TO_INBOUND, rules

PORTS = (80, 8080, 15020, 15021, 15090)
RULE = re.compile(rf"-A {INBOUND} -p tcp(?: -m tcp --dport (\d+))? -j (\w+)")


def redirected(annotations: dict[str, str], port: int) -> bool:
    """What the kernel would do: the first rule that matches decides."""
    chosen, problems = options(Key("", "Pod", "shop", "web"), annotations, settings())
    assert problems == ()
    for wanted, target in RULE.findall(rules(chosen.interception)):
        if wanted in ("", str(port)):
            return bool(target == TO_INBOUND)
    return False


@pytest.mark.parametrize("included", [None, "*", "", "80", "8080, 15090"])
@pytest.mark.parametrize("excluded", [None, "", "80", " 80,8080 "])
def test_the_mesh_and_the_kernel_agree(included: str | None, excluded: str | None) -> None:
    given = {INCLUDE_INBOUND: included, EXCLUDE_INBOUND: excluded}
    annotations = {name: text for name, text in given.items() if text is not None}
    for port in PORTS:
        assert is_redirected(annotations, port) is redirected(annotations, port), port


def test_what_is_no_port_is_none() -> None:
    """Such a pod is refused when it is injected; if it is there all the same, nothing fails."""
    assert is_redirected({EXCLUDE_INBOUND: "x, 80, -1, \u00b2"}, 443)
    assert not is_redirected({INCLUDE_INBOUND: "x"}, 443)
