"""The rules that lead a pod's TCP traffic through its sidecar, as input of iptables-restore.

Istio's REDIRECT mode in our own chains, for IPv4 and, where the pod has an IPv6 address, for IPv6.
For each one `iptables-restore --noflush` applies everything, which is atomic: the one of
iptables-nft, or of iptables-legacy where that is what works. Naming a chain empties it, so running
again ends in the same rules; the two hooks into the built-in chains are added only where they are
missing.

Two holes of Istio's are left out on purpose: port 15008 (we have no HBONE listener that would
answer for it) and the proxy's group (an application with group 1337 would leave the mesh).
"""

from dataclasses import dataclass
from ipaddress import ip_network

from mesh.interception import OWN_PORTS
from webhook import dns_capture

PROXY_UID = 1337
"""The user that Envoy runs as: its own connections are never redirected."""
OUTBOUND_PORT = 15001
INBOUND_PORT = 15006

ALL = ("*",)

INBOUND, OUTPUT = "HEDDLE_INBOUND", "HEDDLE_OUTPUT"
TO_OUTBOUND, TO_INBOUND = "HEDDLE_REDIRECT", "HEDDLE_IN_REDIRECT"

ADDRESSES = "POD_IPS"
"""The variable that holds the pod's addresses, as Kubernetes knows them: the control plane decides
by the same ones whether the sidecar listens for IPv6.
"""

