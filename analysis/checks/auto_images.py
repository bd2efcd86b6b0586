"""Pods that leave the image of a container to the injector, and are not injected (IST0146, and of a
pod that nobody made IST0147): gateways, mostly.
"""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.pods import pods_of
from crds.core import Pod
from mesh.proxy import is_injected

_AUTO = "auto"


def _run(facts: Facts) -> Iterator[Message]:
    for key, pod in pods_of(facts.subjects(Pod)):
        if is_injected(pod):
            continue
        is_made = key in facts.owners
        code = codes.IMAGE_AUTO_OF_WORKLOAD if is_made else codes.IMAGE_AUTO_OF_POD
        for name, containers in (
            ("initContainers", pod.init_containers),
            ("containers", pod.containers),
        ):
            for index, container in enumerate(containers):
                if container.image == _AUTO:
                    yield finding(
                        code,
                        key,
                        f"spec.{name}[{index}].image",
                        "means whatever the injector fills in, and no injector is asked, so there "
                        "is no such image",
                        value=_AUTO,
                    )


AUTO_IMAGES = Analyzer(
    name="auto-images",
    summary="Images that are left to the injector, in pods that are not injected.",
    codes=(codes.IMAGE_AUTO_OF_WORKLOAD, codes.IMAGE_AUTO_OF_POD),
    run=_run,
)
