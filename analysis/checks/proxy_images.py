"""Pods whose proxy is another one than is injected now (IST0158): they are older than the last
update of the control plane's settings.
"""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.pods import pods_of
from crds.core import Pod

_PROXY = "istio-proxy"


def _run(facts: Facts) -> Iterator[Message]:
    running = ((key, pod) for key, pod in facts.subjects(Pod) if key in facts.proxy_images)
    for key, pod in pods_of(running):
        wanted = facts.proxy_images[key]
        for container in (*pod.init_containers, *pod.containers):
            if container.name == _PROXY and container.image != wanted:
                yield finding(
                    codes.PODS_ISTIO_PROXY_IMAGE_MISMATCH_IN_NAMESPACE,
                    key,
                    "",  # no template has the container
                    f"its proxy is not {wanted}, which is injected now",
                    value=container.image,
                )


PROXY_IMAGES = Analyzer(
    name="proxy-images",
    summary="Pods with another proxy than is injected now.",
    codes=(codes.PODS_ISTIO_PROXY_IMAGE_MISMATCH_IN_NAMESPACE,),
    run=_run,
)
