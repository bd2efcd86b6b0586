"""A certificate authority as a Secret of Kubernetes: the files of `files`, by the same names.

One that we have made has a type of its own, which nobody can give to a Secret that is there. Any
other (Istio's `cacerts`, or what cert-manager writes) is only read. Values in, values out.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping

from ca.errors import AuthorityError
from ca.files import NAMES, ROOT_KEY, files_of
from ca.rotation import Rotation

TYPE = "heddle.io/ca"
"""`type` of ours."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "heddle"}

Raw = Mapping[str, object]


def is_ours(secret: Raw) -> bool:
    """Whether it was made by `secret`, so that it may be changed."""
    return secret.get("type") == TYPE


def secret(namespace: str, name: str, rotation: Rotation) -> Raw:
    """One to be created. Without annotations that a user may copy: it is never applied."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {"name": name, "namespace": namespace, "labels": MANAGED_BY},
        "data": _data(rotation),
    }


def replaced(secret: Raw, rotation: Rotation) -> Raw:
    """The same with another authority in it; what else users have put there stays. It is still of
    its `resourceVersion`, so that nothing is overwritten that was not read.
    """
    data = secret.get("data")
    kept = (
        {} if not isinstance(data, Mapping) else {k: v for k, v in data.items() if k not in NAMES}
    )
    return {**secret, "data": {**kept, **_data(rotation)}}


def files_in(secret: Raw, *, root_keys: bool = False) -> Mapping[str, bytes]:
    """What `files.rotation_from` reads; without the roots' keys, which only who makes
    intermediates needs. Raises `AuthorityError`, which quotes nothing.
    """
    data = secret.get("data")
    if not isinstance(data, Mapping):
        raise AuthorityError("the Secret is empty")
    wanted = [name for name in NAMES if name in data]
    return {
        name: _decoded(name, data[name])
        for name in wanted
        if root_keys or not name.endswith(ROOT_KEY)
    }


def _data(rotation: Rotation) -> Mapping[str, str]:
    return {name: b64encode(body).decode() for name, body in files_of(rotation).items()}


def _decoded(name: str, value: object) -> bytes:
    try:
        if isinstance(value, str):
            return b64decode(value, validate=True)
    except (Base64Error, ValueError):
        pass
    raise AuthorityError(f"{name} is not base64")
