"""The CustomResourceDefinitions at a real API server: it takes them, and by them all that works
from files; what it refuses, it refuses at the field.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from crds.decode import decode
from heddle.definitions import stream
from tests.conftest import ROOT
from tests.crds.cluster import DEFINITIONS
from tests.crds.corpus import Raw, corpus
from tests.crds.refused import REFUSED, refused
from tests.kube.accounts import Namespace
from tests.kube.server import ApiServer

pytestmark = pytest.mark.usefixtures("definitions")

STRICT, IGNORE = "--validate=strict", "--validate=ignore"
VERSIONS = [
    f"{each['spec']['group']}/{version['name']}"
    for each in DEFINITIONS.values()
    for version in each["spec"]["versions"]
]
REFUSAL = re.compile(r'"(x-\d+)" is invalid: (.*)$', re.MULTILINE)


def working() -> Iterator[dict[str, Any]]:
    """The objects of this tree that work from a file, under names of their own."""
    right = (raw for raw in corpus(ROOT) if decode(raw).object is not None)
    for number, raw in enumerate(right):
        yield {**raw, "metadata": {"name": f"x-{number}"}}


def kubectl_create(
    server: ApiServer, namespace: Namespace, *raws: Raw, validate: str = STRICT
) -> list[Any]:
    """What an API server would make of them, without keeping them."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": raws})
    into = ("--dry-run=server", f"--namespace={namespace.name}", "-f", "-", "-o", "json")
    return list(every_json(server.kubectl("create", validate, *into, text=text)))


def every_json(text: str) -> Iterator[Any]:
    """kubectl prints one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        found, end = decoder.raw_decode(text[at:])
        yield found
        at += end + 1


def test_every_definition_is_established(server: ApiServer) -> None:
    for definition in DEFINITIONS.values():
        name = definition["metadata"]["name"]
        read = json.loads(server.kubectl("get", "crd", name, "-o", "json"))
        conditions = {each["type"]: each["status"] for each in read["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
        assert read["status"]["storedVersions"] == ["v1"]


@pytest.mark.parametrize(
    "way", [(), ("--server-side", "--force-conflicts")], ids=["client", "server"]
)
def test_to_apply_twice_changes_nothing(server: ApiServer, way: tuple[str, ...]) -> None:
    """Nor does what the API server fills in show as a difference (`kubectl diff`, Argo CD)."""
    server.kubectl("apply", *way, "-f", "-", text=stream())  # who applies is new, once
    before = resource_versions(server)
    server.kubectl("apply", *way, "-f", "-", text=stream())
    assert resource_versions(server) == before
    assert server.kubectl("diff", *way, "-f", "-", text=stream()) == ""


def resource_versions(server: ApiServer) -> Mapping[str, str]:
    every = json.loads(server.kubectl("get", "crd", "-o", "json"))["items"]
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in every}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_all_that_works_is_taken_and_kept_whole(
    server: ApiServer, namespace: Namespace, version: str
) -> None:
    """In every version; nothing is pruned, nothing filled in."""
    sent = [
        {**raw, "apiVersion": api_version}
        for raw in working()
        if (api_version := f"{str(raw['apiVersion']).partition('/')[0]}/{version}") in VERSIONS
        and not any(each.code == "unknown-field" for each in decode(raw).problems)
    ]
    assert len(sent) > 150
    made = kubectl_create(server, namespace, *sent)
    assert [each.get("spec") for each in made] == [without_null(each.get("spec")) for each in sent]


def without_null(value: object) -> object:
    match value:
        case dict():
            return {name: without_null(each) for name, each in value.items() if each is not None}
        case list():
            return [without_null(each) for each in value]
        case _:
            return value


def test_what_is_wrong_is_refused_at_its_field(server: ApiServer, namespace: Namespace) -> None:
    """Those that the checks refuse, too: one for each rule, and more."""
    raws: list[dict[str, Any]] = [
        {**refused(kind, spec), "metadata": {"name": f"x-{number}"}}
        for number, (kind, spec, _) in enumerate(REFUSED)
    ]
    with pytest.raises(RuntimeError) as told:
        kubectl_create(server, namespace, *raws, validate=IGNORE)
    words = dict(REFUSAL.findall(str(told.value)))
    for raw, (_, spec, field) in zip(raws, REFUSED, strict=True):
        path = f"spec.{field}".removesuffix(".")
        assert path in words.get(raw["metadata"]["name"], ""), (spec, words)


def test_an_unknown_field_is_not_kept(server: ApiServer, namespace: Namespace) -> None:
    """And who asks for it (`kubectl` does) is told."""
    (raw,) = (each for each in working() if each["metadata"] == {"name": "x-0"})
    odd = {**raw, "spec": {**raw["spec"], "unheard": 1}}
    (made,) = kubectl_create(server, namespace, odd, validate=IGNORE)
    assert made["spec"] == raw["spec"]
    with pytest.raises(RuntimeError, match='unknown field "unheard"'):
        kubectl_create(server, namespace, odd)


STATUS = {
    "observedGeneration": "1",  # as Istio writes it
    "conditions": [
        {"type": "Accepted", "status": "True", "observedGeneration": 1, "reason": "Valid"},
        {"type": "Programmed", "status": "False", "message": "1 of 2 proxies"},
    ],
    "validationMessages": [
        {
            "type": {"code": "IST0101", "name": "ReferencedResourceNotFound"},
            "level": "ERROR",
            "documentationUrl": "https://example.com",
        }
    ],
    "addresses": [{"value": "240.240.0.1"}],  # which Istio writes on ServiceEntries
}
COLUMNS = {
    "vs": ["GATEWAYS", "HOSTS"],
    "dr": ["HOST"],
    "se": ["HOSTS", "LOCATION", "RESOLUTION"],
    "we": ["ADDRESS"],
    "wg": [],
    "gw": [],
    "sidecar": [],
    "pa": ["MODE"],
    "ap": ["ACTION"],
    "ra": [],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_kubectl_shows_what_became_of_an_object(
    server: ApiServer, namespace: Namespace, name: str
) -> None:
    """By its short name; an object of any version is the same in all."""
    (kind,) = (
        kind
        for kind, definition in DEFINITIONS.items()
        if name in (*definition["spec"]["names"].get("shortNames", ()), kind.lower())
    )
    raw = next(each for each in working() if each["kind"] == kind)
    place = f"--namespace={namespace.name}"
    server.kubectl("create", place, "-f", "-", text=json.dumps(raw))
    patch = json.dumps({"status": STATUS})
    which = (kind.lower(), raw["metadata"]["name"])
    server.kubectl("patch", place, *which, "--subresource=status", "--type=merge", "-p", patch)
    header, line = (row.split() for row in server.kubectl("get", place, name).splitlines())
    assert header == ["NAME", *COLUMNS[name], "ACCEPTED", "PROGRAMMED", "AGE"]
    assert line[-3:-1] == ["True", "False"]
    for version in DEFINITIONS[kind]["spec"]["versions"]:
        full = f"{kind.lower()}.{version['name']}.{DEFINITIONS[kind]['spec']['group']}"
        read = json.loads(server.kubectl("get", place, full, which[1], "-o", "json"))
        assert (read["spec"], read["status"]) == (raw["spec"], STATUS)
    for category in DEFINITIONS[kind]["spec"]["names"]["categories"]:
        assert which[1] in server.kubectl("get", place, category)
