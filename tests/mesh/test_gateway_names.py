"""The ways to name a Gateway (S-2)."""

import pytest

from mesh.gateway_names import gateway_name, gateway_names


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("mesh", "mesh"),
        ("gw", "shop/gw"),
        ("./gw", "shop/gw"),
        ("edge/gw", "edge/gw"),
        ("gw.edge", "edge/gw"),
        ("gw.edge.svc.cluster.local", "edge/gw"),
    ],
)
def test_every_form(name: str, full: str) -> None:
    assert gateway_name(name, "shop") == full


def test_a_list_without_the_sidecars_and_each_once() -> None:
    assert gateway_names(("mesh", "gw", "shop/gw"), "shop") == ("shop/gw",)
