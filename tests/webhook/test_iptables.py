"""The very program of the init container, run in a network namespace of its own."""

import os
import shutil
import subprocess

import pytest

from webhook.iptables import (
    ADDRESSES,
    HOOKS,
    INBOUND,
    IPV4,
    IPV6,
    Family,
    Interception,
    rules,
    script,
)
from webhook.variables import escape, expand

TUNED = Interception(
    include_inbound_ports=("8080",),
    exclude_outbound_ports=("5432",),
    exclude_outbound_ranges=("10.1.0.0/16", "fd00::/8"),
    include_outbound_ranges=("10.0.0.0/8", "2001:db8::/32"),
    exclude_interfaces=("eth1",),
)
needs_netns = pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("iptables-restore")),
    reason="needs root, unshare and iptables",
)


def run(program: str) -> subprocess.CompletedProcess[str]:
    """In a new network namespace, that goes with its last process."""
    return subprocess.run(
        ["unshare", "--net", "/bin/sh", "-ec", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def applied(program: str, family: Family = IPV4, addresses: str = "") -> list[str]:
    """The rules that are there then, in a pod with these addresses."""
    setting = f"ip link set lo up\nexport {ADDRESSES}={addresses}\n"
    done = run(f"{setting}{program}\n{family.command} -t nat -S")
    if "initialize" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("this machine's kernel or sandbox has no nat table")
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("-A")]


def by_chain(lines: list[str]) -> dict[str, list[str]]:
    """Order matters within a chain only."""
    return {
        line.split()[1]: [of for of in lines if of.split()[1] == line.split()[1]] for line in lines
    }


def in_quotes(program: str) -> str:
    return f"(\n{program})"


@needs_netns
@pytest.mark.netns
@pytest.mark.parametrize("family", [IPV4, IPV6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("interception", [Interception(), TUNED], ids=["default", "tuned"])
def test_the_kernel_takes_every_rule(interception: Interception, family: Family) -> None:
    wanted = [line for line in rules(interception, family).splitlines() if line.startswith("-A")]
    found = applied(in_quotes(script(interception)), family, "10.0.0.1,fd00::1")
    assert by_chain(found) == by_chain([*HOOKS, *wanted])


@needs_netns
@pytest.mark.netns
def test_a_pod_without_an_ipv6_address_has_no_rules_for_it() -> None:
    """Its sidecar does not listen there."""
    assert applied(in_quotes(script(TUNED)), IPV6, "10.0.0.1") == []
    assert applied(in_quotes(script(TUNED)), IPV4, "10.0.0.1") != []


@needs_netns
@pytest.mark.netns
def test_running_twice_is_running_once() -> None:
    once = in_quotes(script(TUNED))
    for family in (IPV4, IPV6):
        twice = applied(f"{once}\n{once}", family, "fd00::1")
        assert twice == applied(once, family, "fd00::1")


@needs_netns
@pytest.mark.netns
def test_other_programs_rules_stay() -> None:
    theirs = "-A PREROUTING -p udp -j ACCEPT"
    assert theirs in applied(f"iptables -t nat {theirs}\n{in_quotes(script(TUNED))}")


@needs_netns
@pytest.mark.netns
def test_a_rule_that_the_kernel_refuses_fails_the_pod_and_leaves_nothing() -> None:
    bad = script(Interception(exclude_interfaces=("a" * 40,)))
    assert run(bad).returncode != 0
    after = applied(f"if {in_quotes(bad)}; then exit 9; fi")
    assert [line for line in after if "HEDDLE" in line] == []


@needs_netns
@pytest.mark.netns
def test_the_rule_that_is_refused_is_shown() -> None:
    said = run(script(Interception(exclude_interfaces=("a" * 40,)))).stderr
    assert "-restore has refused a line of these:" in said
    assert f"-A {INBOUND} -i {'a' * 40} -j RETURN" in said


@needs_netns
@pytest.mark.netns
def test_the_old_form_is_used_where_the_pods_network_was_made_with_it() -> None:
    """Rules of both forms at once are judged one after the other: what is accepted by the one may
    be dropped by the other."""
    theirs = "iptables-legacy -t nat -A PREROUTING -p udp -j ACCEPT"
    done = run(f"{theirs}\n{in_quotes(script(TUNED))}\niptables-legacy-save\niptables-nft-save")
    if "initialize" in done.stderr or "not found" in done.stderr:
        pytest.skip("this machine has no legacy tables")
    legacy, _, nft = done.stdout.partition("# Completed")
    assert f"-A PREROUTING -p tcp -j {INBOUND}" in legacy.splitlines()
    assert INBOUND not in nft


def test_kubernetes_hands_over_the_program_as_it_is() -> None:
    assert expand(escape(script(TUNED)), {"form": "x"}) == script(TUNED)