HOOKS = (f"-A PREROUTING -p tcp -j {INBOUND}", f"-A OUTPUT -p tcp -j {OUTPUT}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interception:
    """What is redirected, by the names of Istio's annotations; ports and ranges are checked."""

    include_inbound_ports: tuple[str, ...] = ALL
    exclude_inbound_ports: tuple[str, ...] = ()
    include_outbound_ranges: tuple[str, ...] = ALL
    exclude_outbound_ranges: tuple[str, ...] = ()
    include_outbound_ports: tuple[str, ...] = ()
    exclude_outbound_ports: tuple[str, ...] = ()
    exclude_interfaces: tuple[str, ...] = ()
    dns: bool = False
    """Whether the application's questions for addresses go to the sidecar; not where its port 53 is
    left out.
    """

    @property
    def captures_dns(self) -> bool:
        """Whether they really do."""
        return self.dns and "53" not in self.exclude_outbound_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What differs between the versions of IP. `source`: where the sidecar hands inbound traffic to
    the application from.
    """

    version: int
    command: str
    loopback: str
    source: str
    header: int
    """Its bytes."""


IPV4 = Family(
    version=4,
    command="iptables",
    loopback="127.0.0.1/32",
    source="127.0.0.6/32",
    header=dns_capture.IPV4_HEADER,
)
IPV6 = Family(
    version=6,
    command="ip6tables",
    loopback="::1/128",
    source="::6/128",
    header=dns_capture.IPV6_HEADER,
)


def rules(interception: Interception, family: Family = IPV4) -> str:
    """The four chains, declared and filled, without hooks and without the closing `COMMIT`."""
    lines = [
        "*nat",
        *(f":{chain} - [0:0]" for chain in (INBOUND, OUTPUT, TO_OUTBOUND, TO_INBOUND)),
        f"-A {TO_OUTBOUND} -p tcp -j REDIRECT --to-ports {OUTBOUND_PORT}",
        f"-A {TO_INBOUND} -p tcp -j REDIRECT --to-ports {INBOUND_PORT}",
        *(f"-A {INBOUND} {rule}" for rule in _inbound(interception)),
        *(f"-A {OUTPUT} {rule}" for rule in _outbound(interception, family)),
    ]
    return "".join(f"{line}\n" for line in lines)


def script(interception: Interception) -> str:
    """The shell program that applies the rules: all of it that the image has to have is a shell,
    iptables in both its forms, and `ip`.
    """
    return (
        f"{_PROGRAM}{_dns_functions(interception)}"
        f"{_applied(interception, IPV4)}"
        f"if printenv {ADDRESSES} | grep -q :; then\n"
        f"ip -6 address replace {IPV6.source} dev lo || exit 1\n"
        f"{_applied(interception, IPV6)}"
        "fi\n"
    )


def _dns_functions(interception: Interception) -> str:
    if not interception.captures_dns:
        return ""
    return dns_capture.functions(
        addresses=ADDRESSES,
        uid=PROXY_UID,
        exclude_interfaces=interception.exclude_interfaces,
    )


def _applied(interception: Interception, family: Family) -> str:
    given = f"apply {family.command} <<'EOF'\n{rules(interception, family)}EOF\n"
    if not interception.captures_dns:
        return given
    return given + dns_capture.call(family.command, family.loopback, family.header)


_HOOKS = " ".join(f"'{hook}'" for hook in HOOKS)
_PROGRAM = f"""\
set -eu
works() {{ "$1-save" -t nat >/dev/null 2>&1; }}
used() {{ "$1-save" 2>/dev/null | grep -q -e '^-A'; }}
# nft, unless the kernel lacks it, or whoever made the pod's network has used the old form.
form() {{
if used "$1-legacy" && ! used "$1-nft"; then echo "$1-legacy"
elif works "$1-nft"; then echo "$1-nft"
elif works "$1-legacy"; then echo "$1-legacy"
else echo "$1"; fi
}}
apply() {{
form=$(form "$1")
rules=$(cat)
hooks=$("$form-save" -t nat | grep -q -e '-j {OUTPUT}' || printf '%s\\n' {_HOOKS})
if printf '%s\\n' "$rules" $${{hooks:+"$hooks"}} COMMIT | "$form-restore" --noflush; then
echo "$form: the pod's traffic goes through its sidecar"
else
echo "$form-restore has refused a line of these:" >&2
printf '%s\\n' "$rules" "$hooks" COMMIT | cat -n >&2
exit 1
fi
}}
""".replace("$${", "${")


def _inbound(interception: Interception) -> list[str]:
    rules = [f"-i {interface} -j RETURN" for interface in interception.exclude_interfaces]
    if interception.include_inbound_ports != ALL:
        # A list says exactly what is redirected: as in Istio, exclusions have no say then.
        ports = interception.include_inbound_ports
        return [*rules, *(f"-p tcp -m tcp --dport {port} -j {TO_INBOUND}" for port in ports)]
    excluded = dict.fromkeys([*map(str, OWN_PORTS), *interception.exclude_inbound_ports])
    rules += [f"-p tcp -m tcp --dport {port} -j RETURN" for port in excluded]
    return [*rules, f"-p tcp -j {TO_INBOUND}"]


def _outbound(interception: Interception, family: Family) -> list[str]:
    proxy = f"-m owner --uid-owner {PROXY_UID}"
    return [
        *(f"-o {interface} -j RETURN" for interface in interception.exclude_interfaces),
        *(
            f"-p tcp -m tcp --dport {port} -j RETURN"
            for port in interception.exclude_outbound_ports
        ),
        # The sidecar hands inbound traffic to the application from this address: let it through.
        f"-s {family.source} -o lo -j RETURN",
        # The sidecar calls an address of its own pod: that is inbound traffic.
        f"! -d {family.loopback} -o lo -p tcp {proxy} -j {TO_INBOUND}",
        # The application calls its own pod: no proxy in between.
        f"-o lo -m owner ! --uid-owner {PROXY_UID} -j RETURN",
        f"{proxy} -j RETURN",
        f"-d {family.loopback} -j RETURN",
        *(f"-d {cidr} -j RETURN" for cidr in _of(family, interception.exclude_outbound_ranges)),
        *(
            f"-p tcp -m tcp --dport {port} -j {TO_OUTBOUND}"
            for port in interception.include_outbound_ports
        ),
        *_included_ranges(interception.include_outbound_ranges, family),
    ]


def _included_ranges(ranges: tuple[str, ...], family: Family) -> list[str]:
    if ranges == ALL:
        return [f"-j {TO_OUTBOUND}"]
    return [f"-d {cidr} -j {TO_OUTBOUND}" for cidr in _of(family, ranges)]


def _of(family: Family, ranges: tuple[str, ...]) -> tuple[str, ...]:
    networks = ((cidr, ip_network(cidr, strict=False)) for cidr in ranges)
    return tuple(cidr for cidr, network in networks if network.version == family.version)
