"""The definitions of the mesh's kinds: whether they are there, and served."""

from collections.abc import Iterable, Mapping

from crds.kinds import KINDS, NETWORKING, SECURITY, plural
from heddle.check.cluster import Cluster, name_of
from heddle.check.verdict import Category, Check, Verdict, When, judged, skipped
from heddle.cluster_objects import Raw
from sources.resource import CUSTOM_RESOURCE_DEFINITIONS
from webhook import raw

STORED = "v1"
OURS = {"app.kubernetes.io/part-of": "heddle"}


def wanted() -> Mapping[str, tuple[str, ...]]:
    """The versions of each definition, by its name."""
    return {
        f"{plural(kind)}.{group}": said.versions
        for (group, kind), said in sorted(KINDS.items())
        if group in (NETWORKING, SECURITY)
    }


async def _there(cluster: Cluster) -> Mapping[str, Raw]:
    found = await cluster.every(CUSTOM_RESOURCE_DEFINITIONS)
    return {name_of(each): each for each in found if name_of(each) in wanted()}


async def _installed(cluster: Cluster) -> Verdict:
    missing = wanted().keys() - (await _there(cluster)).keys()
    return judged(f"there is no {name}" for name in sorted(missing))


async def _established(cluster: Cluster) -> Verdict:
    return judge_established(await _there(cluster))


def judge_established(there: Mapping[str, Raw]) -> Verdict:
    """Whether the API server has taken them."""
    bad = []
    for name, definition in sorted(there.items()):
        said = _conditions(definition)
        for kind, wanted_status in (("Established", "True"), ("NamesAccepted", "True")):
            if said.get(kind, ("", ""))[0] != wanted_status:
                why = said.get(kind, ("", "the API server has said nothing yet"))[1]
                bad.append(f"{name} is not {kind}: {why}")
    return judged(bad)


def _conditions(definition: Raw) -> Mapping[str, tuple[str, str]]:
    return {
        raw.text(each.get("type")): (raw.text(each.get("status")), raw.text(each.get("message")))
        for each in raw.objects(raw.mapping(definition.get("status")).get("conditions"))
    }


async def _served(cluster: Cluster) -> Verdict:
    return judge_versions(await _there(cluster))


def judge_versions(there: Mapping[str, Raw]) -> Verdict:
    """Whether every version that Istio's users write is served. Without `v1` nothing is read."""
    bad, odd = list[str](), list[str]()
    for name, definition in sorted(there.items()):
        served = {
            raw.text(each.get("name"))
            for each in raw.objects(raw.spec(definition).get("versions"))
            if each.get("served") is True
        }
        for version in wanted()[name]:
            if version not in served:
                (bad if version == STORED else odd).append(f"{name} is not served as {version}")
    return judged(bad, odd)


async def _status(cluster: Cluster) -> Verdict:
    return judge_status(await _there(cluster))


def judge_status(there: Mapping[str, Raw]) -> Verdict:
    """Whether what became of an object can be written to it, and is shown."""
    bad, odd = list[str](), list[str]()
    for name, definition in sorted(there.items()):
        versions = raw.objects(raw.spec(definition).get("versions"))
        if not all("status" in raw.mapping(each.get("subresources")) for each in versions):
            bad.append(f"{name} has no status")
        elif not any(_shows_status(each) for each in versions):
            odd.append(f"`kubectl get {name.partition('.')[0]}` does not show what became of them")
    return judged(bad, odd)


def _shows_status(version: Raw) -> bool:
    columns = raw.objects(version.get("additionalPrinterColumns"))
    return any("status.conditions" in raw.text(each.get("jsonPath")) for each in columns)


async def _others(cluster: Cluster) -> Verdict:
    there = await _there(cluster)
    if not there:
        return skipped("there are none yet: charts/heddle-crds brings them")
    return judge_owners(there)


def judge_owners(there: Mapping[str, Raw]) -> Verdict:
    """Whether `helm install heddle-crds` would meet definitions of somebody else's."""
    theirs = [
        name
        for name, definition in sorted(there.items())
        if not OURS.items() <= raw.labels(definition).items()
    ]
    return judged(warnings=_names(theirs))


def _names(names: Iterable[str]) -> Iterable[str]:
    return (f"{name} is somebody else's" for name in names)


_INSTALL = (
    "`helm upgrade --install heddle-crds charts/heddle-crds`, or `heddle crds | kubectl apply "
)
_INSTALL += "--server-side -f -`."

CATEGORY = Category(
    name="kinds",
    title="The kinds of the mesh",
    checks=(
        Check(
            anchor="kinds-owned",
            title="nobody else has installed the mesh's kinds",
            remedy="Leave them out of the chart (`excludedCRDs`), or let it take them over "
            "(`helm install --take-ownership`). Istio's definitions work too, but `kubectl get` "
            "does not show what became of an object.",
            judge=_others,
            when=When.BEFORE,
        ),
        Check(
            anchor="kinds-installed",
            title="all kinds of the mesh are installed",
            remedy=_INSTALL,
            judge=_installed,
        ),
        Check(
            anchor="kinds-established",
            title="the API server has taken their definitions",
            remedy="`kubectl describe crd NAME` says what is in the way: mostly another definition "
            "that has taken one of the names.",
            judge=_established,
        ),
        Check(
            anchor="kinds-served",
            title="all versions of the kinds are served",
            remedy=f"Definitions of an older release are there: {_INSTALL} Argo Rollouts writes "
            "v1alpha3, Flagger v1beta1.",
            judge=_served,
        ),
        Check(
            anchor="kinds-status",
            title="objects of the mesh have a status",
            remedy=_INSTALL,
            judge=_status,
        ),
    ),
)
