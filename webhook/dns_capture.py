"""The rules that lead an application's questions for addresses to its sidecar (DNS capture), as a
part of the init container's program: only the pod itself knows its resolvers.

Questions are told one by one, by their last bytes: for addresses (A, or AAAA in a pod whose first
address is an IPv6 one), of the internet, to a resolver of the pod's resolv.conf, over UDP. All
others go where they are sent to: Envoy's DNS filter could not answer them (translator/dns.py says
what of). So does DNS over TCP, which goes through the sidecar as every connection does.

What is led away has a connection tracking zone of its own. Its entries outlive their sockets, and
a question of the sidecar's own that happened to come from the same port as an older one of the
application's would be led to the sidecar itself.
"""

from collections.abc import Iterable

from mesh.interception import DNS_PORT

CHAIN = "HEDDLE_DNS"
"""A chain of this name is in two tables: `raw` for the zone, `nat` for the redirection."""
RAW_HOOK = f"-A OUTPUT -p udp -j {CHAIN}"
NAT_HOOK = f"-A OUTPUT -p udp -m udp --dport 53 -j {CHAIN}"

_UDP_AND_DNS_HEADERS = 8 + 12
IPV4_HEADER, IPV6_HEADER = 20, 40


def functions(*, addresses: str, uid: int, exclude_interfaces: Iterable[str]) -> str:
    """The shell functions that `call` needs, and `form` of the program before them. `addresses` is
    the variable with the pod's addresses, `uid` the sidecar's user.
    """
    excluded = [f"echo '-A {CHAIN} -o {name} -j RETURN'\n" for name in exclude_interfaces]
    values = {
        "@ADDRESSES@": addresses,
        "@UID@": str(uid),
        "@EXCLUDED@": "".join(excluded),
        "@CHAIN@": CHAIN,
        "@PORT@": str(DNS_PORT),
        "@RAW@": RAW_HOOK,
        "@NAT@": NAT_HOOK,
    }
    program = _FUNCTIONS
    for name, value in values.items():
        program = program.replace(name, value)
    return program


def call(command: str, loopback: str, header: int) -> str:
    """Applies the rules for resolvers of one version of IP: `command` is its iptables, `header` the
    bytes of its header.
    """
    resolvers = "*:*" if header == IPV6_HEADER else "*.*"
    return f"capture {command} '{resolvers}' {loopback} {header + _UDP_AND_DNS_HEADERS}\n"


# A name ends with a byte 0; then come the kind of question and the class, two bytes each.
_FUNCTIONS = """\
first=$(printenv @ADDRESSES@ || true)
case ${first%%,*} in *:*) kind=001c ;; *) kind=0001 ;; esac
resolvers() {
while read -r word address rest || [ -n "$word" ]; do
if [ "$word" = nameserver ]; then case $address in $1) echo "${address%%%*}" ;; esac; fi
done </etc/resolv.conf
}
questions() {
for address in $(resolvers "$1"); do
echo "-A @CHAIN@ -d $address -p udp -m udp --dport 53 -m string --algo bm --from $2\
 --hex-string \\"|00${kind}0001|\\" -j $3"
done
}
chain() {
echo "*$2"
echo ':@CHAIN@ - [0:0]'
"$1-save" -t "$2" | grep -q -e '-j @CHAIN@' || echo "$3"
@EXCLUDED@}
asked() {
chain "$1" raw '@RAW@'
echo "-A @CHAIN@ -s $3 -p udp -m udp --sport @PORT@ -j CT --zone @PORT@"
echo '-A @CHAIN@ -m owner --uid-owner @UID@ -j RETURN'
questions "$2" "$4" 'CT --zone @PORT@'
echo COMMIT
chain "$1" nat '@NAT@'
echo '-A @CHAIN@ -m owner --uid-owner @UID@ -j RETURN'
questions "$2" "$4" 'REDIRECT --to-ports @PORT@'
echo COMMIT
}
capture() {
form=$(form "$1")
rules=$(asked "$form" "$2" "$3" "$4")
if printf '%s\\n' "$rules" | "$form-restore" --noflush; then
echo "$form: the pod's questions for addresses go to its sidecar"
else
echo "$form-restore has refused a line of these:" >&2
printf '%s\\n' "$rules" | cat -n >&2
exit 1
fi
}
"""
