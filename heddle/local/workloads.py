"""Deployments and their like, turned into the pods that their controllers would make.

Names follow from content: a pod is named for the hash of its template, so that a changed template
makes new pods and an unchanged one keeps those that run.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from crds.meta import Key, Label
from crds.problem import Problem, Severity
from webhook import raw

NODE = "local"
"""The node that all pods run on."""
MAX_REPLICAS = 5_000
DEFAULT_NAMESPACE = "default"
DEFAULT_ACCOUNT = "default"

_KINDS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
_NOT_RUN = frozenset({"Job", "CronJob"})
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' letters for generated names: no vowels, so no words."""
_MAX_BASE = 58
"""Kubernetes' limit for what stands before the five random letters of a name."""

Raw = Mapping[str, object]
_NamedPod = tuple[str, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workload:
    """What the controllers of all kinds have in common."""

    key: Key
    replicas: int
    template: Raw
    hash: str


def key_of(raw_object: Raw) -> Key:
    """The identity of a raw object; without a namespace it is in the default one."""
    version, metadata = raw.text(raw_object.get("apiVersion")), raw.metadata(raw_object)
    return Key(
        group=version.rpartition("/")[0],
        kind=raw.text(raw_object.get("kind")),
        namespace=raw.text(metadata.get("namespace")) or DEFAULT_NAMESPACE,
        name=raw.text(metadata.get("name")),
    )


def problem(severity: Severity, key: Key, code: str, message: str, **where: str) -> Problem:
    """`where` may give `path` and `value`."""
    return Problem(
        code=code,
        severity=severity,
        object=key,
        message=message,
        path=where.get("path", ""),
        value=where.get("value"),
    )


def uid(*parts: str) -> str:
    """A uid that follows from what it names, in the form of a UUID."""
    text = blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def letters(count: int, *parts: str) -> str:
    """So many letters of a generated name, from what it names."""
    number = int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=16).digest(), "big")
    result = []
    for _ in range(count):
        number, index = divmod(number, len(_ALPHABET))
        result.append(_ALPHABET[index])
    return "".join(result)


def pods(workload: Raw, key: Key) -> tuple[dict[str, dict[str, object]], list[Problem]]:
    """The pods of one object by name, without addresses; none if it is no workload."""
    if key.group == "batch" and key.kind in _NOT_RUN:
        message = "Jobs are not run here: use a Deployment, or a Pod."
        return {}, [problem(Severity.WARNING, key, "not-run", message)]
    if key.group != "apps" or key.kind not in _KINDS:
        return {}, []
    found = _read(workload, key)
    if isinstance(found, Problem):
        return {}, [found]
    return dict(_named(found, raw.spec(workload))), []


def complete(pod: Raw, key: Key, template_hash: str = "") -> dict[str, object]:
    """A pod with what the API server and the scheduler fill in, as far as it is missing."""
    metadata, spec = raw.metadata(pod), raw.spec(pod)
    account = raw.text(spec.get("serviceAccountName")) or DEFAULT_ACCOUNT
    identity = {
        "name": key.name,
        "namespace": key.namespace,
        "uid": raw.text(metadata.get("uid")) or uid("Pod", key.namespace, key.name, template_hash),
    }
    node = raw.text(spec.get("nodeName")) or NODE
    return {
        **pod,
        "metadata": {**metadata, **identity},
        "spec": {**spec, "serviceAccountName": account, "nodeName": node},
    }


