"""The answer to a pod's creation: a patch that adds its sidecar."""

from collections.abc import Mapping

from webhook.inject import inject
from webhook.json_patch import diff
from webhook.review import Answer, Review, answer
from webhook.settings import InjectSettings


def admit_pod(asked: Review, settings: InjectSettings) -> Answer:
    """Adds a sidecar to a pod that is being created.

    The API server has asked because the selectors of the MutatingWebhookConfiguration chose the
    pod: its namespace is not looked at again, for ours could be older than the API server's.
    """
    if (asked.group, asked.kind, asked.operation) != ("", "Pod", "CREATE") or asked.subresource:
        return answer("ignored", ())
    pod = asked.new or {}
    namespace: Mapping[str, object] = {"metadata": {"name": asked.namespace}}
    injected = inject(pod, namespace, settings, selected=True)
    outcome = "injected" if injected.skipped is None else "skipped"
    return answer(outcome, injected.problems, diff(pod, injected.pod))
