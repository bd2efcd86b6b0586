"""The downward API, and the environment of a container's program."""

import re
from collections.abc import Mapping, Sequence

from heddle.local.errors import CannotRun
from heddle.local.pods import PodFacts
from webhook import raw
from webhook.variables import expand

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def variables(
    given: Sequence[Mapping[str, object]], facts: PodFacts, base: Mapping[str, str]
) -> dict[str, str]:
    """The environment: `base`, then the container's `env` in its order, each of which may refer to
    those before it. Raises `CannotRun` for a source that is not available here."""
    result: dict[str, str] = {}
    for variable in given:
        name, value = raw.text(variable.get("name")), raw.text(variable.get("value"))
        source = raw.mapping(variable.get("valueFrom"))
        found = _from(source, name, facts) if source else expand(value, result)
        if found is not None:
            result[name] = found
    return {**base, **result}


def field_value(path: str, facts: PodFacts) -> str:
    """A field as the downward API gives it. Raises `CannotRun` if there is no such field."""
    plain = {
        "metadata.name": facts.name,
        "metadata.namespace": facts.namespace,
        "metadata.uid": facts.uid,
        "metadata.labels": _listed(facts.labels),
        "metadata.annotations": _listed(facts.annotations),
        "spec.nodeName": facts.node,
        "spec.serviceAccountName": facts.service_account,
        "status.podIP": facts.address,
        "status.podIPs": facts.address,
        "status.hostIP": facts.address,
    }
    if path in plain:
        return plain[path]
    if keyed := _KEYED.fullmatch(path):
        values = facts.labels if keyed[1] == "labels" else facts.annotations
        return values.get(keyed[2], "")
    raise CannotRun("bad-pod", "the pod has no such field", path="fieldPath", value=path)


def _from(source: Mapping[str, object], name: str, facts: PodFacts) -> str | None:
    if field := raw.mapping(source.get("fieldRef")):
        return field_value(raw.text(field.get("fieldPath")), facts)
    if any(raw.mapping(value).get("optional") is True for value in source.values()):
        return None
    kind = next(iter(source))
    raise CannotRun(
        "not-available", f"the local runner has no {kind}; make it optional", path="env", value=name
    )


def _listed(values: Mapping[str, str]) -> str:
    escaped = {k: v.replace("\\", "\\\\").replace('"', '\\"') for k, v in values.items()}
    return "\n".join(f'{key}="{escaped[key]}"' for key in sorted(escaped))
