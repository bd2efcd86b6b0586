"""Proxy-port mode: nothing is intercepted, applications are asked to use the sidecar as proxy."""

from collections.abc import Mapping

from webhook import raw
from webhook.iptables import OUTBOUND_PORT
from webhook.sidecar import field_variable

_PROXY = f"http://$(POD_IP):{OUTBOUND_PORT}"
# Only the application itself is reached directly. A range would not do: where the local runner has
# no privileges, every pod of the mesh has an address of 127.0.0.0/8.
_DIRECT = "localhost,127.0.0.1"
VARIABLES = {"HTTP_PROXY": _PROXY, "http_proxy": _PROXY, "NO_PROXY": _DIRECT, "no_proxy": _DIRECT}


def through_proxy_port(container: Mapping[str, object]) -> dict[str, object]:
    """The container with the variables that HTTP clients look at; what its author set stays."""
    given = raw.objects(container.get("env"))
    names = {raw.text(variable.get("name")) for variable in given}
    added = [{"name": k, "value": v} for k, v in VARIABLES.items() if k not in names]
    # A reference reaches only what stands before it: the author's own POD_IP has to come first.
    if "POD_IP" in names:
        return {**container, "env": [*given, *added]}
    return {**container, "env": [field_variable("POD_IP"), *added, *given]}
