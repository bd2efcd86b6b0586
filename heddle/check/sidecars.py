"""Sidecars that are not what the injector would make today.

A pod is compared with what its owner's template becomes now: so whatever the settings, MeshConfig
or the template say counts, and no stamp has to be kept right. What the API server adds to a pod by
itself is no difference.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from crds.meta import PER_POD_LABELS, Annotation, Label
from heddle.check.cluster import Cluster, name_of, namespace_of
from heddle.cluster_objects import Raw
from sources.resource import Resource
from webhook import raw
from webhook.inject import inject
from webhook.settings import InjectSettings
from webhook.sidecar import INIT, PROXY

_OWNERS = {
    "ReplicaSet": Resource(group="apps", plural="replicasets"),
    "StatefulSet": Resource(group="apps", plural="statefulsets"),
    "DaemonSet": Resource(group="apps", plural="daemonsets"),
    "Job": Resource(group="batch", plural="jobs"),
}
_OF_OWNERS = ("name", "generateName", "namespace", "ownerReferences")
_QUANTITY = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?", re.ASCII
)
_SCALES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{name: Fraction(1000**power) for power, name in enumerate("kMGTPE", 1)},
    **{f"{name}i": Fraction(1024**power) for power, name in enumerate("KMGTPE", 1)},
}


def amount(text: str) -> Fraction | None:
    """What a quantity of Kubernetes says: `1000m` is `1`."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, power, unit = found.groups()
    scale = Fraction(10) ** int(power) if power else _SCALES.get(unit or "", Fraction(1))
    return Fraction(number) * scale


def difference(wanted: object, found: object, path: str = "") -> str:
    """Where the first thing is that is wanted and not found; nothing if all of it is. What is there
    beside it was added by others.
    """
    match wanted:
        case Mapping():
            there = raw.mapping(found)
            return _first(
                difference(each, there.get(k), f"{path}.{k}") for k, each in wanted.items()
            )
        case list() | tuple():
            items = found if isinstance(found, list) else []
            return _first(_in_list(each, items, at, path) for at, each in enumerate(wanted))
        case str() if isinstance(found, str) and wanted != found:
            one, other = amount(wanted), amount(found)
            return "" if one is not None and one == other and ".resources." in path else path
        case _:
            # The API server drops what is empty.
            return "" if wanted == found or (not wanted and found is None) else path


def _in_list(wanted: object, items: Sequence[object], at: int, path: str) -> str:
    """Texts have their place, as arguments have; objects (mounts, variables) lie among those that
    others have put there.
    """
    where = f"{path}[{at}]"
    if isinstance(wanted, Mapping):
        return "" if any(not difference(wanted, each, where) for each in items) else where
    return difference(wanted, items[at] if at < len(items) else None, where)


def _first(paths: Iterable[str]) -> str:
    return next((path for path in paths if path), "")


async def outdated(cluster: Cluster, pods: Sequence[Raw]) -> Sequence[str]:
    """A sentence for each pod whose sidecar the injector would make in another way now. Raises
    `ApiError`.
    """
    settings, namespaces = await cluster.settings(), await cluster.namespaces()
    wanted: dict[tuple[str, str, str], Mapping[str, Raw]] = {}
    told = []
    for pod in pods:
        owner, template = await _template(cluster, pod)
        if template is None:
            continue
        if owner not in wanted:
            namespace = namespaces.get(namespace_of(pod), {})
            wanted[owner] = added(_bare(pod, template), namespace, settings)
        if why := _difference(wanted[owner], added_to(pod)):
            told.append(f"{namespace_of(pod)}/{name_of(pod)}: {why}")
    return told


def new_image(settings: InjectSettings) -> str:
    """The image of the sidecar of a pod that says nothing about it."""
    pod = {"metadata": {"name": "any"}, "spec": {"containers": [{"name": "any", "image": "any"}]}}
    return raw.text(added(pod, {}, settings).get(PROXY, {}).get("image"))


def added(bare: Raw, namespace: Raw, settings: InjectSettings) -> Mapping[str, Raw]:
    """The containers that a pod would be given, by name."""
    return added_to(inject(bare, namespace, settings, selected=True).pod)


def added_to(pod: Raw) -> Mapping[str, Raw]:
    """Those that it was given."""
    found = {raw.text(each.get("name")): each for each in raw.containers(pod)}
    return {name: found[name] for name in (INIT, PROXY) if name in found}


def _difference(wanted: Mapping[str, Raw], found: Mapping[str, Raw]) -> str:
    for name in wanted.keys() | found.keys():
        if name not in found:
            return f"it has no {name}"
        if name not in wanted:
            return f"it has {name}, which is not made any more"
        if wanted[name].get("image") != found[name].get("image"):
            return f"image {found[name].get('image')}, and now {wanted[name].get('image')}"
        if path := difference(wanted[name], found[name]):
            return f"{name}{path} is another now"
    return ""


async def _template(cluster: Cluster, pod: Raw) -> tuple[tuple[str, str, str], Raw | None]:
    """Which owner made the pod, and from what; a pod of its own is not made anew."""
    namespace = namespace_of(pod)
    for each in raw.objects(raw.metadata(pod).get("ownerReferences")):
        kind, name = raw.text(each.get("kind")), raw.text(each.get("name"))
        if each.get("controller") is True and kind in _OWNERS:
            owners = await cluster.every(_OWNERS[kind])
            mine = (o for o in owners if (namespace_of(o), name_of(o)) == (namespace, name))
            template = raw.mapping(raw.spec(next(mine, {})).get("template"))
            return (kind, namespace, name), template or None
    return ("", "", ""), None


def _bare(pod: Raw, template: Raw) -> Raw:
    """The pod as its owner creates it: with what the injector names it after."""
    mine = raw.metadata(pod)
    kept = {name: mine[name] for name in _OF_OWNERS if name in mine}
    labels = {name: text for name, text in raw.labels(pod).items() if name in PER_POD_LABELS}
    metadata = raw.metadata(template)
    made = {**metadata, **kept, "labels": {**raw.labels(template), **labels}}
    return {"metadata": made, "spec": template.get("spec")}


def missing(
    pods: Iterable[Raw],
    namespaces: Mapping[str, Raw],
    settings: InjectSettings,
    names: frozenset[str],
) -> Sequence[str]:
    """A sentence for each pod without a sidecar that would get one now. `names` are the revision
    and its tags.
    """
    told = []
    for pod in pods:
        if Annotation.STATUS in raw.annotations(pod):
            continue
        namespace = namespaces.get(namespace_of(pod), {})
        revision = raw.labels(namespace).get(Label.REVISION, raw.labels(pod).get(Label.REVISION))
        mine = replace(settings, revision=revision) if revision in names else settings
        if _would_have_one(pod, namespace, mine):
            told.append(f"{namespace_of(pod)}/{name_of(pod)} has none")
    return told


def _would_have_one(pod: Raw, namespace: Raw, settings: InjectSettings) -> bool:
    found = inject(pod, namespace, settings)
    return found.skipped is None and not found.refused
