"""What a resource says of where it comes from, in its `filter_metadata` (docs/adr/0014).

Under `istio`, `config` is the VirtualService, DestinationRule and so on, in the form that istioctl
shows in its columns and Kiali links. Under `heddle`, `object` is the object that `config` does not
name (as messages print it: `Service shop/web`), `path` the field and `generation` the version of
what made a route. What moves without the resource is added later, where it does not count
(docs/adr/0017).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import Metadata
from google.protobuf.struct_pb2 import Value

from crds.kinds import KINDS
from crds.meta import Key
from mesh.source import VIRTUAL_SERVICE, Source

ISTIO = "istio"
"""The key in `filter_metadata` under which tools look for Istio's names."""
HEDDLE = "heddle"

_CONFIG = "config"
_NAME = "name"
_OBJECT = "object"
_PATH = "path"
_GENERATION = "generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a resource was made from: a mesh object that has a say in it, what it stands for, and
    the part that made it. `None`: it does not say.
    """

    config: Key | None = None
    object: Key | None = None
    path: str = ""
    generation: int = 0


UNKNOWN = Provenance()


def metadata(
    *,
    config: Key | None = None,
    of: Key | None = None,
    source: Source | None = None,
    name: str = "",
) -> Metadata | None:
    """The metadata of a resource that stands for the object `of`, and in which `config` has a say;
    a `source` is either of them, with its path and generation. `name` is Istio's own of a virtual
    host.
    """
    if source is not None and source.object.kind == VIRTUAL_SERVICE:
        config = source.object
    elif source is not None:
        of = source.object
    made = Metadata()  # filled in place: from finished messages it takes thrice as long
    if name or config is not None:
        theirs = made.filter_metadata[ISTIO].fields
        if name:
            theirs[_NAME].string_value = name
        if config is not None:
            theirs[_CONFIG].string_value = config_path(config)
    if of is not None or source is not None:
        ours = made.filter_metadata[HEDDLE].fields
        if of is not None:
            ours[_OBJECT].string_value = str(of)
        if source is not None and source.path:
            ours[_PATH].string_value = source.path
        if source is not None and source.generation:
            ours[_GENERATION].number_value = source.generation
    return made if made.filter_metadata else None


def config_path(key: Key) -> str:
    """Istio's way to name an object: `/apis/<group>/v1/namespaces/<namespace>/<kind>/<name>`."""
    return f"/apis/{key.group}/v1/namespaces/{key.namespace}/{_KEBAB[key.kind]}/{key.name}"


def parse_config(path: str) -> Key | None:
    """The object that such a path names; `None` for another form."""
    match path.split("/"):
        case ["", "apis", group, _, "namespaces", namespace, kind, name]:
            return Key(group, _CAMEL[kind], namespace, name) if kind in _CAMEL else None
    return None


def _kebab(kind: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).removeprefix("-")


_KEBAB = {kind: _kebab(kind) for _, kind in KINDS}
_CAMEL = {kebab: kind for kind, kebab in _KEBAB.items()}


def parse_object(text: str) -> Key | None:
    """The object that `str(key)` names; `None` for a kind that is not known."""
    kind, _, place = text.partition(" ")
    namespace, _, name = place.rpartition("/")
    group = _GROUPS.get(kind)
    return None if group is None else Key(group, kind, namespace, name)


_GROUPS = {kind: group for group, kind in KINDS}


def provenance(given: Metadata) -> Provenance:
    """What the metadata of a resource says."""
    theirs, ours = _fields(given, ISTIO), _fields(given, HEDDLE)
    return Provenance(
        config=parse_config(theirs.get(_CONFIG, _NOTHING).string_value),
        object=parse_object(ours.get(_OBJECT, _NOTHING).string_value),
        path=ours.get(_PATH, _NOTHING).string_value,
        generation=int(ours.get(_GENERATION, _NOTHING).number_value),
    )


def decisive(given: Metadata) -> Key | None:
    """The object that has a say in a resource, or else the one that it stands for: a third of the
    time of `provenance`.
    """
    config = parse_config(_text(given, ISTIO, _CONFIG))
    return config or parse_object(_text(given, HEDDLE, _OBJECT))


def _text(given: Metadata, key: str, field: str) -> str:
    said = given.filter_metadata
    if key not in said or field not in said[key].fields:
        return ""
    return said[key].fields[field].string_value


_NOTHING = Value()


def _fields(given: Metadata, key: str) -> Mapping[str, Value]:
    """Without `[]`, which would add what is not there."""
    return dict(given.filter_metadata[key].fields) if key in given.filter_metadata else {}
