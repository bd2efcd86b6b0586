"""MeshConfig's providers of authorization, as they are read."""

import pytest
from envoy.type.v3.http_status_pb2 import StatusCode

from crds.extension_provider import STATUSES
from crds.mesh_config import mesh_config
from tests.crds.specs import short

HERE = "extensionProviders[0]"
GRPC = f"{HERE}.envoyExtAuthzGrpc"


def told(*providers: object) -> list[str]:
    return [short(each) for each in mesh_config({"extensionProviders": list(providers)})[1]]


def grpc(**fields: object) -> dict[str, object]:
    return {
        "name": "a",
        "envoyExtAuthzGrpc": {"service": "a.test", "port": 9000, **fields},
    }


def test_the_statuses_are_those_that_envoy_takes() -> None:
    assert set(StatusCode.values()) - {0} == STATUSES


@pytest.mark.parametrize("status", ["", "403", "503"])
def test_a_provider_that_is_right_is_not_told_of(status: str) -> None:
    assert told(grpc(statusOnError=status, timeout="1s")) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"service": ""}, f"bad-host {GRPC}.service"),
        ({"service": "*.test"}, f"bad-host {GRPC}.service"),
        ({"port": 70_000}, f"bad-port {GRPC}.port"),
        ({"timeout": "0.1ms"}, f"too-short {GRPC}.timeout"),
        ({"statusOnError": "418"}, f"bad-status {GRPC}.statusOnError"),
        ({"statusOnError": "\u0664\u0660\u0663"}, f"bad-status {GRPC}.statusOnError"),
        ({"statusOnError": "9" * 5000}, f"bad-status {GRPC}.statusOnError"),
    ],
)
def test_what_cannot_be_asked_is_told(fields: dict[str, object], problem: str) -> None:
    assert told(grpc(**fields)) == [problem]


def test_providers_are_told_apart_by_name() -> None:
    assert told(grpc(), grpc()) == ["duplicate extensionProviders[1].name"]
    assert told({**grpc(), "name": ""}) == [f"missing {HERE}.name"]


def test_what_is_for_telemetry_is_told_once() -> None:
    assert told({"name": "a", "zipkin": {}}) == [f"~not-translated {HERE}.zipkin"]


def test_what_is_no_provider_is_told() -> None:
    assert told("a") == [f"wrong-type {HERE}", f"missing {HERE}.name"]
    _, problems = mesh_config({"extensionProviders": "a"})
    assert [short(each) for each in problems] == ["wrong-type extensionProviders"]
