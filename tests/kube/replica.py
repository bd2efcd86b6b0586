"""A replica of a control plane, as far as its certificate authority goes: a process that can be
killed. `python -m tests.kube.replica KUBECONFIG NAMESPACE POD`; it knows of no pods.
"""

import asyncio
import secrets
import sys
import time
from pathlib import Path

from heddle.authority_secret import ClusterPlace
from heddle.control_plane import ControlPlane
from heddle.leader import Leader
from heddle.mesh_authority import MeshAuthority, kept_in_cluster
from heddle.serve import utc_now
from sources.events import Synced
from sources.kubernetes import kubernetes_api
from xds.publisher import Publisher
from xds.status import Clients


async def main(kubeconfig: Path, namespace: str, pod: str) -> None:
    """Until it is killed."""
    async with kubernetes_api(kubeconfig) as api:
        leader = Leader(
            api,
            namespace=namespace,
            identity=pod,
            wall=time.time,  # noqa: TID251 - a process of its own
            chance=lambda: secrets.randbelow(1000) / 1000,
        )
        where = ClusterPlace(namespace=namespace, pod=pod)
        kept = await kept_in_cluster(api, where, utc_now)
        publisher = Publisher()
        authority = MeshAuthority(publisher, kept, time.time, names=("heddle",))  # noqa: TID251
        plane = ControlPlane(publisher, authority.secrets)
        plane.apply([Synced()])
        async with asyncio.TaskGroup() as group:
            for work in authority.work(plane, Clients()):
                group.create_task(work)
            group.create_task(leader.run(authority.leading(api, namespace, plane)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
