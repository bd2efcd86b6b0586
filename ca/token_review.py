"""What the API server says of a token (`authentication.k8s.io/v1`, TokenReview): the question, and
who the answer says it is. Values in, values out; who asks is elsewhere.

An answer counts only if all of it is there: a server that does not know audiences, or a token that
is not bound to a pod, proves nobody.
"""

from collections.abc import Mapping

import jwt

from ca.claims import NAME, UID, check_audience, number, text
from ca.errors import Unauthenticated, Unreviewed
from mesh.identity import WorkloadIdentity

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_EXTRA = "authentication.kubernetes.io/"
_USER = "system:serviceaccount:"


def question(token: str, audience: str) -> Mapping[str, object]:
    """The object to be created at `PATH`."""
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience]},
    }


def unverified(token: str, audience: str, now: float) -> float:
    """When the token ends by its own words, in unix seconds. It spares the API server what could
    never be accepted; nothing else may follow from it before the answer is there.

    Raises `Unauthenticated`. A review does not say when a token ends, and neither can one that is
    no JWT; all that Kubernetes gives to pods are.
    """
    try:
        claims: Mapping[str, object] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthenticated(f"not a valid token ({type(error).__name__})") from None
    check_audience(claims, audience)
    expires = number(claims, "exp")
    if expires <= now:
        raise Unauthenticated("expired")
    return expires


def reviewed(answer: Mapping[str, object], *, audience: str, expires: float) -> WorkloadIdentity:
    """The identity in the answer; raises `Unauthenticated` if it is no pod's, and `Unreviewed` for
    what is no answer.
    """
    status = answer.get("status")
    if answer.get("kind") != "TokenReview" or not isinstance(status, dict):
        raise Unreviewed("the answer is no TokenReview")
    if status.get("authenticated") is not True:
        raise Unauthenticated("the API server does not accept it")
    audiences = status.get("audiences")
    if not isinstance(audiences, list) or audience not in audiences:
        # An API server that does not know of audiences gives none, whomever the token is for.
        raise Unauthenticated("the API server does not say that it is for us")
    user = status.get("user")
    if not isinstance(user, dict):
        raise Unauthenticated("the API server does not say whose it is")
    return _identity(user, expires)


def _identity(user: Mapping[str, object], expires: float) -> WorkloadIdentity:
    username = user.get("username")
    if not isinstance(username, str) or not username.startswith(_USER):
        raise Unauthenticated("not a service account")
    namespace, _, account = username.removeprefix(_USER).partition(":")
    extra = user.get("extra")
    bound = _single(extra if isinstance(extra, dict) else {})
    return WorkloadIdentity(
        namespace=text({"namespace": namespace}, "namespace", NAME),
        service_account=text({"name": account}, "name", NAME),
        pod_name=text(bound, "pod-name", NAME),
        pod_uid=text(bound, "pod-uid", UID),
        expires=expires,
        node=text(bound, "node-name", NAME) if "node-name" in bound else None,
    )


def _single(extra: Mapping[str, object]) -> Mapping[str, object]:
    """What is said once; who would choose between two?"""
    return {
        name.removeprefix(_EXTRA): values[0] if isinstance(values, list) and len(values) == 1 else 0
        for name, values in extra.items()
        if name.startswith(_EXTRA)
    }
