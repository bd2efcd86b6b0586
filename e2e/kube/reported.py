"""What a node tells the API server of a pod, made from what the runner says. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from heddle.local.pods import ContainerState, Phase, PodStatus
from webhook import raw

Raw = Mapping[str, object]

_CONDITIONS = ("Initialized", "PodReadyToStartContainers", "ContainersReady", "Ready")


def reported(pod: Raw, status: PodStatus, *, address: str, host: str, now: float) -> Raw:
    """The pod's new status. `now` is in seconds since the epoch."""
    started, stamp = status.phase in (Phase.RUNNING, Phase.STOPPING), _stamp(now)
    states = {each.name: each for each in status.containers}
    old = raw.mapping(pod.get("status"))
    holds = {
        "Initialized": started,
        "PodReadyToStartContainers": True,
        "ContainersReady": status.ready,
        "Ready": status.ready,
    }
    return {
        "phase": "Running" if started else "Pending",
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": old.get("startTime", stamp),
        "message": str(status.problem) if status.problem else "",
        "conditions": [
            *(each for each in raw.objects(old.get("conditions")) if _foreign(each)),
            *(_condition(old, kind, holds[kind], stamp) for kind in _CONDITIONS),
        ],
        "initContainerStatuses": [*_containers(pod, "initContainers", states, stamp)],
        "containerStatuses": [*_containers(pod, "containers", states, stamp)],
    }


def _foreign(condition: Raw) -> bool:
    return condition.get("type") not in _CONDITIONS


def _condition(old: Raw, kind: str, holds: bool, stamp: str) -> Raw:
    value = "True" if holds else "False"
    found = [each for each in raw.objects(old.get("conditions")) if each.get("type") == kind]
    same = found and found[0].get("status") == value
    since = found[0].get("lastTransitionTime") if same else stamp
    return {"type": kind, "status": value, "lastTransitionTime": since}


def _containers(
    pod: Raw, field: str, states: Mapping[str, ContainerState], stamp: str
) -> Iterator[Raw]:
    for container in raw.objects(raw.spec(pod).get(field)):
        name, image = raw.text(container.get("name")), raw.text(container.get("image"))
        state = states.get(name)
        done = state is not None and state.exit_status == 0 and field == "initContainers"
        yield {
            "name": name,
            "image": image,
            "imageID": image,
            "ready": done or (state is not None and state.ready),
            "started": state is not None and state.started,
            "restartCount": state.restarts if state else 0,
            "state": _state(state, stamp),
        }


def _state(state: ContainerState | None, stamp: str) -> Raw:
    if state is not None and state.exit_status is not None:
        return {"terminated": {"exitCode": state.exit_status, "finishedAt": stamp}}
    if state is None or not state.started:
        return {"waiting": {"reason": "ContainerCreating"}}
    return {"running": {}}


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
