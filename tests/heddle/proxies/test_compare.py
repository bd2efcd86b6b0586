"""How what a proxy holds differs from what it is to hold."""

from collections.abc import Mapping, Sequence

import pytest

from heddle.proxies.compare import Difference, State, as_dict, compare, row
from tests.heddle.proxies.dumps import (
    Json,
    cluster,
    config,
    endpoints,
    listener,
    route,
    secret,
)

Lists = Mapping[str, Sequence[Json]]


def acked(entry: Json, status: str = "ACKED", **more: object) -> Json:
    """An entry as the control plane's own dump has it."""
    return {**entry, "client_status": status, **more}


def differences(desired: Lists, live: Lists, boot: object = None) -> Sequence[Difference]:
    """What is found in two dumps of one section each."""
    started = [("BootstrapConfigDump", {"bootstrap": boot})] if boot else []
    return compare(
        config(("Desired", desired)),
        config(*started, ("Live", live)),  # type: ignore[arg-type]  # a bootstrap is no list
    )


@pytest.mark.parametrize(
    ("desired", "live", "state", "where"),
    [
        ([acked(cluster("c"))], [cluster("c")], State.SAME, ""),
        (
            [acked(cluster("c", a=[{"b": 1}]))],
            [cluster("c", a=[{"b": 2}])],
            State.CHANGED,
            "cluster",
        ),
        ([acked(cluster("c"))], [], State.MISSING, ""),
        ([], [cluster("c")], State.EXTRA, ""),
        ([acked(cluster("c", a=1))], [cluster("c")], State.CHANGED, "cluster"),
    ],
)
def test_a_cluster(desired: list[Json], live: list[Json], state: State, where: str) -> None:
    (found,) = differences({"dynamic_active_clusters": desired}, {"dynamic_active_clusters": live})
    assert found.state is state
    assert bool(found.where) == bool(where)
    assert found.differs == (state is not State.SAME)


def test_the_field_that_differs_is_named() -> None:
    live = cluster("c", lb={"x": [{"y": 2}]})
    (found,) = differences(
        {"dynamic_active_clusters": [acked(cluster("c", lb={"x": [{"y": 1}]}))]},
        {"dynamic_active_clusters": [live]},
    )
    assert found.where == "lb.x[0].y"


def test_what_the_bootstrap_brought_is_nobodys_to_send() -> None:
    """Static resources, and secrets that the proxy reads from files of its own."""
    boot = {"secrets": [{"name": "xds-ca", "sds_config": {"path_config_source": {"path": "/x"}}}]}
    live: Lists = {
        "static_clusters": [{"cluster": {"name": "xds"}}],
        "dynamic_active_secrets": [secret("xds-ca"), secret("default")],
    }
    (found,) = differences({"dynamic_active_secrets": [acked(secret("default"))]}, live, boot)
    assert (found.name, found.state) == ("default", State.SAME)


def test_secrets_by_their_version() -> None:
    """What is in them is not shown by either."""
    old = {**secret("s"), "version_info": "0"}
    (found,) = differences(
        {"dynamic_active_secrets": [acked(secret("s"))]}, {"dynamic_active_secrets": [old]}
    )
    assert (found.state, found.where) == (State.CHANGED, "version")


def test_endpoints_by_address_and_weight() -> None:
    """Envoy adds what it has found out at runtime, and lists clusters that need none of us."""
    clusters = {"dynamic_active_clusters": [cluster("c")]}
    wanted = {"dynamic_endpoint_configs": [acked(endpoints("c", ("1.1.1.1", 80)))]}
    same = endpoints("c", ("1.1.1.1", 80), health_status="HEALTHY", load_balancing_weight=1)
    live = {**clusters, "dynamic_endpoint_configs": [same, endpoints("static", ("2.2.2.2", 1))]}
    desired = {"dynamic_active_clusters": [acked(cluster("c"))], **wanted}
    assert {each.state for each in differences(desired, live)} == {State.SAME}
    other = {**clusters, "dynamic_endpoint_configs": [endpoints("c", ("1.1.1.2", 80))]}
    (found,) = [each for each in differences(desired, other) if each.differs]
    assert (found.kind, found.where) == ("endpoint", "1.1.1.1:80")
    alone = {**clusters, "dynamic_endpoint_configs": [same]}
    (found,) = [
        e
        for e in differences({"dynamic_active_clusters": [acked(cluster("c"))]}, alone)
        if e.differs
    ]
    assert (found.kind, found.state) == ("endpoint", State.EXTRA)


def test_virtual_hosts_in_any_order() -> None:
    first, second = {"name": "a", "x": 1}, {"name": "b"}
    desired = {"dynamic_route_configs": [acked(route("80", first, second))]}
    (found,) = differences(desired, {"dynamic_route_configs": [route("80", second, first)]})
    assert found.state is State.SAME
    changed = {"dynamic_route_configs": [route("80", second, {"name": "a", "x": 2})]}
    (found,) = differences(desired, changed)
    assert found.where == "virtual_hosts.a.x"


def test_what_is_rejected_differs_in_any_case() -> None:
    """With Envoy's words, in a table and for programs."""
    refused = acked(
        listener("l", "0.0.0.0", 80), "NACKED", error_state={"details": "address in use"}
    )
    (found,) = differences(
        {"dynamic_listeners": [refused]}, {"dynamic_listeners": [listener("l", "0.0.0.0", 80)]}
    )
    assert (found.state, found.differs) == (State.SAME, True)
    assert row(found) == ("listener", "l", "1", "REJECTED", "1", "same", "address in use")
    assert as_dict(found) == {
        "kind": "listener",
        "name": "l",
        "state": "same",
        "desired": "1",
        "acked": "NACKED",
        "live": "1",
        "reason": "address in use",
    }


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        (
            Difference(kind="k", name="n", state=State.MISSING, desired="1", acked="REQUESTED"),
            ("k", "n", "1", "no", "-", "missing", ""),
        ),
        (
            Difference(kind="k", name="n", state=State.EXTRA, live="1"),
            ("k", "n", "-", "-", "1", "extra", ""),
        ),
        (
            Difference(
                kind="k", name="n", state=State.CHANGED, desired="1", acked="ACKED", where="a"
            ),
            ("k", "n", "1", "yes", "yes", "changed", "a"),
        ),
    ],
)
def test_a_line_of_the_table(found: Difference, cells: tuple[str, ...]) -> None:
    assert row(found) == cells


def test_a_listener_that_drains_is_there_no_more() -> None:
    """For as long as connections from before an edit are open."""
    tls = {"tls_certificate_sds_secret_configs": [{"name": "s", "sds_config": {}}]}
    message = {"name": "l", "chains": [{"rds": {"route_config_name": "r"}, "tls": tls}]}
    routes, secrets = [route("r")], [secret("s")]
    held: Lists = {"dynamic_route_configs": routes, "dynamic_active_secrets": secrets}
    drains = {"name": "l", "draining_state": {"listener": message}}
    assert not differences({}, {"dynamic_listeners": [drains], **held})
    serves = {"name": "l", "active_state": {"listener": message}}
    found = differences({}, {"dynamic_listeners": [serves], **held})
    assert [(each.name, each.state) for each in found] == [(name, State.EXTRA) for name in "lrs"]