def _read(workload: Raw, key: Key) -> _Workload | Problem:
    spec = raw.spec(workload)
    template = raw.mapping(spec.get("template"))
    for check in (_bad_template, _bad_labels):
        if (wrong := check(spec, template, key)) is not None:
            return wrong
    replicas = 1 if key.kind == "DaemonSet" else spec.get("replicas", 1)
    replicas = 1 if replicas is None else replicas
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        message = "Give a whole number from 0 on."
        return _error(key, "bad-replicas", message, path="spec.replicas", value=repr(replicas))
    if replicas > MAX_REPLICAS:
        message = f"This machine runs at most {MAX_REPLICAS} pods of a workload: give fewer."
        return _error(key, "bad-replicas", message, path="spec.replicas", value=str(replicas))
    try:
        text = json.dumps(template, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        message = "Kubernetes does not accept this as a pod template: its keys must be strings."
        return _error(key, "malformed-template", message, path="spec.template")
    return _Workload(key=key, replicas=replicas, template=template, hash=letters(10, text))


def _bad_template(spec: Raw, template: Raw, key: Key) -> Problem | None:
    if not key.name:
        return _error(key, "no-name", "Give it a name.", path="metadata.name")
    if not raw.objects(raw.spec(template).get("containers")):
        path = "spec.template.spec.containers"
        return _error(key, "malformed-template", "Give at least one container.", path=path)
    return None


def _bad_labels(spec: Raw, template: Raw, key: Key) -> Problem | None:
    given = raw.mapping(raw.metadata(template).get("labels"))
    labels = raw.strings(given)
    for name, value in given.items():
        if name not in labels:
            path = f"spec.template.metadata.labels[{name}]"
            message = "A label's value is a string: put it in quotes."
            return _error(key, "malformed-template", message, path=path, value=repr(value))
    selector = raw.mapping(raw.mapping(spec.get("selector")).get("matchLabels"))
    for name, wanted in selector.items():
        if labels.get(name) != wanted:
            path = f"spec.selector.matchLabels[{name}]"
            message = "Kubernetes refuses a selector that the template's labels do not match."
            return _error(key, "selector-mismatch", message, path=path, value=repr(wanted))
    return None


def _error(key: Key, code: str, message: str, **where: str) -> Problem:
    return problem(Severity.ERROR, key, code, message, **where)


def _named(workload: _Workload, spec: Raw) -> Iterator[_NamedPod]:
    match workload.key.kind:
        case "StatefulSet":
            yield from _stateful(workload, raw.text(spec.get("serviceName")))
        case "Deployment":
            owner = f"{workload.key.name}-{workload.hash}"
            yield from _replicas(workload, owner, Label.POD_TEMPLATE_HASH)
        case _:
            yield from _replicas(workload, workload.key.name, "controller-revision-hash")


def _replicas(workload: _Workload, owner: str, label: str) -> Iterator[_NamedPod]:
    key, taken = workload.key, set[str]()
    kind = "ReplicaSet" if key.kind == "Deployment" else key.kind
    base = f"{owner}-"[:_MAX_BASE]
    for index in range(workload.replicas):
        seed = (key.kind, key.namespace, owner, workload.hash, str(index))
        name, salt = f"{base}{letters(5, *seed)}", 0
        while name in taken:
            salt += 1
            name = f"{base}{letters(5, *seed, str(salt))}"
        taken.add(name)
        yield name, _pod(workload, name, owner=(kind, owner), labels={label: workload.hash})


def _stateful(workload: _Workload, service: str) -> Iterator[_NamedPod]:
    owner = ("StatefulSet", workload.key.name)
    for index in range(workload.replicas):
        name = f"{workload.key.name}-{index}"
        labels = {
            "controller-revision-hash": f"{workload.key.name}-{workload.hash}",
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(index),
        }
        pod = _pod(workload, name, owner=owner, labels=labels)
        host = {"hostname": name, **({"subdomain": service} if service else {})}
        yield name, {**pod, "spec": {**raw.spec(pod), **host}}


def _pod(
    workload: _Workload, name: str, *, owner: tuple[str, str], labels: Mapping[str, str]
) -> dict[str, object]:
    namespace, (kind, owner_name) = workload.key.namespace, owner
    reference = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": owner_name,
        "uid": uid(kind, namespace, owner_name),
        "controller": True,
    }
    template = raw.metadata(workload.template)
    metadata = {k: v for k, v in template.items() if k not in ("name", "namespace", "uid")}
    metadata["labels"] = {**raw.strings(template.get("labels")), **labels}
    metadata["ownerReferences"] = [reference]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    spec = raw.spec(workload.template)
    return complete({**pod, "spec": spec}, Key("", "Pod", namespace, name), workload.hash)
