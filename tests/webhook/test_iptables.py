"""The very program of the init container, run in a network namespace of its own."""

import os
import shutil
import subprocess

import pytest

from webhook.dns_capture import CHAIN, NAT_HOOK, RAW_HOOK
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
CAPTURING = Interception(dns=True, exclude_interfaces=("eth1",))
RESOLVERS = "search shop.svc.cluster.local\nnameserver 10.96.0.10\nnameserver fd00::53%eth0\n"
needs_netns = pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("iptables-restore")),
    reason="needs root, unshare and iptables",
)


def run(program: str) -> subprocess.CompletedProcess[str]:
    """In a network namespace that goes with its last process, with resolvers of its own."""
    resolvers = (
        "mount -t tmpfs none /mnt\ncat >/mnt/resolv\nmount --bind /mnt/resolv /etc/resolv.conf\n"
    )
    return subprocess.run(
        ["unshare", "--net", "--mount", "/bin/sh", "-ec", f"{resolvers}{program}"],
        input=RESOLVERS,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def applied(
    program: str, family: Family = IPV4, addresses: str = "", table: str = "nat"
) -> list[str]:
    """The rules that are there then, in a pod with these addresses."""
    setting = f"ip link set lo up\nexport {ADDRESSES}={addresses}\n"
    done = run(f"{setting}{program}\n{family.command} -t {table} -S")
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


def dns_rules(addresses: str, family: Family, table: str) -> list[str]:
    """What leads the pod's questions away, and how they are told."""
    found = applied(in_quotes(script(CAPTURING)), family, addresses, table)
    return [line for line in found if line.startswith((f"-A {CHAIN}", "-A OUTPUT -p udp"))]


@needs_netns
@pytest.mark.netns
@pytest.mark.parametrize(
    ("addresses", "family", "resolver", "source", "told"),
    [
        (
            "10.0.0.1",
            IPV4,
            "10.96.0.10/32",
            "127.0.0.1/32",
            '--hex-string "|0000010001|" --algo bm --from 40',
        ),
        (
            "10.0.0.1,fd00::1",
            IPV6,
            "fd00::53/128",
            "::1/128",
            '--hex-string "|0000010001|" --algo bm --from 60',
        ),
        (
            "fd00::1,10.0.0.1",
            IPV4,
            "10.96.0.10/32",
            "127.0.0.1/32",
            '--hex-string "|00001c0001|" --algo bm --from 40',
        ),
        (
            "fd00::1",
            IPV6,
            "fd00::53/128",
            "::1/128",
            '--hex-string "|00001c0001|" --algo bm --from 60',
        ),
    ],
    ids=["IPv4", "IPv4 first", "IPv6 first", "IPv6"],
)
def test_questions_for_addresses_go_to_the_sidecar(
    addresses: str, family: Family, resolver: str, source: str, told: str
) -> None:
    """Of the version of the pod's first address, to its resolvers, but for the sidecar's own."""
    question = f"-A {CHAIN} -d {resolver} -p udp -m udp --dport 53 -m string {told}"
    first = [f"-A {CHAIN} -o eth1 -j RETURN"]
    own = f"-A {CHAIN} -m owner --uid-owner 1337 -j RETURN"
    answer = f"-A {CHAIN} -s {source} -p udp -m udp --sport 15053 -j CT --zone 15053"
    assert dns_rules(addresses, family, "raw") == [
        RAW_HOOK,
        *first,
        answer,
        own,
        f"{question} -j CT --zone 15053",
    ]
    assert dns_rules(addresses, family, "nat") == [
        NAT_HOOK,
        *first,
        own,
        f"{question} -j REDIRECT --to-ports 15053",
    ]


@needs_netns
@pytest.mark.netns
def test_capturing_twice_is_capturing_once() -> None:
    once = in_quotes(script(CAPTURING))
    for family in (IPV4, IPV6):
        for table in ("raw", "nat"):
            twice = applied(f"{once}\n{once}", family, "10.0.0.1,fd00::1", table)
            assert twice == applied(once, family, "10.0.0.1,fd00::1", table)


@needs_netns
@pytest.mark.netns
def test_a_rule_for_questions_that_the_kernel_refuses_fails_the_pod() -> None:
    bad = script(CAPTURING).replace("--algo bm", "--algo none")
    done = run(f"ip link set lo up\nexport {ADDRESSES}=10.0.0.1\n{bad}")
    assert done.returncode != 0
    assert "-restore has refused a line of these:" in done.stderr


@needs_netns
@pytest.mark.netns
@pytest.mark.parametrize(
    "interception",
    [Interception(), Interception(dns=True, exclude_outbound_ports=("53",))],
    ids=["not asked for", "port 53 left out"],
)
def test_no_question_is_captured(interception: Interception) -> None:
    found = applied(in_quotes(script(interception)), addresses="10.0.0.1")
    assert not any(CHAIN in line for line in found)
