"""The node's network in namespaces mode: one bridge, one network namespace a pod.

    node: heddle0 10.x.0.1/16 (the control plane listens here)
          ├── pod0 ── eth0 10.x.0.2 in the pod's namespace, default route to the bridge
          └── pod1 ── ...

Addresses of services exist nowhere: the default route only lets `connect` go ahead until the pod's
own rules redirect it to the sidecar. What no rule catches is answered `unreachable` by the node, so
that a mistake is an error at once and not a timeout.
"""

import os
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from pathlib import Path

from heddle.local import kernel
from heddle.local.commands import run, search_path
from heddle.local.launch import Launch, command, write

BRIDGE = "heddle0"

_NODE_INIT = 1
"""The sandbox's init is in the node's network namespace: how `ip` is told to put a link there."""


def gateway(pods: str) -> IPv4Interface:
    """The node's address on the pods' subnet, which is given in CIDR notation: the first."""
    network = IPv4Network(pods)
    return IPv4Interface(f"{network[1]}/{network.prefixlen}")


class Network:
    """The bridge at `gateway` and the namespaces on it. `folder` holds their pins."""

    def __init__(self, gateway: IPv4Interface, folder: Path) -> None:
        self._gateway = gateway
        self._folder = folder
        self._numbers = count()

    async def open(self) -> None:
        """Bring the node's end up. Inside the sandbox only: it would change the machine's
        network."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await _ip(
            "link set lo up",
            f"link add {BRIDGE} type bridge",
            f"addr add {self._gateway} dev {BRIDGE}",
            f"link set {BRIDGE} up",
            "route add unreachable default",
        )
        _forward()

    async def add(self, address: IPv4Address) -> str:
        """Connect a new pod; the file that its namespace is pinned to."""
        number = next(self._numbers)
        pin, link = self._folder / str(number), f"pod{number}"
        batch = (
            "link set lo up",
            f"link add eth0 address {hardware_address(address)} type veth"
            f" peer name {link} netns {_NODE_INIT}",
            f"addr add {address}/{self._gateway.network.prefixlen} dev eth0",
            "link set eth0 up",
            f"route add default via {self._gateway.ip}",
        )
        await self._in_new_network(pin, batch)
        await _ip(f"link set {link} master {BRIDGE}", f"link set {link} up")
        return str(pin)

    def remove(self, pin: str) -> None:
        """Disconnect a pod whose processes are gone: namespace, links and rules go with the pin."""
        kernel.unmount(pin)
        os.unlink(pin)

    async def _in_new_network(self, pin: Path, batch: tuple[str, ...]) -> None:
        launch = Launch(
            parent=os.getpid(),
            program=("ip", "-batch", "-"),
            environment={"PATH": search_path()},
            new_network=str(pin),
        )
        spec = pin.with_suffix(".json")
        write(spec, launch)
        await run(command("heddle.local.launch", str(spec)), text=_lines(batch))


def hardware_address(address: IPv4Address) -> str:
    """The link address of a pod: of its own, and the same whenever the address comes back.

    Its peers remember who has an address for up to a minute. A pod that came back with another one
    would not be found by them that long.
    """
    return "02:00:" + ":".join(f"{byte:02x}" for byte in address.packed)


def _forward() -> None:
    # Needed for the answer `unreachable`: without it, such packets are dropped.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


async def _ip(*batch: str) -> None:
    await run(("ip", "-batch", "-"), text=_lines(batch))


def _lines(batch: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in batch)
