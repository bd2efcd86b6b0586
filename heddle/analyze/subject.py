"""What is analyzed: objects of files as a cluster would have them, over those that it has."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.engine import Place
from analysis.facts import Condition, Facts, Raw
from crds.kinds import KINDS
from crds.meta import Annotation, Key, Label, Origin
from crds.problem import Problem, Severity
from heddle.analyze.files import applied
from heddle.injection import DEFAULT_REVISION, PORT, SERVER_NAME, inject_settings
from heddle.intake import Intake
from heddle.local.addresses import Subnets
from heddle.local_cluster import LocalCluster, owner_name
from mesh.advance import CONFIG_KEY, advance
from mesh.check import check_all
from mesh.mesh import EMPTY_MESH
from sources.events import Applied, Event, Problems
from webhook import raw as raws
from webhook.settings import InjectSettings
from webhook.values import with_values

_SUBNETS = Subnets(pods="240.0.0.0/9", services="240.128.0.0/9")
"""Reserved addresses, which nothing in a cluster has."""

_ISTIO = ".istio.io"
"""What the API groups of mesh objects end in."""
_LOCAL_ONLY = frozenset({"not-run", "subnet-full"})
"""Codes of problems that this machine has with a workload, and a cluster would not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which objects are reported on: all of `files`, if these are not limited to the namespace, and
    those of a cluster that are in it; `None` is any namespace.
    """

    namespace: str | None = None
    all_files: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the engine takes."""

    facts: Facts
    problems: tuple[Problem, ...]
    place: Place


EVERYTHING = Chosen()


def subject(
    files: Sequence[Event],
    cluster: Sequence[Event] = (),
    *,
    chosen: Chosen = EVERYTHING,
    config: Key = CONFIG_KEY,
    revision: str = DEFAULT_REVISION,
    unknown: Collection[str] = (),
) -> Subject:
    """`config` is the ConfigMap with MeshConfig, `unknown` are kinds of which not all are known."""
    given = {event.key: event for event in applied(files)}
    deployed = dict(_deployed(applied(cluster)))
    # What a file says anew counts, and pods of a workload that it says anew are made anew.
    held = [e for e in applied(cluster) if given.keys().isdisjoint({e.key, deployed.get(e.key)})]
    settings = replace(
        inject_settings(host=SERVER_NAME, port=PORT, server_name=SERVER_NAME), revision=revision
    )
    local = LocalCluster(settings, _SUBNETS)
    local.apply(event for event in held if event.key.kind == "Namespace")
    made = local.apply(files)
    intake = Intake(config)
    intake.apply((*held, *_admitted(made)))
    changes = intake.take()
    mesh, _ = advance(EMPTY_MESH, changes, intake.config)
    objects = intake.store.objects()
    owners = {**deployed, **dict(_made_from(applied(made), given))}
    focus = {*given, *(event.key for event in held if _is_chosen(event.key, chosen))}
    if not chosen.all_files:
        focus = {key for key in focus if _is_chosen(key, chosen)}
    focus |= {pod for pod, owner in owners.items() if owner in focus}
    focus |= {owners[pod] for pod in owners if pod in focus}
    problems = (*intake.problems(), *intake.located(check_all(mesh)))
    peopled = frozenset(key.namespace for key in objects if key.kind == "Pod")
    return Subject(
        facts=Facts(
            mesh=mesh,
            objects=objects,
            raw=dict(_unread((*held, *given.values()))),
            owners=owners,
            focus=focus,
            unknown=unknown,
            conditions=dict(_conditions((*held, *given.values()))),
            proxy_images=dict(_proxy_images(held, with_values(settings, intake.injection))),
        ),
        problems=tuple(each for each in problems if _is_told(each, peopled)),
        place=_places(given),
    )


def _admitted(made: Sequence[Event]) -> Iterator[Event]:
    """Without the pods whose injection is refused: no cluster would have them."""
    problems = (p for each in made if isinstance(each, Problems) for p in each.problems)
    refused = {p.object for p in problems if p.severity is Severity.ERROR}
    for event in made:
        if not (isinstance(event, Applied) and event.key.kind == "Pod" and event.key in refused):
            yield event


def _proxy_images(held: Iterable[Applied], settings: InjectSettings) -> Iterator[tuple[Key, str]]:
    """The proxy that each pod of a cluster would get now, of those that our revision injected."""
    image = settings.default_annotations.get(Annotation.PROXY_IMAGE, settings.proxy_image)
    for event in held:
        annotations = raws.annotations(event.raw)
        if event.key.kind == "Pod" and _revision(annotations) == settings.revision:
            yield event.key, annotations.get(Annotation.PROXY_IMAGE, image)


def _revision(annotations: Mapping[str, str]) -> str:
    """Of the control plane that injected a pod."""
    try:
        status = raws.mapping(json.loads(annotations.get(Annotation.STATUS, "{}")))
    except ValueError:
        return ""
    return raws.text(status.get("revision"))


def _is_told(problem: Problem, peopled: Collection[str]) -> bool:
    """Whether it would be true of a cluster. Files without any workload leave those out: that a
    Service has no pods there says nothing.
    """
    empty = problem.object is not None and problem.object.namespace not in peopled
    return problem.code not in _LOCAL_ONLY and not (problem.code == "no-endpoints" and empty)


def _is_chosen(key: Key, chosen: Chosen) -> bool:
    return chosen.namespace is None or key.namespace == chosen.namespace


def _unread(events: Iterable[Applied]) -> Iterator[tuple[Key, Raw]]:
    for event in events:
        if (event.key.group, event.key.kind) not in KINDS:
            yield event.key, event.raw


def _conditions(events: Iterable[Applied]) -> Iterator[tuple[Key, Sequence[Condition]]]:
    """Those of mesh objects that are `False`, and not of a version that has been edited since."""
    for event in events:
        status = raws.mapping(event.raw.get("status"))
        if event.key.group.endswith(_ISTIO) and status:
            generation = raws.metadata(event.raw).get("generation")
            yield (
                event.key,
                [
                    Condition(
                        index=index,
                        type=raws.text(each.get("type")),
                        reason=raws.text(each.get("reason")),
                        message=raws.text(each.get("message")),
                    )
                    for index, each in enumerate(raws.objects(status.get("conditions")))
                    if each.get("status") == "False"
                    # Istio writes the number as a string.
                    and str(each.get("observedGeneration", generation)) == str(generation)
                ],
            )


def _made_from(made: Iterable[Applied], given: Mapping[Key, Applied]) -> Iterator[tuple[Key, Key]]:
    """The pods that were made of a workload in a file, with that."""
    workloads = {(key.namespace, key.name): key for key in given if key.group == "apps"}
    for event in made:
        if event.key.kind == "Pod" and event.key not in given:
            owner = workloads.get((event.key.namespace, owner_name(event.raw)))
            if owner is not None:
                yield event.key, owner


def _deployed(held: Iterable[Applied]) -> Iterator[tuple[Key, Key]]:
    """The pods of a cluster whose name says which Deployment they are of: what is wrong with all of
    them is to be told once.
    """
    for event in held:
        template = raws.labels(event.raw).get(Label.POD_TEMPLATE_HASH, "")
        name, found, _ = event.key.name.rpartition(f"-{template}-")
        if event.key.kind == "Pod" and template and found:
            yield event.key, Key("apps", "Deployment", event.key.namespace, name)


def _places(given: Mapping[Key, Applied]) -> Place:
    def place(key: Key, path: str) -> Origin | None:
        origin = given[key].origin if key in given else None
        return origin.of(path) if origin is not None else None

    return place
