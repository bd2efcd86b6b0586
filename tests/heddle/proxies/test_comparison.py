"""What a proxy is to hold and what it says that it holds, in the forms that Envoy gives them."""

import pytest

from heddle.proxies.comparison import Agreement, Compared, compared

ADMIN = "type.googleapis.com/envoy.admin.v3."
Json = dict[str, object]


def dump(kind: str, field: str, *entries: Json) -> Json:
    return {"configs": [{"@type": f"{ADMIN}{kind}", field: list(entries)}]}


def clusters(*entries: Json, field: str = "dynamic_active_clusters") -> Json:
    return dump("ClustersConfigDump", field, *entries)


def cluster(name: str = "a", status: str = "ACKED", **fields: object) -> Json:
    content = {"@type": "x", "name": name, **fields}
    return {"version_info": "v1", "cluster": content, "client_status": status}


def one(desired: Json, live: Json | None) -> Compared:
    (found,) = compared(desired, live)
    return found


@pytest.mark.parametrize(
    ("desired", "live", "agreement"),
    [
        ([cluster(type="EDS")], [cluster(type="EDS")], Agreement.SAME),
        ([cluster(type="EDS")], [cluster(type="STATIC")], Agreement.DIFFERS),
        ([cluster()], [], Agreement.MISSING),
        ([], [cluster()], Agreement.EXTRA),
    ],
)
def test_how_they_agree(desired: list[Json], live: list[Json], agreement: Agreement) -> None:
    assert one(clusters(*desired), clusters(*live)).agreement is agreement


def test_who_could_not_be_asked_does_not_differ() -> None:
    found = one(clusters(cluster()), None)
    assert (found.agreement, found.accepted, found.live) == (Agreement.UNKNOWN, True, None)


def test_words_and_acceptance_are_the_control_planes() -> None:
    entry = {**cluster(status="NACKED"), "error_state": {"details": "no"}}
    found = one(clusters(entry), clusters(cluster()))
    assert (found.agreement, found.accepted, found.words) == (Agreement.SAME, False, "no")
    assert found.version == "v1"


def test_a_cluster_that_warms_is_held_in_its_older_form() -> None:
    live = clusters(cluster(type="EDS"))
    warming = clusters(cluster(type="STATIC"), field="dynamic_warming_clusters")
    both: Json = {"configs": [*listed(warming), *listed(live)]}
    assert one(clusters(cluster(type="EDS")), both).agreement is Agreement.SAME
    assert one(clusters(cluster(type="STATIC")), warming).agreement is Agreement.SAME


def listed(found: Json) -> list[object]:
    configs = found["configs"]
    assert isinstance(configs, list)
    return configs


def test_a_listener_is_one_level_deeper() -> None:
    content = {"listener": {"name": "l", "x": 1}, "version_info": "v2"}
    wanted = dump(
        "ListenersConfigDump", "dynamic_listeners", {"name": "l", "active_state": content}
    )
    warm = dump("ListenersConfigDump", "dynamic_listeners", {"name": "l", "warming_state": content})
    found = one(wanted, warm)
    assert (found.kind, found.name, found.version) == ("listener", "l", "v2")
    assert found.agreement is Agreement.SAME
    broken = dump("ListenersConfigDump", "dynamic_listeners", {"name": "l", "error_state": {}})
    assert one(wanted, broken).agreement is Agreement.MISSING


def test_virtual_hosts_come_in_any_order() -> None:
    def routes(*hosts: str) -> Json:
        content = {"name": "80", "virtual_hosts": [{"name": host} for host in hosts]}
        return dump("RoutesConfigDump", "dynamic_route_configs", {"route_config": content})

    assert one(routes("a", "b"), routes("b", "a")).agreement is Agreement.SAME
    assert one(routes("a", "b"), routes("a")).agreement is Agreement.DIFFERS


def endpoints(*addresses: str, name: str = "a", **more: object) -> Json:
    listed = [
        {
            "endpoint": {"address": {"socket_address": {"address": each, "port_value": 80}}},
            **more,
        }
        for each in addresses
    ]
    content = {"cluster_name": name, "endpoints": [{"lb_endpoints": listed}]}
    return dump("EndpointsConfigDump", "dynamic_endpoint_configs", {"endpoint_config": content})


def test_of_endpoints_the_addresses_and_weights_count() -> None:
    """Envoy writes down what it made of them: health, metadata, an order of its own."""
    live = endpoints("2", "1", health_status="HEALTHY")
    assert one(endpoints("1", "2"), live).agreement is Agreement.SAME
    assert one(endpoints("1"), live).agreement is Agreement.DIFFERS
    heavy = endpoints("1", load_balancing_weight=2)
    assert one(endpoints("1"), heavy).agreement is Agreement.DIFFERS


def test_addresses_that_are_inside_a_cluster_are_no_resource_of_their_own() -> None:
    inside: Json = {"configs": [*listed(clusters(cluster(type="STATIC"))), *listed(endpoints("1"))]}
    assert [each.kind for each in compared({}, inside)] == ["cluster"]
    beside: Json = {"configs": [*listed(clusters(cluster(type="EDS"))), *listed(endpoints("1"))]}
    assert [each.kind for each in compared({}, beside)] == ["cluster", "endpoint"]


def test_secrets_are_told_apart_by_their_versions_and_those_of_files_are_not_ours() -> None:
    def secrets(*entries: Json) -> Json:
        return dump("SecretsConfigDump", "dynamic_active_secrets", *entries)

    def secret(name: str, version: str) -> Json:
        shown = {"name": name, "tls_certificate": {"private_key": "[redacted]"}}
        return {"name": name, "version_info": version, "secret": shown}

    live = secrets(secret("default", "1"), {"name": "f", "secret": {"name": "f"}})
    assert one(secrets(secret("default", "1")), live).agreement is Agreement.SAME
    assert one(secrets(secret("default", "2")), live).agreement is Agreement.DIFFERS


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"configs": 7},
        {"configs": [7, {}, {"@type": 7}]},
        clusters({"cluster": 7}, {"cluster": {}}),
        {"configs": [{"@type": f"{ADMIN}ClustersConfigDump", "dynamic_active_clusters": 7}]},
    ],
)
def test_what_is_no_dump_holds_nothing(odd: Json) -> None:
    """An Envoy may say anything."""
    assert compared(odd, odd) == []


def test_they_are_in_order() -> None:
    mixed: Json = {
        "configs": [
            *listed(endpoints("1", name="z")),
            *listed(clusters(cluster("b"), cluster("a"))),
        ]
    }
    assert [(each.kind, each.name) for each in compared(mixed, None)] == [
        ("cluster", "a"),
        ("cluster", "b"),
        ("endpoint", "z"),
    ]
