"""A mesh that did not start: which of its pods are late, and why."""

from collections.abc import Mapping, Sequence

from heddle.local.errors import LocalError
from heddle.local.pods import InjectedPod
from heddle.local.runner import Runner

START_SECONDS = 120.0
"""How long all pods together may take to become ready."""


class NotStarted(LocalError):
    """Some pod did not become ready in time; the message says which, and why if it is known."""

    def __init__(self, laggards: Sequence[str]) -> None:
        super().__init__(
            f"not ready after {START_SECONDS:.0f} s: {', '.join(laggards) or 'no pod'}; "
            "HEDDLE_LOGS=FOLDER keeps the containers' output"
        )


def laggards(runner: Runner, pods: Mapping[str, InjectedPod]) -> Sequence[str]:
    """The pods that are not ready, each with its problem if one is known."""
    statuses = runner.statuses()
    late = [name for name in sorted(pods) if name not in runner.ready()]
    reasons = {name: status.problem for name, status in statuses.items() if status.problem}
    return [f"{name} ({reasons[name].message})" if name in reasons else name for name in late]
