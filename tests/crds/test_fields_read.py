"""Whatever is dropped of an object, it reads the same."""

from collections.abc import Mapping

import pytest

from crds.convert import plan
from crds.core import EndpointSlice, Pod, Service
from crds.fields_read import Shape, only, shape
from crds.secret import Secret


@pytest.mark.parametrize("cls", [Pod, Service, EndpointSlice, Secret])
def test_every_field_that_is_read_is_in_the_shape(cls: type) -> None:
    """By the decoder's own table of names."""
    assert shape(cls).keys() == plan(cls).slots.keys()


def test_what_is_not_read_goes_at_any_depth() -> None:
    pod = {
        "nodeName": "n",
        "tolerations": [{"key": "a"}],
        "containers": [
            {"name": "app", "stdin": True, "ports": [{"containerPort": 1, "hostPort": 2}]},
            {"name": "other"},
        ],
    }
    assert only(pod, shape(Pod)) == {
        "nodeName": "n",
        "containers": [
            {"name": "app", "ports": [{"containerPort": 1}]},
            {"name": "other"},
        ],
    }


def test_a_map_is_kept_whole() -> None:
    assert only({"selector": {"a": "b"}}, shape(Service)) == {"selector": {"a": "b"}}


def test_an_address_of_a_pod_is_kept_with_its_own_name() -> None:
    assert only({"podIPs": [{"ip": "10.0.0.1", "x": 1}]}, shape(Pod)) == {
        "podIPs": [{"ip": "10.0.0.1"}]
    }


@pytest.mark.parametrize("odd", [None, 1, "x", ["x"]])
def test_what_has_another_type_is_left_for_the_decoder_to_tell(odd: object) -> None:
    wanted: Shape = {"a": {"b": None}}
    raw: Mapping[str, object] = {"a": odd}
    assert only(raw, wanted) == raw
