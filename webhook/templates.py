"""Injection without an API server: into the pod templates of whatever makes pods, as
`istioctl kube-inject` does. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from crds.meta import Key
from crds.problem import Problem, Severity
from webhook import raw
from webhook.inject import inject
from webhook.settings import InjectSettings

Raw = Mapping[str, object]

_TEMPLATE = ("spec", "template")
TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("argoproj.io", "Rollout"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
    ("batch", "Job"): _TEMPLATE,
}
"""Where pods are described, by the group and kind of the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The object with its sidecar; the identical one, if nothing is added to it."""

    item: Raw
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> bool:
        """Some problem is an error."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def with_sidecars(item: Raw, namespace: str, settings: InjectSettings) -> Made:
    """Any object; a List has its items injected. `namespace` is for objects that name none.

    What selects pods by labels in a cluster has no say here: who asks for it wants it.
    """
    items = item.get("items")
    if raw.text(item.get("kind")).endswith("List") and isinstance(items, list):
        return _list(item, items, namespace, settings)
    group = raw.text(item.get("apiVersion")).rpartition("/")[0]
    path = TEMPLATES.get((group, raw.text(item.get("kind"))))
    template = _at(item, path) if path is not None else None
    if path is None or template is None:
        return Made(item=item)
    return _injected(item, path, template, namespace, settings)


def _list(item: Raw, items: Sequence[object], namespace: str, settings: InjectSettings) -> Made:
    made = [
        with_sidecars(each, namespace, settings) if isinstance(each, Mapping) else None
        for each in items
    ]
    problems = tuple(problem for each in made if each is not None for problem in each.problems)
    new = [old if each is None else each.item for old, each in zip(items, made, strict=True)]
    unchanged = all(one is other for one, other in zip(items, new, strict=True))
    return Made(item=item if unchanged else {**item, "items": new}, problems=problems)


def _injected(
    item: Raw, path: tuple[str, ...], template: Raw, namespace: str, settings: InjectSettings
) -> Made:
    metadata = raw.metadata(item)
    name = raw.text(metadata.get("name")) or raw.text(metadata.get("generateName")).rstrip("-")
    place = raw.text(metadata.get("namespace")) or namespace
    # What its pods are made from gives them their name.
    pod = {**template, "metadata": {**raw.metadata(template), "name": name}} if path else template
    made = inject(pod, {"metadata": {"name": place}}, settings, selected=True)
    group = raw.text(item.get("apiVersion")).rpartition("/")[0]
    key = Key(group, raw.text(item.get("kind")), place, name)
    problems = tuple(
        replace(each, object=key, path=".".join((*path, each.path))) for each in made.problems
    )
    if made.refused or made.skipped is not None:
        return Made(item=item, problems=problems)
    new = dict(made.pod)
    if path:
        own = dict(raw.metadata(new))
        own.pop("name")
        new["metadata"] = {**own, **_given_name(template)}
    return Made(item=_put(item, path, new), problems=problems)


def _given_name(template: Raw) -> Raw:
    metadata = raw.metadata(template)
    return {"name": metadata["name"]} if "name" in metadata else {}


def _at(item: Raw, path: tuple[str, ...]) -> Raw | None:
    found: object = item
    for name in path:
        found = raw.mapping(found).get(name)
    return found if isinstance(found, Mapping) else None


def _put(item: Raw, path: tuple[str, ...], new: Raw) -> Raw:
    if not path:
        return new
    return {**item, path[0]: _put(raw.mapping(item[path[0]]), path[1:], new)}
