"""What a rule was made from: the object, and where in it."""

from dataclasses import dataclass

from crds.meta import Key, Meta

VIRTUAL_SERVICE = "VirtualService"
DESTINATION_RULE = "DestinationRule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An object, the field of it that counts (`spec.http[0]`; empty: all of it), and which
    generation of it that was, if the object has any.
    """

    object: Key
    path: str = ""
    generation: int = 0


def networking(kind: str, meta: Meta) -> Key:
    """The key of an object of Istio's networking group."""
    return Key("networking.istio.io", kind, meta.namespace, meta.name)
