"""Dumps of ours say where each object is written, which Envoy's own do not."""

from collections.abc import Mapping

import pytest

from crds.meta import Key
from heddle.proxies.written import Facts, without_stamps, written
from mesh.source import Source
from translator.provenance import metadata
from webhook import raw

VIRTUAL_SERVICE = Key("networking.istio.io", "VirtualService", "shop", "web")
SERVICE = Key("", "Service", "shop", "web")
LINES = {
    Source(object=VIRTUAL_SERVICE, path="spec.http[1]"): 12,
    Source(object=SERVICE): 3,
    Source(
        object=Key("security.istio.io", "AuthorizationPolicy", "shop", "viewer"),
        path="spec.rules[0]",
    ): 40,
}
FACTS = Facts(
    place=lambda source: {"file": "web.yaml", "line": LINES[source]} if source in LINES else {},
    services={8080: SERVICE},
)
RULES = {"action": "ALLOW", "policies": {"ns[shop]-policy[viewer]-rule[0]": {}, "another": {}}}
RBAC = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
    "rules": RULES,
}
MANAGER = {"typed_config": {"http_filters": [{"typed_config": RBAC}]}}
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def shown(resource: Mapping[str, object]) -> list[str]:
    """What is said of a resource, each object as `Kind namespace/name path file:line`."""
    found = raw.mapping(written({"it": resource}, FACTS)["it"])
    told = raw.mapping(raw.mapping(found.get("metadata")).get("filter_metadata"))
    return [
        f"{each['kind']} {each.get('namespace', '')}/{each['name']} {each.get('path', '-')} "
        f"{each.get('file', '-')}:{each.get('line', '-')}"
        for each in raw.objects(raw.mapping(told.get("heddle.written")).get("objects"))
    ]


def named(**how: object) -> Mapping[str, object]:
    """The metadata of a resource, as a dump has it."""
    made = metadata(**how)  # type: ignore[arg-type]  # as it is called everywhere else
    assert made is not None
    fields = {
        name: {key: value.string_value for key, value in each.fields.items()}
        for name, each in made.filter_metadata.items()
    }
    return {"filter_metadata": fields}


ROUTED = Source(object=VIRTUAL_SERVICE, path="spec.http[1]")
SERVED = "Service shop/web - web.yaml:3"


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        (
            {"name": "route", "metadata": named(source=ROUTED, of=SERVICE)},
            ["VirtualService shop/web spec.http[1] web.yaml:12", SERVED],
        ),
        ({"name": "outbound|80||web", "metadata": named(of=SERVICE)}, [SERVED]),
        ({"name": "inbound|8080||", "@type": CLUSTER}, [SERVED]),
        ({"name": "inbound|9000||", "@type": CLUSTER}, []),
        ({"name": "inbound|8080||"}, []),
        ({"name": "outbound|80||web", "metadata": {"filter_metadata": {"other": {}}}}, []),
    ],
)
def test_each_object_has_its_place(resource: Mapping[str, object], says: list[str]) -> None:
    assert shown(resource) == says


def test_what_takes_calls_names_service_and_policies() -> None:
    chain = {"name": "0.0.0.0_8080-mtls", "filters": [MANAGER]}
    listener = {"traffic_direction": "INBOUND", "filter_chains": [chain, {"name": "0.0.0.0_81"}]}
    found = raw.mapping(written({"it": listener}, FACTS)["it"])
    first, second = raw.objects(found["filter_chains"])
    policy = "AuthorizationPolicy shop/viewer spec.rules[0] web.yaml:40"
    assert shown({"traffic_direction": "INBOUND", **chain}) == [SERVED, policy]
    assert "metadata" in first
    assert "metadata" not in second
    assert shown(chain) == [policy]  # of a gateway: there is no service of the workload


def test_without_it_a_resource_is_what_its_version_is_of() -> None:
    dump = {
        "configs": [
            {"name": "inbound|8080||", "@type": CLUSTER},
            {"name": "route", "metadata": named(source=ROUTED)},
        ]
    }
    assert written(dump, FACTS) != dump
    assert without_stamps(written(dump, FACTS)) == dump
    stamps = {"heddle": {"written": "web.yaml:3", "service": {"object": "Service shop/web"}}}
    sent = {"name": "inbound|8080||", "@type": CLUSTER, "metadata": {"filter_metadata": stamps}}
    assert without_stamps({"configs": [sent, dump["configs"][1]]}) == dump
    others = {"filter_metadata": {"other": {"written": "x"}}, "typed_filter_metadata": {"a": {}}}
    assert without_stamps({"metadata": others}) == {"metadata": others}
