"""Where a pod runs: the difference between the two modes, and all of it.

A `Place` is made when a pod starts and removed when it has stopped. It turns a container and its
program into a `Launch`, and says what volumes must look like there.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from heddle.local import kernel
from heddle.local.containers import Container, VolumeMount
from heddle.local.errors import CannotRun
from heddle.local.kernel import Namespace
from heddle.local.launch import Launch, Mount
from heddle.local.network import Network
from heddle.local.paths import relocate
from heddle.local.pods import PodFacts
from heddle.local.root import CHECKOUT, root_mounts

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Place(Protocol):
    """The pod's surroundings."""

    def launch(
        self, container: Container, program: Sequence[str], environment: Mapping[str, str]
    ) -> Launch:
        """How to become the container's program, whose arguments and environment are expanded."""
        ...

    def text(self, text: str) -> str:
        """The content of a file in a volume, as it has to be here."""
        ...

    def access(self, volume: str) -> tuple[int, int | None]:
        """The mode and the owner (None: whoever runs us) of secrets in this volume."""
        ...

    def connect(self, port: int, seconds: float) -> socket.socket:
        """A connection to what listens for the pod alone, such as its Envoy's admin port. Blocks
        for so many seconds at most; raises `OSError`."""
        ...

    def remove(self) -> None:
        """All processes are gone: so is the place."""
        ...


class Places(Protocol):
    """Makes places."""

    async def open(self) -> None:
        """Prepare what all pods share."""
        ...

    async def add(self, facts: PodFacts, containers: Sequence[Container], folder: Path) -> Place:
        """A place for a pod, with its files in `folder`: `volumes/<name>` and `pod/hosts`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespacePlace:
    """A network namespace, and a file system of its own for each container."""

    facts: PodFacts
    containers: Sequence[Container]
    folder: Path
    pin: str
    network: Network
    trees: Sequence[str]

    def launch(
        self, container: Container, program: Sequence[str], environment: Mapping[str, str]
    ) -> Launch:
        """See `Place`."""
        root = self.folder / "roots" / container.name
        root.mkdir(parents=True, exist_ok=True)
        return Launch(
            parent=os.getpid(),
            program=program,
            environment={"PATH": _PATH, "HOME": "/tmp", **environment},
            folder=container.folder,
            host_name=self.facts.name[:63],
            network=self.pin,
            root=str(root),
            mounts=root_mounts(
                trees=self.trees,
                pod_folder=self.folder / "pod",
                host_name=self.facts.name,
                volumes=[self._volume(mount) for mount in container.mounts],
            ),
            uid=container.uid,
            gid=container.gid,
            groups=container.groups,
            capabilities=sorted(container.capabilities),
        )

    def text(self, text: str) -> str:
        """See `Place`: paths are the pod's own."""
        return text

    def access(self, volume: str) -> tuple[int, int | None]:
        """See `Place`: as the kubelet does, for the only user of the volume if there is just
        one."""
        users = {
            container.uid
            for container in self.containers
            for mount in container.mounts
            if mount.volume == volume
        }
        return (0o600, users.pop()) if len(users) == 1 else (0o644, None)

    def connect(self, port: int, seconds: float) -> socket.socket:
        """See `Place`: over the loopback of the pod's own network."""

        def inside() -> socket.socket:
            kernel.enter(self.pin, Namespace.NETWORK)
            return socket.create_connection(("127.0.0.1", port), seconds)

        with ThreadPoolExecutor(max_workers=1) as thread:  # it ends, so it need not go back
            return thread.submit(inside).result()

    def remove(self) -> None:
        """See `Place`."""
        self.network.remove(self.pin)

    def _volume(self, mount: VolumeMount) -> Mount:
        kind = "bind-ro" if mount.read_only else "bind"
        return Mount(kind=kind, source=str(_source(self.folder, mount)), target=mount.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespacePlaces:
    """Inside the sandbox. `trees` are the folders of the programs that stand in for images."""

    network: Network
    trees: Sequence[str]

    async def open(self) -> None:
        """See `Places`."""
        await self.network.open()

    async def add(
        self, facts: PodFacts, containers: Sequence[Container], folder: Path
    ) -> NamespacePlace:
        """See `Places`."""
        pin = await self.network.add(_address(facts))
        return NamespacePlace(
            facts=facts,
            containers=containers,
            folder=folder,
            pin=pin,
            network=self.network,
            trees=self.trees,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPlace:
    """Nothing but an address of 127.0.0.0/8: paths of volumes are replaced wherever they stand."""

    address: str
    containers: Sequence[Container]
    folder: Path

    def launch(
        self, container: Container, program: Sequence[str], environment: Mapping[str, str]
    ) -> Launch:
        """See `Place`."""
        places = self._places([container])
        return Launch(
            parent=os.getpid(),
            # The program itself is this machine's, and so are our packages, wherever they lie:
            # below /tmp, for instance.
            program=[*program[:1], *(relocate(argument, places) for argument in program[1:])],
            environment={
                "PATH": os.environ.get("PATH", _PATH),
                "HOME": str(self.folder),
                **{
                    name: value if value == CHECKOUT else relocate(value, places)
                    for name, value in environment.items()
                },
            },
            folder=places.get(container.folder, "/"),
        )

    def text(self, text: str) -> str:
        """See `Place`."""
        return relocate(text, self._places(self.containers))

    def access(self, volume: str) -> tuple[int, int | None]:
        """See `Place`: there is one user only."""
        return 0o600, None

    def connect(self, port: int, seconds: float) -> socket.socket:
        """See `Place`: at the pod's address, for the loopback interface is everybody's."""
        return socket.create_connection((self.address, port), seconds)

    def remove(self) -> None:
        """See `Place`: there is nothing to remove."""

    def _places(self, containers: Sequence[Container]) -> dict[str, str]:
        return {
            mount.path: str(_source(self.folder, mount))
            for container in containers
            for mount in container.mounts
        }


@dataclass(frozen=True, slots=True)
class ProcessPlaces:
    """Without any privilege."""

    async def open(self) -> None:
        """See `Places`: nothing is shared."""

    async def add(
        self, facts: PodFacts, containers: Sequence[Container], folder: Path
    ) -> ProcessPlace:
        """See `Places`."""
        if not _address(facts).is_loopback:
            raise CannotRun(
                "bad-pod",
                "in proxy-port mode a pod needs an address of 127.0.0.0/8",
                path="status.podIP",
                value=facts.address,
            )
        return ProcessPlace(address=facts.address, containers=containers, folder=folder)


def volume_folder(folder: Path, volume: str) -> Path:
    """Where the content of a volume is, below a pod's folder."""
    return folder / "volumes" / volume


def _source(folder: Path, mount: VolumeMount) -> Path:
    source = volume_folder(folder, mount.volume)
    return source / mount.sub_path if mount.sub_path else source


def _address(facts: PodFacts) -> IPv4Address:
    try:
        return IPv4Address(facts.address)
    except ValueError:
        raise CannotRun(
            "bad-pod", "the pod needs an IPv4 address", path="status.podIP", value=facts.address
        ) from None
