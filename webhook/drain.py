"""Time for everybody to hear that a pod ends, before its containers do.

Kubernetes tells the kubelet and the control plane of a pod's end at the same moment: an
application that ends at once would refuse what is still on its way. So its containers wait a little
first, as Istio's sidecar does (`terminationDrainDuration`). A native sidecar needs no such hook: it
ends after all others by itself.
"""

from collections.abc import Mapping

from webhook import raw

_GRACE = 30
"""Kubernetes' default of `terminationGracePeriodSeconds`."""


def with_time_to_drain(spec: Mapping[str, object], seconds: int) -> dict[str, object]:
    """The spec whose containers wait at their end, unless they have a `preStop` of their own. Never
    for more than half of the time that the pod has. What ends by itself has nothing to wait for.
    """
    grace = spec.get("terminationGracePeriodSeconds")
    longest = (grace if isinstance(grace, int) and grace >= 0 else _GRACE) // 2
    wait = min(seconds, longest)
    if not wait or raw.text(spec.get("restartPolicy")) not in ("", "Always"):
        return dict(spec)
    containers = [_waiting(each, wait) for each in raw.objects(spec.get("containers"))]
    return {**spec, "containers": containers}


def _waiting(container: Mapping[str, object], seconds: int) -> Mapping[str, object]:
    lifecycle = raw.mapping(container.get("lifecycle"))
    if lifecycle.get("preStop") is not None:
        return container
    hook = {"preStop": {"sleep": {"seconds": seconds}}}
    return {**container, "lifecycle": {**lifecycle, **hook}}
