"""AdmissionReviews as the API server sends them, and its side of an answer."""

import base64
import json
from collections.abc import Mapping

from webhook.review import Review, review


def question(
    kind: str = "/Pod",
    new: Mapping[str, object] | None = None,
    *,
    old: Mapping[str, object] | None = None,
    operation: str = "CREATE",
    namespace: str = "shop",
    **more: object,
) -> dict[str, object]:
    """`kind` is group/kind; `more` are further fields of the request."""
    group, _, name = kind.rpartition("/")
    request: dict[str, object] = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": "v1", "kind": name},
        "operation": operation,
        "namespace": namespace,
        "dryRun": False,
        "object": new,
        "oldObject": old,
        **more,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def asked(kind: str = "/Pod", new: Mapping[str, object] | None = None, **more: object) -> Review:
    return review(json.dumps(question(kind, new, **more)).encode())  # type: ignore[arg-type]


def said(body: bytes) -> dict[str, object]:
    """The response in an answer, its patch decoded."""
    found = json.loads(body)
    assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: dict[str, object] = found["response"]
    if isinstance(patch := response.get("patch"), str):
        assert response["patchType"] == "JSONPatch"
        response["patch"] = json.loads(base64.b64decode(patch))
    return response
