"""The status of every kind: conditions as Kubernetes has them, and what Istio's tools read."""

from crds.definitions.constraint import Schema

TRUTH = ("True", "False", "Unknown")
LEVELS = ("UNKNOWN", "ERROR", "WARNING", "INFO")

_GENERATION: Schema = {
    "description": "The `metadata.generation` that this is about. Istio writes it as text.",
    "x-kubernetes-int-or-string": True,
}
_TIME: Schema = {"type": "string", "format": "date-time"}


def status() -> Schema:
    """The schema. Unknown fields are kept, though nothing of ours is free form: Istio may serve the
    same objects, and writes fields of its own (`addresses` of a ServiceEntry).
    """
    return {
        "type": "object",
        "description": "What the control plane says of the object.",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "conditions": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": _condition(),
            },
            "observedGeneration": dict(_GENERATION),
            "validationMessages": {"type": "array", "items": _message()},
        },
    }


def _condition() -> Schema:
    """`metav1.Condition`, but that Istio's leave fields out that are required there."""
    return {
        "type": "object",
        "required": ["type", "status"],
        "properties": {
            "type": {"type": "string", "minLength": 1, "maxLength": 316},
            "status": {"type": "string", "enum": list(TRUTH)},
            "observedGeneration": dict(_GENERATION),
            "lastTransitionTime": dict(_TIME),
            "lastProbeTime": dict(_TIME),
            "reason": {"type": "string", "maxLength": 1024},
            "message": {"type": "string", "maxLength": 32768},
        },
    }


def _message() -> Schema:
    """Istio's `AnalysisMessageBase`: Kiali shows these beside the object."""
    text: Schema = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "type": {
                "type": "object",
                "properties": {"code": dict(text), "name": dict(text)},
            },
            "level": {"type": "string", "enum": list(LEVELS)},
            "documentationUrl": dict(text),
        },
    }
